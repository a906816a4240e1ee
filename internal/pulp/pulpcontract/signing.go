// SPDX-License-Identifier: Apache-2.0

package pulpcontract

import (
	"net/http"
	"strings"
)

var signings = []contract{
	{"signing: a deb publication names its service only where it was told it", signerNamed},
	{"signing: rpm metadata is signed by the repository's service, and a mirror carries the signature", signedRPM},
}

// rpmService is the name of the service for rpm metadata, in the lab and in the fake.
const rpmService = "rpm-metadata"

// signerNamed: signed by the repository's service, a publication does not tell by whom.
func signerNamed(c *check) {
	service, _ := c.sign()
	r := c.repository(c.primary, "deb", "named", c.tree("deb", "named").URL(c.upURL))
	c.primary.task("PATCH", r.href, obj{"signing_service": service})
	r.sync(nil)
	silent, named := r.publish(), r.publish(obj{"signing_service": service})
	c.equal("signed by the repository's", c.primary.get(silent).obj()["signing_service"], nil)
	c.equal("told", text(c.primary.get(named).obj()["signing_service"]), service)
	r.distribute(obj{"publication": silent})
	if code, data := c.primary.file(r.name + "/dists/stable/InRelease"); code != http.StatusOK || !strings.HasPrefix(string(data), "-----BEGIN PGP SIGNED MESSAGE-----") {
		c.Errorf("InRelease: %d %.60q", code, data)
	}
}

// signedRPM also shows that services are of classes: that for deb is none for rpm.
func signedRPM(c *check) {
	found := c.primary.results("signing-services/?name=" + rpmService)
	if len(found) != 1 {
		c.Fatalf("%d signing services are named %s", len(found), rpmService)
	}
	deb, _ := c.sign()
	r := c.repository(c.primary, "rpm", "signed", c.tree("rpm", "signed").URL(c.upURL))
	c.refused(c.primary, 400, "PATCH", r.href, obj{"metadata_signing_service": deb},
		obj{"metadata_signing_service": one("Invalid hyperlink - Object does not exist.")})
	c.primary.task("PATCH", r.href, obj{"metadata_signing_service": found[0]["pulp_href"]})
	r.sync(nil)
	base := text(c.primary.get(r.distribute(obj{"publication": r.publish()})).obj()["base_url"])
	s := c.repository(c.secondary, "rpm", "mirror", base)
	made := s.mirror()
	if len(made) != 2 {
		c.Fatalf("the mirror's sync made %v", made)
	}
	s.distribute(obj{"publication": made[1]})
	for _, file := range []string{"repomd.xml", "repomd.xml.asc", "repomd.xml.key"} {
		codeP, a := c.primary.file(r.name + "/repodata/" + file)
		codeS, b := c.secondary.file(s.name + "/repodata/" + file)
		if codeP != http.StatusOK || codeS != http.StatusOK || len(a) == 0 || string(a) != string(b) {
			c.Errorf("%s: %d and %d, %d and %d bytes", file, codeP, codeS, len(a), len(b))
		}
	}
}
