// SPDX-License-Identifier: Apache-2.0

package content

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNameSigner(t *testing.T) {
	const service = "/signing-services/1/"
	overrides := map[string]any{"signing_service": service, "signing_service_release_overrides": map[string]any{"sid": "/signing-services/2/"}}
	for name, c := range map[string]struct {
		t                      Type
		path                   string
		body, repository, want map[string]any
		unknown                bool // of a publication that names nobody
	}{
		"the repository's": {t: deb, path: "deb/apt", repository: map[string]any{"signing_service": service}, want: map[string]any{"signing_service": service}, unknown: true},
		"another named": {
			t: deb, path: "deb/apt", body: map[string]any{"signing_service": "/x/"}, repository: map[string]any{"signing_service": service},
			want: map[string]any{"signing_service": "/x/"}, unknown: true,
		},
		"parts have others": {t: deb, path: "deb/apt", repository: overrides, want: map[string]any{}, unknown: true},
		"nobody":            {t: deb, path: "deb/apt", repository: map[string]any{"signing_service": nil, "signing_service_release_overrides": map[string]any{}}, want: map[string]any{}},
		"as upstream":       {t: deb, path: "deb/verbatim", repository: map[string]any{"signing_service": service}, want: map[string]any{}, unknown: true},
		"no such field":     {t: rpm, path: "rpm/rpm", repository: map[string]any{"metadata_signing_service": service}, want: map[string]any{}},
	} {
		body := map[string]any{}
		for key, value := range c.body {
			body[key] = value
		}
		c.t.NameSigner(c.path, body, c.repository)
		if diff := cmp.Diff(c.want, body); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if c.t.Signature == nil {
			continue
		}
		if by, unknown := c.t.Signed("", c.repository); by != "" || unknown != c.unknown {
			t.Errorf("%s: a publication without a name: %q, unknown %v", name, by, unknown)
		}
		if by, unknown := c.t.Signed(service, c.repository); by != service || unknown {
			t.Errorf("%s: a publication with one: %q, unknown %v", name, by, unknown)
		}
	}
	fields, err := deb.Mirror(t.Context(), Source{Remote: map[string]any{"distributions": "stable", "gpgkey": "upstream's"}, PublicKey: "KEY"})
	if err != nil || fields["gpgkey"] != "KEY" {
		t.Errorf("a mirror's key: %v, %v", fields["gpgkey"], err)
	}
}
