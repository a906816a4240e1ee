// SPDX-License-Identifier: Apache-2.0

package fleet

// Definition describes a repository as an administrator wants it, read from one
// file (legacy section 1.9).
type Definition struct {
	Name      string // of remote, repository and distribution; prefixed when external
	Candidate string // name that registration patterns are matched against
	Type      RepositoryType

	Description string // free text, without the owner and base path that Pulp's field also carries
	Owner       string
	BaseURL     string // path prefix of the distribution

	URL           string // feed; empty: an internal repository, uploaded to
	Proxy         string
	TLSValidation *bool          // nil: not said
	Options       map[string]any // the type's own keys, checked by package content
	Secrets       []SecretSource

	Source string // file it came from, relative to the definitions' folder
}

// External tells whether the repository is filled from a feed.
func (d Definition) External() bool { return d.URL != "" }

// PulpDescription is the text stored in Pulp. Other tools and later runs parse the
// base path back from it, so its shape is fixed (legacy section 1.9.3).
func (d Definition) PulpDescription() string {
	return d.Description + " - " + d.Owner + " - base_url:" + d.BaseURL
}

// DefinitionProblem is a definition that cannot be used, and why.
type DefinitionProblem struct {
	Source string
	Err    error
}
