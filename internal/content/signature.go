// SPDX-License-Identifier: Apache-2.0

package content

// Signature is how Pulp's sync checks that metadata is signed by whom it should be.
type Signature struct {
	// Publication is the path of the publications that a server signs itself, and Service their field
	// that names the signing service. What others serve is signed by whoever signed it upstream.
	Publication, Service string
	// Overrides is the repository's field with other services for parts of it.
	Overrides string
	Key       string // remote's field with the public key, armored; null: nothing is checked
}

// NameSigner makes the body of a publication of a repository with these fields name who signs it. Pulp would
// sign it without that, but then the publication does not tell by whom (seen with pulp_deb 3.11), and
// the repository's service may be another one later. Where parts have other services, Pulp chooses.
func (t Type) NameSigner(path string, body, repository map[string]any) {
	s := t.Signature
	if s == nil || path != s.Publication {
		return
	}
	overrides, _ := repository[s.Overrides].(map[string]any)
	service := text(repository, t.Signs)
	if body[s.Service] == nil && service != "" && len(overrides) == 0 {
		body[s.Service] = service
	}
}

// Signed tells what a publication's service says about who signed it: the service; or that nobody did,
// because its repository has none either; or, if unknown, that somebody may have.
func (t Type) Signed(service string, repository map[string]any) (by string, unknown bool) {
	overrides, _ := repository[t.Signature.Overrides].(map[string]any)
	return service, service == "" && (text(repository, t.Signs) != "" || len(overrides) > 0)
}
