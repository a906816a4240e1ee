// SPDX-License-Identifier: Apache-2.0

package ldapcontract

import (
	"strings"
	"testing"

	"github.com/pulp/pulp-manager/internal/fault"
)

var logins = []contract{
	{"a right password logs in", func(t *testing.T, e Env) {
		if id := login(t, e.config(), "alice", "wonderland"); id.User != "alice" || len(id.Groups) == 0 {
			t.Errorf("alice is %+v", id)
		}
	}},
	{"the name is as the directory has it", func(t *testing.T, e Env) {
		if id := login(t, e.config(), "ALICE", "wonderland"); id.User != "alice" {
			t.Errorf("ALICE is %+v", id)
		}
	}},
	{"a wrong password and an unknown user get the same answer", func(t *testing.T, e Env) { // D52
		wrong := fails(t, e.config(), "alice", "wonderlan", fault.Unauthenticated)
		unknown := fails(t, e.config(), "nobody", "wonderland", fault.Unauthenticated)
		other := fails(t, e.config(), "alice", "can-we-fix-it", fault.Unauthenticated)
		if wrong != unknown || wrong != other {
			t.Errorf("wrong password: %+v, unknown user: %+v", wrong, unknown)
		}
	}},
	{"no password is refused", func(t *testing.T, e Env) { // D49
		fails(t, e.config(), "alice", "", fault.Unauthenticated)
		fails(t, e.config(), "alice", "\x00", fault.Unauthenticated)
		fails(t, e.config(), "", "wonderland", fault.Unauthenticated)
	}},
	{"what means something in a filter or DN is part of the name", func(t *testing.T, e Env) { // D49
		for user, password := range map[string]string{
			"star*": "asterisk", "a(b)c": "brackets", "back\\slash": "backslash", "eve,ou=people": "comma",
			"müller": "straße €", "grace@example.test": "mail-as-name",
		} {
			if id := login(t, e.config(), user, password); id.User != user {
				t.Errorf("%q is %+v", user, id)
			}
		}
	}},
	{"what means something in a filter or DN finds nobody else", func(t *testing.T, e Env) { // D49
		for _, user := range []string{
			"*", "ali*", "alice*", "a*e", "alice)(uid=*", "*)(uid=*))(|(uid=*", "alice)(objectClass=*", `alice\2a`, `\61lice`, "alice\x00", "alice\x00*",
			"alice,ou=people,dc=example,dc=test", "alice+cn=Alice Admin", "uid=alice", "alice ", " alice", "alice\n", "ali\u200bce", "alice\u00a0",
			"EXAMPLE\\alice", "alice@example.test", "{user}", "{base_dn}", "{domain}", "#alice", "\"alice\"", "alice;", "\xff\xfe", strings.Repeat("a", 100_000),
			"uid=alice,ou=people,dc=example,dc=test",
		} {
			fails(t, e.config(), user, "wonderland", fault.Unauthenticated)
		}
	}},
	{"two entries of one name are refused", func(t *testing.T, e Env) {
		fails(t, e.config(), "twin", "first", fault.Unauthenticated)
	}},
	{"who is not where names are bound cannot log in", func(t *testing.T, e Env) {
		fails(t, e.config(), "frank", "gone", fault.Unauthenticated)
	}},
	{"nobody becomes another whose entry the filter finds", func(t *testing.T, e Env) {
		cfg := e.config() // finds the group, whose member alice is
		cfg.UserFilter = "(|(cn=pulpmaster-rw)(cn={user}))"
		fails(t, cfg, "alice", "wonderland", fault.Unauthenticated)
		if id := login(t, e.config(), "mallory", "imposter"); id.User != "mallory" { // who gave herself another uid, too
			t.Errorf("mallory is %+v", id)
		}
	}},
	{"a filter that finds nobody is not told from a wrong password", func(t *testing.T, e Env) {
		cfg := e.config()
		cfg.UserFilter = "(sAMAccountName={user})"
		right := fails(t, cfg, "alice", "wonderland", fault.Unauthenticated)
		if wrong := fails(t, cfg, "alice", "not-this-one", fault.Unauthenticated); right != wrong {
			t.Errorf("%+v, %+v", right, wrong)
		}
	}},
	{"a name that is no DN cannot be bound with", func(t *testing.T, e Env) {
		cfg := e.config()
		cfg.BindName, cfg.DefaultDomain = "", "EXAMPLE"
		fails(t, cfg, "alice", "wonderland", fault.Unauthenticated)
		cfg.DefaultDomain = ""
		fails(t, cfg, "alice", "wonderland", fault.Unauthenticated)
	}},
	{"a base that is not there is named", func(t *testing.T, e Env) {
		cfg := e.config()
		cfg.BindName, cfg.BaseDN = "uid={user},ou=people,"+Example, "ou=nowhere,"+Example
		if got := fails(t, cfg, "alice", "wonderland", fault.Internal); !strings.Contains(got.msg, "ou=nowhere") {
			t.Error(got)
		}
	}},
}
