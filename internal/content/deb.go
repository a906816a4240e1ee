// SPDX-License-Identifier: Apache-2.0

package content

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/pulp/pulp-manager/internal/fault"
)

// deb is an APT repository. In Pulp its suites are the field `distributions`.
//
// Its distributions follow the repository: superseded files stay available to clients for three
// days only so, and going back from that mode to a pinned publication does not work
// (seen with pulp_deb 3.11).
var deb = Type{&declaration{
	Name: "deb", Component: "deb", Path: "deb/apt", Units: "deb.package", Noun: "package", Serving: Following, Signs: "signing_service",
	SigningSetting: "deb_signing_service",
	Options: []Option{
		{Name: "releases", Doc: "Suites, with blanks between them; \"/\" for a flat repository. Default stable.", Check: words},
		{Name: "components", Doc: "Components, with blanks between them. Default all.", Check: words},
		{Name: "architectures", Doc: "Architectures, with blanks between them. Default all.", Check: words},
		{Name: "gpgkey", Doc: "Public key, armored: Pulp refuses what it did not sign. Default: what the remote has is left alone.", Check: armored},
		policy,
	},
	Remote: debRemote,

	Feed:   contentFeed,
	Mirror: debMirror, MirrorReadsRemote: true,
	Signature: &Signature{
		Publication: "deb/apt", Service: "signing_service", Overrides: "signing_service_release_overrides", Key: "gpgkey",
	},

	Sync: Method{Name: "additive"},
	MirrorSync: []Method{{
		Name: "mirror", Options: map[string]any{"mirror": true},
		// The very bytes of the primary, its signature among them.
		Publication: func() (string, map[string]any) { return "deb/verbatim", map[string]any{} },
	}},
	Full:        map[string]any{"optimize": false},
	SyncOptions: []string{"mirror", "optimize"},

	Publication: func(remote map[string]any) (string, map[string]any) {
		// A flat repository has no suites to structure the publication by.
		flat := isFlat(remote)
		return "deb/apt", map[string]any{"structured": !flat, "simple": flat}
	},
	// With a base version, modify drops what a verbatim publication is made of (seen with pulp_deb 3.11).
	Snapshot: &Snapshot{
		Copy: "deb",
		Repository: []string{
			"signing_service", "signing_service_release_overrides", "publish_upstream_release_fields", "excluded_package_metadata_fields",
		},
		Publication: []string{
			"simple", "structured", "signing_service", "layout", "publish_legacy_release_files", "excluded_package_metadata_fields",
		},
	},
	Packages: Packages{
		Path: "deb/packages", Fields: []string{"package", "version", "architecture", "sha256"}, Banned: true,
		Filters: map[string]string{"name": "package", "version": "version", "sha256": "sha256"},
		Unit: func(f map[string]any) Unit {
			return Unit{Name: text(f, "package"), Version: text(f, "version"), Architecture: text(f, "architecture"), SHA256: text(f, "sha256")}
		},
	},
	Hidden: []string{"deb.release_file", "deb.package_index", "deb.installer_file_index", "deb.installer_package"},
	Guard:  guardDeb,
	Read:   readDeb,
	Probe:  probeDeb,
}}

// flatSuite is the suite under which Pulp publishes a flat repository ("simple").
const flatSuite = "default"

func isFlat(remote map[string]any) bool { return text(remote, "distributions") == "/" }

// publishedSuites gives the suites that Pulp publishes of a repository whose remote has these fields.
func publishedSuites(remote map[string]any) []string {
	if isFlat(remote) {
		return []string{flatSuite}
	}
	return strings.Fields(text(remote, "distributions"))
}

func debRemote(options map[string]any) map[string]any {
	fields := map[string]any{"distributions": "stable", "components": nil, "architectures": nil, "ignore_missing_package_indices": false}
	for option, field := range map[string]string{"releases": "distributions", "components": "components", "architectures": "architectures", "gpgkey": "gpgkey"} {
		if v, ok := options[option]; ok {
			fields[field] = v
		}
	}
	// As the original: naming components means that not each architecture need have them all.
	fields["ignore_missing_package_indices"] = fields["components"] != nil
	return setPolicy(fields, options)
}

// debMirror names the suites that the primary publishes, as Pulp's API knows them: the content
// pages are for browsers and changed their links more than once (D82, D142).
func debMirror(ctx context.Context, s Source) (map[string]any, error) {
	suites := publishedSuites(s.Remote)
	if len(suites) == 0 {
		suites = strings.Fields(text(s.Mirror, "distributions"))
	}
	if len(suites) == 0 && s.Version != "" {
		releases, err := s.List(ctx, "content/deb/releases/", url.Values{"repository_version": {s.Version}, "fields": {"distribution"}})
		if err != nil {
			return nil, err
		}
		for _, r := range releases {
			suites = append(suites, text(r, "distribution"))
		}
		slices.Sort(suites)
		suites = slices.Compact(suites)
	}
	if len(suites) == 0 {
		return nil, fault.New(fault.NotFound, "the primary serves no suite of it").
			WithHint("upload packages to the repository on the primary and publish it there, or give its remote suites")
	}
	fields := map[string]any{
		"distributions": strings.Join(suites, " "), "components": nil, "architectures": nil,
		"ignore_missing_package_indices": false, "policy": "immediate",
		"gpgkey": nil, // another would refuse the primary's signature
	}
	if s.PublicKey != "" {
		fields["gpgkey"] = s.PublicKey
	}
	return fields, nil
}

// guardDeb tells a sync that "completed" without what it was asked for: Pulp skips components and
// architectures that do not exist upstream without a word.
func guardDeb(ctx context.Context, v Version) error {
	if isFlat(v.Remote) {
		return nil
	}
	indices, err := v.List(ctx, "content/deb/package_indices/", url.Values{
		"repository_version": {v.Href}, "fields": {"component,architecture,artifacts"},
	})
	if err != nil {
		return err
	}
	for _, want := range []struct{ field, of, noun string }{
		{"components", "component", "component"}, {"architectures", "architecture", "architecture"},
	} {
		var there []string
		for _, index := range indices {
			there = append(there, text(index, want.of))
		}
		slices.Sort(there)
		there = slices.Compact(there)
		for _, asked := range strings.Fields(text(v.Remote, want.field)) {
			if !slices.Contains(there, asked) && asked != "all" && asked != "source" {
				return fault.New(fault.Invalid, "upstream has no %s %q in %s; it has %s", want.noun, asked,
					text(v.Remote, "distributions"), strings.Join(there, ", ")).
					WithHint("correct %q in the repository's definition; what was served before is served on", want.field)
			}
		}
	}
	if v.Added > 0 || len(indices) == 0 {
		return nil
	}
	return guardIndexSizes(ctx, v, indices)
}

// guardIndexSizes tells an upstream that has gone empty: all its indices have no bytes. An
// additive sync keeps the old packages then, and says that all is well.
func guardIndexSizes(ctx context.Context, v Version, indices []map[string]any) error {
	var artifacts []string
	for _, index := range indices {
		files, _ := index["artifacts"].(map[string]any)
		for path, href := range files {
			if h, ok := href.(string); ok && strings.HasSuffix(path, "/Packages") {
				artifacts = append(artifacts, h)
			}
		}
	}
	if len(artifacts) == 0 || len(artifacts) > 40 {
		return nil // nothing to look at, or too much for one request: the contents are kept in any case
	}
	found, err := v.List(ctx, "artifacts/", url.Values{"pulp_href__in": {strings.Join(artifacts, ",")}, "fields": {"size"}})
	if err != nil {
		return err
	}
	for _, a := range found {
		if size, ok := a["size"].(float64); !ok || size > 0 {
			return nil
		}
	}
	if len(found) == 0 {
		return nil
	}
	return fault.New(fault.Invalid, "upstream has gone empty: all of its package indices have no entries").
		WithHint("ask whoever runs the upstream; what was served before is served on")
}
