// SPDX-License-Identifier: Apache-2.0

package ldap

import (
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"github.com/pulp/pulp-manager/internal/fault"
)

func TestBindNames(t *testing.T) {
	for _, tt := range []struct{ template, domain, typed, bind, filter string }{
		{"", "CORP", "alice", `CORP\alice`, "(uid=alice)"},
		{"", "CORP", `OTHER\alice`, `OTHER\alice`, "(uid=alice)"}, // D50
		{"", "CORP", "alice@other.test", "alice@other.test", "(uid=alice)"},
		{"", "CORP", "a@b@other.test", "a@b@other.test", "(uid=a@b)"},
		{"", "", "alice@corp.test", "alice@corp.test", "(uid=alice)"},
		{"", "", "alice", "alice", "(uid=alice)"},
		{"", "CORP", "a*)(uid=*", `CORP\a*)(uid=*`, `(uid=a\2a\29\28uid=\2a)`},
		{"uid={user},{base_dn}", "CORP", "alice", "uid=alice,dc=x", "(uid=alice)"},
		{"uid={user},{base_dn}", "CORP", "alice@corp.test", "uid=alice@corp.test,dc=x", "(uid=alice@corp.test)"},
		{"uid={user},{base_dn}", "CORP", `a\b`, `uid=a\\b,dc=x`, `(uid=a\5cb)`},
		{"uid={user},{base_dn}", "CORP", "a,dc=y", `uid=a\,dc=y,dc=x`, "(uid=a,dc=y)"},
		{"uid={user},{base_dn}", "CORP", "{base_dn}", "uid={base_dn},dc=x", "(uid={base_dn})"},
		{"uid={user},ou={domain},{base_dn}", "CORP", "alice", "uid=alice,ou=CORP,dc=x", "(uid=alice)"},
		{"uid={user},ou={domain},{base_dn}", "CORP", `a+b\alice`, `uid=alice,ou=a\+b,dc=x`, "(uid=alice)"},
		{"{user}@corp.test", "", "alice", "alice@corp.test", "(uid=alice)"},
		{`{domain}\{user}`, "CORP", "alice@other", `other\alice`, "(uid=alice)"},
	} {
		ns, err := newNames(Config{BaseDN: "dc=x", DefaultDomain: tt.domain, BindName: tt.template, UserFilter: "(uid={user})"})
		if err != nil {
			t.Errorf("%s: %v", tt.template, err)
			continue
		}
		if n, err := ns.parse(tt.typed); err != nil || n.bind != tt.bind || n.filter != tt.filter {
			t.Errorf("%q with %q: bind %q, filter %q, %v; want %q, %q", tt.typed, tt.template, n.bind, n.filter, err, tt.bind, tt.filter)
		}
	}
}

// FuzzName: whatever is typed is refused, or becomes a filter and a DN of the template's shape that hold just this name.
func FuzzName(f *testing.F) {
	for _, seed := range []string{
		"alice", `CORP\alice`, "alice@corp.test", "*", "*)(uid=*", "a)(|(uid=*))(x=", `\`, `a\b\c`, "\x00", `\00`, `\2a`, "a,b+c=d", "#a", " a ", "a ", `"a"`, "<a>;",
		"müller", "\u00fc", "u\u0308", "\u202e", "\xff", "{user}", "{domain}", "{base_dn}", "@", "a@", "@b", strings.Repeat("a", 300), "你好", "=", "uid=a,dc=x",
	} {
		f.Add(seed)
	}
	type shape struct {
		names
		rdns int
	}
	var shapes []shape
	for _, template := range []string{"", "uid={user},ou=people,{base_dn}", "cn={user}+ou={domain},{base_dn}", "{user}@corp.test"} {
		ns, err := newNames(Config{BaseDN: "dc=x,dc=test", DefaultDomain: "CORP", BindName: template, UserFilter: "(&(objectClass=person)(|(uid={user})(mail={user}))(!(off=1)))"})
		if err != nil {
			f.Fatal(err)
		}
		dn, _ := ldap.ParseDN(ns.bindFor("x", "y"))
		s := shape{ns, 0}
		if ns.isDN {
			s.rdns = len(dn.RDNs)
		}
		shapes = append(shapes, s)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		for _, s := range shapes {
			n, err := s.parse(typed)
			if err != nil {
				if !fault.Is(err, fault.Unauthenticated) {
					t.Fatalf("%q: %v", typed, err)
				}
				continue
			}
			if n.user == "" || n.bind == "" || strings.ContainsAny(n.bind+n.filter, "\x00\n\r") {
				t.Fatalf("%q: %+v", typed, n)
			}
			packet, err := ldap.CompileFilter(n.filter)
			if err != nil || len(packet.Children) != 3 || len(packet.Children[1].Children) != 2 {
				t.Fatalf("%q: filter %q has another shape, %v", typed, n.filter, err)
			}
			for _, equal := range packet.Children[1].Children {
				if equal.Tag != ldap.FilterEqualityMatch || equal.Children[1].Data.String() != n.user {
					t.Fatalf("%q: filter %q is not about %q", typed, n.filter, n.user)
				}
			}
			if !s.isDN {
				if s.bind == "" && n.bind != typed && n.bind != `CORP\`+typed {
					t.Fatalf("%q binds as %q", typed, n.bind)
				}
				continue
			}
			dn, err := ldap.ParseDN(n.bind)
			if err != nil || len(dn.RDNs) != s.rdns || dn.RDNs[0].Attributes[0].Value != n.user {
				t.Fatalf("%q: DN %q is not about %q alone: %v", typed, n.bind, n.user, err)
			}
		}
	})
}

// FuzzGroupName: no DN of a server does harm, and one that we write gives its name again.
func FuzzGroupName(f *testing.F) {
	for _, seed := range []string{"CN=a,DC=x", `CN=a\,b`, "=", "CN=", `CN=\`, "CN=#04", "a+b=c", "\xff", `CN=\zz`, "CN=a;b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		_ = newSet([]string{text, text}).names()
		if why := unusable(text); why == "" {
			if got := groupName("CN=" + ldap.EscapeDN(text) + ",DC=x"); got != text {
				t.Fatalf("%q becomes %q", text, got)
			}
		}
	})
}
