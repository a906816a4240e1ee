// SPDX-License-Identifier: Apache-2.0

package content

import (
	"context"
	"net/url"
	"regexp"
	"strings"

	"github.com/pulp/pulp-manager/internal/fault"
)

// container is a repository of a container registry: tags with what they name.
//
// A client that pushes makes Pulp create the repository, with a distribution that follows it. That stays
// so; older versions of Pulp keep such repositories in a list of their own.
var container = Type{&declaration{
	Name: "container", Component: "container", Path: "container/container", OtherPaths: []string{"container/container-push"},
	Units: "container.tag", Noun: "tag", Serving: PinnedVersion,
	Options: []Option{
		{Name: "upstream_name", Doc: "Name of the repository in the registry at url, such as library/debian.", Required: true, Check: registryName},
		{Name: "include_tags", Doc: "Tags to sync, * and ? in them for any characters or one: a text with blanks between them, or a list. Default all.", Check: tags},
		{Name: "exclude_tags", Doc: "Tags of those not to sync, written likewise. Default none.", Check: tags},
		policy,
	},
	Remote: func(options map[string]any) map[string]any {
		fields := map[string]any{"upstream_name": options["upstream_name"], "includes": nil, "excludes": nil}
		for option, field := range map[string]string{"include_tags": "includes", "exclude_tags": "excludes"} {
			if v, ok := options[option]; ok {
				fields[field] = v
			}
		}
		return setPolicy(fields, options)
	},
	Renamed: []Renaming{{Field: "includes", Was: "include_tags", Since: "2.28.0"}, {Field: "excludes", Was: "exclude_tags", Since: "2.28.0"}},

	Feed: func(address, _ string) string { return address },
	Mirror: func(_ context.Context, s Source) (map[string]any, error) {
		return map[string]any{"upstream_name": s.BasePath, "includes": nil, "excludes": nil, "policy": "immediate"}, nil
	},
	MirrorLogin: true,

	Sync:        Method{Name: "additive"},
	MirrorSync:  []Method{{Name: "mirror", Options: map[string]any{"mirror": true}}},
	SyncOptions: []string{"mirror", "signed_only"},

	Packages: Packages{
		Path: "container/tags", Fields: []string{"name"}, Recursive: true,
		// An image is found by its digest as the tags that name it.
		Filters: map[string]string{"name": "name", "sha256": "digest"}, HashPrefix: "sha256:",
		Unit: func(f map[string]any) Unit { return Unit{Name: text(f, "name")} },
	},
	Parsed: []string{"sync.processing.manifest", "sync.processing.tag"},
	Guard:  guardContainer,
	Place:  func(basePath string) string { return "/v2/" + basePath + "/" },
	Read:   readContainer,
}}

// guardContainer tells a sync that "completed" without a tag that was asked for.
func guardContainer(ctx context.Context, v Version) error {
	asked := texts(v.Remote, "includes")
	if len(asked) == 0 {
		asked = texts(v.Remote, "include_tags") // before pulp_container 2.28
	}
	if len(asked) == 0 {
		return nil
	}
	there, err := v.List(ctx, "content/container/tags/", url.Values{"repository_version": {v.Href}, "fields": {"name"}})
	if err != nil {
		return err
	}
	var missing []string
	for _, pattern := range asked {
		if strings.HasPrefix(pattern, "sha256:") { // by hand: the content of a digest need not have a tag
			continue
		}
		found := false
		for _, tag := range there {
			found = found || wildcard(pattern).MatchString(text(tag, "name"))
		}
		if !found {
			missing = append(missing, pattern)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return fault.New(fault.Invalid, "upstream has no tag %s", some(missing, func(tag string) string { return tag })).
		WithHint("correct \"include_tags\" in the repository's definition; what was served before is served on")
}

// wildcard reads a pattern with * and ?, as Pulp does.
func wildcard(pattern string) *regexp.Regexp {
	quoted := regexp.QuoteMeta(pattern)
	return regexp.MustCompile("^" + strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(quoted) + "$")
}

var registryNamePattern = regexp.MustCompile(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$`)

// registryName reads the name of a repository in a registry.
func registryName(value any) (any, error) {
	name, ok := value.(string)
	if name = strings.TrimSpace(name); !ok || !registryNamePattern.MatchString(name) {
		return nil, fault.New(fault.Invalid, "must be a repository's name without registry and tag, in small letters, such as library/debian, not %v", value)
	}
	return name, nil
}

var tagPattern = regexp.MustCompile(`^[A-Za-z0-9_*?][A-Za-z0-9._*?-]*$`)

// tags reads a list of tags.
func tags(value any) (any, error) {
	return list(value, func(tag string) error {
		if !tagPattern.MatchString(tag) {
			return fault.New(fault.Invalid, "%q is not a tag, nor a pattern of tags with * and ?", tag)
		}
		return nil
	})
}
