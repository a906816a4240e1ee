// SPDX-License-Identifier: Apache-2.0

package content

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/pulp/pulp-manager/internal/fault"
)

// python is a Python package index.
//
// It has no publications: one would break the index of a distribution that follows the repository
// (pulp_python 3.36 redirects to where nothing is), and a distribution of a version serves without.
var python = Type{&declaration{
	Name: "python", Component: "python", Path: "python/python", DistributionPath: "python/pypi",
	Units: "python.python", Noun: "package", Serving: PinnedVersion,
	Options: []Option{
		{
			Name: "includes", Required: true, Check: includes,
			Doc: "What to sync: names with or without versions, as pip takes them (a text with blanks between them, or a list); " +
				"\"*\" for everything upstream has, which of PyPI is far too much.",
		},
		{Name: "excludes", Doc: "What not to sync of it, written likewise. Default nothing.", Check: requirements},
		{Name: "prereleases", Doc: "Whether to sync pre-releases: true or false. Default false.", Check: yesOrNo},
		{
			Name: "package_types", Check: oneOf("bdist_dmg", "bdist_dumb", "bdist_egg", "bdist_msi", "bdist_rpm", "bdist_wheel", "bdist_wininst", "sdist"),
			Doc: "Kinds of packages, such as bdist_wheel and sdist: a text with blanks between them, or a list. Default all.",
		},
		{Name: "keep_latest_packages", Doc: "How many releases of each project to sync, newest first. Default 0, which is all.", Check: count},
		{
			Name: "exclude_platforms", Check: oneOf("windows", "macos", "freebsd", "linux"),
			Doc: "Platforms whose packages are not synced: windows, macos, freebsd, linux. Default none.",
		},
		policy,
	},
	Remote:   pythonRemote,
	CheckURL: pythonURL,

	Feed: func(address, basePath string) string { return address + "/pypi/" + basePath + "/" },
	Mirror: func(context.Context, Source) (map[string]any, error) {
		fields := pythonRemote(nil)
		fields["prereleases"] = true // the primary's too
		return fields, nil
	},

	Sync:        Method{Name: "additive"},
	MirrorSync:  []Method{{Name: "mirror", Options: map[string]any{"mirror": true}}},
	SyncOptions: []string{"mirror"},

	Snapshot: &Snapshot{Repository: []string{"allow_package_substitution"}},
	Packages: Packages{
		Path: "python/packages", Fields: []string{"name", "version", "sha256", "filename"},
		Filters: map[string]string{"name": "name", "version": "version", "sha256": "sha256"},
		Unit: func(f map[string]any) Unit {
			return Unit{Name: text(f, "name"), Version: text(f, "version"), SHA256: text(f, "sha256")}
		},
	},
	Parsed:      []string{"sync.fetching.project"},
	Guard:       guardPython,
	GuardMirror: guardPythonMirror,
	Place:       func(basePath string) string { return "/pypi/" + basePath + "/" },
	Read:        readPython,
}}

func pythonRemote(options map[string]any) map[string]any {
	fields := map[string]any{
		"includes": []any{}, "excludes": []any{}, "prereleases": false, "package_types": []any{},
		"keep_latest_packages": 0, "exclude_platforms": []any{},
	}
	for name := range fields {
		if v, ok := options[name]; ok {
			fields[name] = v
		}
	}
	return setPolicy(fields, options)
}

// pythonURL gives the address below which an index has simple/ and pypi/. Pulp asks it for both, and
// takes a path that does not end with a slash for a file's.
func pythonURL(address string) (string, error) {
	address = strings.TrimRight(address, "/") + "/"
	if strings.HasSuffix(address, "/simple/") {
		return "", fault.New(fault.Invalid, "url ends with /simple").
			WithHint("give the address above it, such as https://index.example.com/: Pulp asks below it for simple/ and pypi/ itself")
	}
	return address, nil
}

// guardPython tells a sync that "completed" without what it was asked for: Pulp only logs projects that
// are not there, or cannot be read, or of which nothing is left by the other settings.
func guardPython(ctx context.Context, v Version) error {
	asked := map[string]string{} // normal name → as asked for
	for _, include := range texts(v.Remote, "includes") {
		name, _, _ := splitRequirement(include)
		asked[normalName(name)] = include
	}
	const most = 50 // names that fit a request
	for names := range slices.Chunk(sortedKeys(asked), most) {
		there, err := v.List(ctx, "content/python/packages/", url.Values{
			"repository_version": {v.Href}, "name__in": {strings.Join(names, ",")}, "fields": {"name"},
		})
		if err != nil {
			return err
		}
		for _, unit := range there {
			delete(asked, normalName(text(unit, "name")))
		}
	}
	if len(asked) > 0 { // before pulp_python 3.28 a name finds only what is written the same way
		there, err := v.List(ctx, "content/python/packages/", url.Values{"repository_version": {v.Href}, "fields": {"name"}})
		if err != nil {
			return err
		}
		for _, unit := range there {
			delete(asked, normalName(text(unit, "name")))
		}
	}
	if len(asked) == 0 {
		return nil
	}
	missing := sortedKeys(asked)
	return fault.New(fault.Invalid, "upstream gave nothing for %s", some(missing, func(name string) string { return asked[name] })).
		WithHint("correct \"includes\", \"prereleases\" and the others in the repository's definition, or ask whoever runs the upstream; " +
			"what was served before is served on")
}

// guardPythonMirror tells a mirror that lost something on the way: Pulp only logs a project that it
// could not read, takes what it has of it out of the repository, and says that all is well.
func guardPythonMirror(ctx context.Context, ours, theirs Version) error {
	files := func(v Version) (map[string]string, error) {
		units, err := v.List(ctx, "content/python/packages/", url.Values{"repository_version": {v.Href}, "fields": {"filename,sha256"}})
		found := map[string]string{}
		for _, unit := range units {
			found[text(unit, "sha256")] = text(unit, "filename")
		}
		return found, err
	}
	wanted, err := files(theirs)
	if err != nil {
		return err
	}
	have, err := files(ours)
	if err != nil {
		return err
	}
	var missing []string
	for sum, name := range wanted {
		if _, ok := have[sum]; !ok {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	slices.Sort(missing)
	return fault.New(fault.Invalid, "the primary serves %d files that the sync did not bring: %s", len(missing), some(missing, func(name string) string { return name })).
		WithHint("sync it again: the primary did not answer, or changed meanwhile; what was served before is served on")
}
