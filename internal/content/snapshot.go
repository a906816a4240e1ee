// SPDX-License-Identifier: Apache-2.0

package content

import "strings"

// Snapshot says how a version of a repository becomes another repository that holds exactly the same.
type Snapshot struct {
	// Copy is the plugin whose copy request brings the content over. A copy adds, so it goes into an empty
	// repository. Empty: modify with the version as its base does, which also takes out what the version
	// does not have.
	Copy string
	// Repository are the fields of a repository that its snapshot has, too: by whom and how its metadata
	// is made. Those that a Pulp does not know are left out.
	Repository []string
	// Publication are the fields of a publication that the snapshot's has, too. None: the type's
	// distributions serve versions, not publications.
	Publication []string
}

// Republish gives the path and the body of a publication that is made as a served one, whose fields are
// given, was made.
func (t Type) Republish(served map[string]any) (path string, body map[string]any) {
	path, body = t.Publication(nil)
	_, rest, _ := strings.Cut(text(served, "pulp_href"), "/publications/")
	if parts := strings.Split(rest, "/"); len(parts) > 2 && parts[0]+"/"+parts[1] != path {
		return parts[0] + "/" + parts[1], map[string]any{} // a mirror's, which has nothing to choose
	}
	for _, name := range t.Snapshot.Publication {
		// "unknown" is how Pulp calls what it mirrored and did not choose itself (pulp_rpm 3.39).
		if value := served[name]; value != nil && value != "unknown" {
			body[name] = value
		}
	}
	return path, body
}
