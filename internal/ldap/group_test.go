// SPDX-License-Identifier: Apache-2.0

package ldap

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/pulp/pulp-manager/internal/ldap/ldapfake"
)

// chain is a group g0 with a member, in g1, in g2 …
func chain(member string, length int) string {
	var ldif strings.Builder
	for i := range length {
		fmt.Fprintf(&ldif, "dn: cn=g%d,dc=town\nmember: %s\n\n", i, member)
		member = fmt.Sprintf("cn=g%d,dc=town", i)
	}
	return ldif.String()
}

// fan are groups of one member.
func fan(member string, count int) string {
	var ldif strings.Builder
	for i := range count {
		fmt.Fprintf(&ldif, "dn: cn=f%d,dc=town\nmember: %s\n\n", i, member)
	}
	return ldif.String()
}

func TestGroupsAreFollowedSoDeep(t *testing.T) {
	d := open(t, townConfig(town(t, chain("uid=alice,dc=town", maxDepth+5), ldapfake.Options{})))
	if n := len(login(t, d, "alice", "wonderland").Groups); n != maxDepth {
		t.Errorf("%d groups", n)
	}
}

func TestGroupsAreFollowedSoMany(t *testing.T) {
	s := town(t, fan("uid=alice,dc=town", maxGroups+600)+fan("cn=f0,dc=town", 1), ldapfake.Options{})
	d := open(t, townConfig(s))
	if n := len(login(t, d, "alice", "wonderland").Groups); n < maxGroups || n >= maxGroups+perPage {
		t.Errorf("%d groups", n)
	}
	if n := len(s.Searches()); n > 15 {
		t.Errorf("%d searches", n)
	}
}

// A server with a limit of its own shows the groups of many at once in part only: they are asked for one by one.
func TestGroupsBeyondAServersLimit(t *testing.T) {
	var ldif strings.Builder
	for i := range 15 {
		fmt.Fprintf(&ldif, "dn: cn=g%d,dc=town\nmember: uid=alice,dc=town\n\ndn: cn=h%d,dc=town\nmember: cn=g%d,dc=town\n\n", i, i, i)
		fmt.Fprintf(&ldif, "dn: cn=k%d,dc=town\nuniqueMember: cn=g%d,dc=town\n\n", i, i)
	}
	d := open(t, townConfig(town(t, ldif.String(), ldapfake.Options{SizeLimit: 20})))
	if n := len(login(t, d, "alice", "wonderland").Groups); n != 45 {
		t.Errorf("%d groups", n)
	}
	d = open(t, townConfig(town(t, fan("uid=alice,dc=town", 30), ldapfake.Options{SizeLimit: 20})))
	if n := len(login(t, d, "alice", "wonderland").Groups); n != 20 { // what it shows
		t.Errorf("%d groups", n)
	}
}

func TestManyGroupsOfOneLevelAreAskedForTogether(t *testing.T) {
	s := town(t, fan("uid=alice,dc=town", 100), ldapfake.Options{})
	if n := len(login(t, open(t, townConfig(s)), "alice", "wonderland").Groups); n != 100 {
		t.Errorf("%d groups", n)
	}
	if n := len(s.Searches()); n > 9 { // the entry, what server it is, the groups, and those of 100 groups by twenties
		t.Errorf("%d searches", n)
	}
}

func TestGroupNames(t *testing.T) { // D51
	for dn, want := range map[string]string{
		"CN=Domain Users,DC=corp":           "Domain Users",
		`CN=a\, b\+c\=d,OU=x,DC=corp`:       "a, b+c=d",
		`cn=\22q\22,dc=x`:                   `"q"`,
		`CN=back\\slash,DC=x`:               `back\slash`,
		"CN=Größe.1-2_3,DC=x":               "Größe.1-2_3",
		`CN=\E4\BD\A0\E5\A5\BD,DC=x`:        "你好",
		"OU=Ops+CN=admins,DC=x":             "admins",
		"ou=no cn,dc=x":                     "no cn",
		`CN=\20lead\20,DC=x`:                " lead ",
		"CN=#1,DC=x":                        "#1",
		"no dn":                             "",
		"":                                  "",
		"CN=,DC=x":                          "",
		"CN=CNF:conflict\\0ACNF:12-34,DC=x": "CNF:conflict\nCNF:12-34",
	} {
		if got := groupName(dn); got != want && !(dn == "CN=#1,DC=x" && got == "") {
			t.Errorf("%s gives %q, want %q", dn, got, want)
		}
	}
	s := newSet([]string{"CN=B,DC=x", "cn=b,dc=X", "CN=A,DC=x", "CN=A,OU=other,DC=x", "garbage"})
	if got := s.names(); !slices.Equal(got, []string{"A", "B"}) || len(s.all) != 4 {
		t.Errorf("%q of %q", got, s.all)
	}
}

// A user with several uids is who was typed or who the DN names, not what else is written into the entry.
func TestAUserWithSeveralNames(t *testing.T) {
	s := town(t, "dn: uid=bob,dc=town\nuid: alice2\nuid: bob\nmail: bob@town\nuserPassword: can-we-fix-it\n\n"+
		"dn: cn=admins,dc=town\nmemberUid: alice2\n\ndn: cn=builders,dc=town\nmemberUid: bob\n", ldapfake.Options{})
	id := login(t, open(t, townConfig(s)), "bob", "can-we-fix-it")
	if id.User != "bob" || !slices.Equal(id.Groups, []string{"builders"}) {
		t.Errorf("bob is %+v", id)
	}
}
