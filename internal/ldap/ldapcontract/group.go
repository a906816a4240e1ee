// SPDX-License-Identifier: Apache-2.0

package ldapcontract

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/ldap"
)

// grouped fails the test unless a user is in just these groups.
func grouped(t *testing.T, cfg ldap.Config, user, password string, want ...string) {
	t.Helper()
	if want == nil {
		want = []string{}
	}
	if diff := cmp.Diff(want, login(t, cfg, user, password).Groups); diff != "" {
		t.Errorf("groups of %s with %s (-want +got):\n%s", user, cfg.NestedGroups, diff)
	}
}

func (e Env) nested(how string) ldap.Config {
	cfg := e.config()
	cfg.NestedGroups = how
	return cfg
}

var groups = []contract{
	{"who is in no group logs in", func(t *testing.T, e Env) { // D51
		for _, how := range []string{"auto", "ad", "recursive", "off"} {
			grouped(t, e.nested(how), "carol", "alone")
		}
	}},
	{"group names have any characters", func(t *testing.T, e Env) { // D51
		for _, how := range []string{"auto", "off"} {
			grouped(t, e.nested(how), "bob", "can-we-fix-it",
				`"quoted"`, "(all)*", "Größe + Maß", `back\slash <a> ; #1 =`, "team.build, nightly")
		}
	}},
	{"groups in groups count", func(t *testing.T, e Env) { // D54
		for _, how := range []string{"", "auto", "recursive"} {
			grouped(t, e.nested(how), "alice", "wonderland", "Pulp Admins", "everybody (all)", "operators", "pulpmaster-rw")
		}
	}},
	{"off counts direct groups only", func(t *testing.T, e Env) {
		grouped(t, e.nested("off"), "alice", "wonderland", "Pulp Admins", "pulpmaster-rw")
	}},
	{"Active Directory's rule finds nothing where it is not known", func(t *testing.T, e Env) {
		grouped(t, e.nested("ad"), "alice", "wonderland", "Pulp Admins", "pulpmaster-rw")
	}},
	{"a circle of groups ends", func(t *testing.T, e Env) {
		grouped(t, e.nested("recursive"), "dave", "round-and-round", "ring1", "ring2", "ring3")
	}},
	{"without memberOf groups are found by their members", func(t *testing.T, e Env) {
		cfg := e.config()
		cfg.BaseDN = Plain
		grouped(t, cfg, "heidi", "mountains", "by name", "by uid", "by unique name", "outer")
		cfg.NestedGroups = "off"
		grouped(t, cfg, "heidi", "mountains")
	}},
}
