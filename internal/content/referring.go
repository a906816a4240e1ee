// SPDX-License-Identifier: Apache-2.0

package content

import "strings"

// Referring is a kind of content that names packages and stays in a repository when they are taken out of it.
type Referring struct {
	Kind  string // as a version's content summary names it
	Path  string // of its list below content/
	Field string // that says which packages it names
	Names func(value any) []string
}

// rpmReferring names packages in what clients read beside the packages themselves. Pulp takes none of it along
// with a package (seen with pulp_rpm 3.39).
var rpmReferring = []Referring{
	{Kind: "rpm.advisory", Path: "rpm/advisories", Field: "pkglist", Names: func(value any) []string {
		var names []string
		for _, collection := range objects(value) {
			names = append(names, namesOf(collection["packages"])...)
		}
		return names
	}},
	{Kind: "rpm.modulemd", Path: "rpm/modulemds", Field: "artifacts", Names: func(value any) []string {
		var names []string
		list, _ := value.([]any)
		for _, item := range list {
			nevra, _ := item.(string)
			names = append(names, nameOfNEVRA(nevra))
		}
		return names
	}},
	{Kind: "rpm.packagegroup", Path: "rpm/packagegroups", Field: "packages", Names: namesOf},
}

func objects(value any) []map[string]any {
	var all []map[string]any
	list, _ := value.([]any)
	for _, item := range list {
		if o, ok := item.(map[string]any); ok {
			all = append(all, o)
		}
	}
	return all
}

func namesOf(value any) []string {
	var names []string
	for _, o := range objects(value) {
		names = append(names, text(o, "name"))
	}
	return names
}

// nameOfNEVRA gives the name in name-epoch:version-release.arch.
func nameOfNEVRA(nevra string) string {
	for range 2 {
		if i := strings.LastIndexByte(nevra, '-'); i > 0 {
			nevra = nevra[:i]
		}
	}
	return nevra
}
