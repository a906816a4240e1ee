// SPDX-License-Identifier: Apache-2.0

package ldap

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/ldap/ldapfake"
)

func TestActiveDirectoryTakesEachFormOfAName(t *testing.T) {
	s := ad(t)
	d := open(t, adConfig(s))
	want := fleet.Identity{User: "alice", Groups: []string{"Everything", "Pulp, Admins"}}
	names := []string{"alice", "ALICE", `CORP\alice`, `corp\Alice`, "alice.admin@corp.test"} // D50: one domain, whatever was typed
	for _, name := range names {
		if diff := cmp.Diff(want, login(t, d, name, "wonderland")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	sent := []string{`CORP\alice`, `CORP\ALICE`, `CORP\alice`, `corp\Alice`, "alice.admin@corp.test"}
	if diff := cmp.Diff(sent, s.Binds()); diff != "" {
		t.Errorf("bound with (-want +got):\n%s", diff)
	}
}

// Without an explicit principal name, the account and the domain's DNS name make one.
func TestActiveDirectoryTakesImplicitPrincipalNames(t *testing.T) {
	if id := login(t, open(t, adConfig(ad(t))), "carol@corp.test", "alone"); id.User != "carol" || len(id.Groups) > 0 {
		t.Errorf("carol is %+v", id)
	}
}

// The server decides by other rules than a filter whose password it checks. Bob's display name is carol, his
// principal name has alice in it: he must never become one of them.
func TestNobodyBecomesAnother(t *testing.T) {
	for _, silent := range []bool{false, true} {
		t.Run(fmt.Sprintf("NoWhoAmI=%v", silent), func(t *testing.T) {
			s := ldapfake.Start(t, ldapfake.Options{Entries: ldapfake.Parse(windows), AD: "CORP", NoWhoAmI: silent})
			cfg := adConfig(s)
			if id := login(t, open(t, cfg), "alice@corp.test", "can-we-fix-it"); id.User != "bob" {
				t.Errorf("the principal name of bob gives %+v", id)
			}
			cfg.DefaultDomain = ""
			fails(t, open(t, cfg), "carol", "can-we-fix-it", fault.Unauthenticated)
			fails(t, open(t, cfg), "carol", "alone", fault.Unauthenticated) // no domain at all
			fails(t, open(t, cfg), `OTHER\alice`, "wonderland", fault.Unauthenticated)
			login(t, open(t, cfg), `CORP\alice`, "wonderland") // by the DC of the entry
		})
	}
}

// A name of another domain that the same server knows is not the account of that name below base_dn.
func TestTheDomainOfANameIsThatOfTheEntry(t *testing.T) {
	entries := ldapfake.Parse(windows + "\ndn: CN=Alice,DC=other,DC=test\nsAMAccountName: alice\nuserPassword: looking-glass\n")
	slices.Reverse(entries) // the other alice is found first
	for _, silent := range []bool{false, true} {
		s := ldapfake.Start(t, ldapfake.Options{Entries: entries, AD: "OTHER", NoWhoAmI: silent})
		d := open(t, adConfig(s))
		fails(t, d, `OTHER\alice`, "looking-glass", fault.Unauthenticated)
		fails(t, d, "alice@other.test", "looking-glass", fault.Unauthenticated)
	}
}

// D49: Active Directory answers "success" to a bind without a password.
func TestEmptyPasswordsAndNamesAreNotSent(t *testing.T) {
	s := ad(t)
	d := open(t, adConfig(s))
	for _, password := range []string{"", "\x00", "a\x00b", strings.Repeat("p", maxPassword+1)} {
		fails(t, d, "alice", password, fault.Unauthenticated)
	}
	for _, name := range []string{"", " ", "alice\x00", "a\nb", `CORP\\alice`, `\alice`, `CORP\`, "@corp.test", "alice@", `A\B\alice`, strings.Repeat("a", maxName+1), "\u202ealice", "\xff"} {
		fails(t, d, name, "wonderland", fault.Unauthenticated)
	}
	if n := s.Accepted(); n != 0 {
		t.Errorf("%d connections", n)
	}
}

func TestActiveDirectoryTellsWhy(t *testing.T) {
	d := open(t, adConfig(ad(t)))
	generic := fault.Message(fails(t, d, "alice", "too-old", fault.Unauthenticated))
	for user, want := range map[string]string{
		"expired": "the password has expired", "off": "the account is disabled", "gone": "the account has expired",
		"must": "the password must be changed first", "locked": "the account is locked", "night": "logins are not permitted at this time",
		"elsewhere": "logins from this computer are not permitted", "nobody": generic, "odd": generic,
	} {
		err := fails(t, d, user, "too-old", fault.Unauthenticated)
		if got := fault.Message(err); got != want {
			t.Errorf("%s: %q, want %q", user, got, want)
		}
		if want != generic && fault.Hint(err) == "" {
			t.Errorf("%s: no hint", user)
		}
	}
	// Why it is none of the user's business is in the log all the same.
	if err := fails(t, d, "nobody", "too-old", fault.Unauthenticated); !strings.Contains(err.Error(), "no such user") {
		t.Error(err)
	}
	if err := fails(t, d, "expired", "not-even-right", fault.Unauthenticated); fault.Message(err) != generic {
		t.Errorf("a wrong password shows %v", err)
	}
}

func TestActiveDirectorysRuleIsAskedWhereItIsKnown(t *testing.T) {
	s := ad(t)
	d := open(t, adConfig(s))
	for range 2 {
		login(t, d, "alice", "wonderland")
	}
	chains := 0
	for _, filter := range s.Searches() {
		if strings.Contains(filter, inChain) {
			chains++
		}
	}
	if n := len(s.Searches()); chains != 2 || n != 5 { // each login two, and once what kind of server it is
		t.Errorf("%d searches by the rule among %q", chains, s.Searches())
	}
}
