// SPDX-License-Identifier: Apache-2.0

// Package ldapcontract holds what package ldap needs of an LDAP server, as tests that run on ldapfake and on a real slapd
// (lab/slapd) alike, both with the entries of people.ldif.
package ldapcontract

import (
	_ "embed"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/ldap"
	"github.com/pulp/pulp-manager/internal/ldap/ldapfake"
)

// People are the entries of the directory, as LDIF.
//
//go:embed people.ldif
var People string

// The directory's parts.
const (
	Example = "dc=example,dc=test" // where entries have memberOf
	Plain   = "dc=plain,dc=test"   // where they have not
)

// RealVariable names the environment variable that gives a real server: what `lab/slapd url` and `lab/slapd ca` print, with a comma.
const RealVariable = "PULPMAN_TEST_LDAP"

// Env is the server that the tests run on.
type Env struct {
	Plain string // host:port
	TLS   string // host:port of LDAPS
	CA    []byte // PEM
}

// FakeEnv starts a fake for the length of a test.
func FakeEnv(t *testing.T) Env {
	t.Helper()
	s := ldapfake.Start(t, ldapfake.Options{Entries: ldapfake.Parse(People), MemberOf: []string{Example}})
	return Env{s.Plain, s.TLS, s.CA}
}

// RealEnv is the server that PULPMAN_TEST_LDAP names; given is false when it names none.
func RealEnv(t *testing.T) (env Env, given bool) {
	t.Helper()
	text, given := os.LookupEnv(RealVariable)
	if !given {
		return Env{}, false
	}
	parts := strings.Split(text, ",")
	if len(parts) != 3 {
		t.Fatalf("%s is not ldap://HOST:PORT,ldaps://HOST:PORT,CA-FILE", RealVariable)
	}
	ca, err := os.ReadFile(parts[2])
	if err != nil {
		t.Fatal(err)
	}
	return Env{strings.TrimPrefix(parts[0], "ldap://"), strings.TrimPrefix(parts[1], "ldaps://"), ca}, true
}

// contract is one test: a sentence, and its proof.
type contract struct {
	name string
	test func(t *testing.T, e Env)
}

// Run tries everything.
func Run(t *testing.T, e Env) {
	for _, part := range [][]contract{logins, groups, ways, wires} {
		for _, c := range part {
			t.Run(c.name, func(t *testing.T) { c.test(t, e) })
		}
	}
}

// config is that of an OpenLDAP, by LDAPS.
func (e Env) config() ldap.Config {
	return ldap.Config{
		Servers: []string{e.TLS}, UseSSL: true, CA: e.CA, OnlyCA: true, BaseDN: Example,
		BindName: "uid={user},ou=people,{base_dn}", UserFilter: "(uid={user})", Timeout: 5 * time.Second,
	}
}

func open(t *testing.T, cfg ldap.Config) *ldap.Directory {
	t.Helper()
	d, err := ldap.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// login logs in, and fails the test where that does not work.
func login(t *testing.T, cfg ldap.Config, user, password string) fleet.Identity {
	t.Helper()
	id, err := open(t, cfg).Login(t.Context(), user, fleet.NewSecret(password))
	if err != nil {
		t.Fatalf("login of %q: %v", user, err)
	}
	return id
}

// fails logs in and fails the test unless that ends with an error of a kind.
func fails(t *testing.T, cfg ldap.Config, user, password string, kind fault.Kind) shown {
	t.Helper()
	id, err := open(t, cfg).Login(t.Context(), user, fleet.NewSecret(password))
	if !fault.Is(err, kind) {
		t.Fatalf("login of %q gives %+v, %v; want an error of kind %v", user, id, err, kind)
	}
	if len(password) > 3 && strings.Contains(err.Error(), password) {
		t.Fatalf("the error shows the password: %v", err)
	}
	return shown{fault.Message(err), fault.Hint(err)}
}

// shown is what a user sees of an error.
type shown struct{ msg, hint string }

// dead gives an address that nothing listens on.
func dead(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
