// SPDX-License-Identifier: Apache-2.0

package ldap

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/ldap/ldapfake"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// windows is an Active Directory of two domains on one server.
const windows = `
dn: DC=corp,DC=test
objectClass: domain

dn: CN=Alice Admin,OU=Staff,DC=corp,DC=test
sAMAccountName: alice
userPrincipalName: alice.admin@corp.test
displayName: Alice Admin
userPassword: wonderland

dn: CN=Bob,OU=Staff,DC=corp,DC=test
sAMAccountName: bob
userPrincipalName: alice@corp.test
displayName: carol
userPassword: can-we-fix-it

dn: CN=Carol,OU=Staff,DC=corp,DC=test
sAMAccountName: carol
userPassword: alone

dn: CN=Expired,OU=Staff,DC=corp,DC=test
sAMAccountName: expired
adState: 532
userPassword: too-old

dn: CN=Off,OU=Staff,DC=corp,DC=test
sAMAccountName: off
adState: 533
userPassword: too-old

dn: CN=Gone,OU=Staff,DC=corp,DC=test
sAMAccountName: gone
adState: 701
userPassword: too-old

dn: CN=Must,OU=Staff,DC=corp,DC=test
sAMAccountName: must
adState: 773
userPassword: too-old

dn: CN=Locked,OU=Staff,DC=corp,DC=test
sAMAccountName: locked
adState: 775
userPassword: too-old

dn: CN=Night,OU=Staff,DC=corp,DC=test
sAMAccountName: night
adState: 530
userPassword: too-old

dn: CN=Elsewhere,OU=Staff,DC=corp,DC=test
sAMAccountName: elsewhere
adState: 531
userPassword: too-old

dn: CN=Odd,OU=Staff,DC=corp,DC=test
sAMAccountName: odd
adState: 999
userPassword: too-old

dn: CN=Pulp\, Admins,OU=Groups,DC=corp,DC=test
objectClass: group
member: CN=Alice Admin,OU=Staff,DC=corp,DC=test

dn: CN=Everything,OU=Groups,DC=corp,DC=test
objectClass: group
member: CN=Pulp\, Admins,OU=Groups,DC=corp,DC=test
`

func ad(t *testing.T) *ldapfake.Server {
	t.Helper()
	return ldapfake.Start(t, ldapfake.Options{Entries: ldapfake.Parse(windows), MemberOf: []string{"DC=corp,DC=test"}, AD: "CORP"})
}

func adConfig(s *ldapfake.Server) Config {
	return Config{
		Servers: []string{s.TLS}, UseSSL: true, CA: s.CA, OnlyCA: true, BaseDN: "DC=corp,DC=test", DefaultDomain: "CORP",
		Timeout: 5 * time.Second,
	}
}

// town is an OpenLDAP with alice in it.
func town(t *testing.T, more string, o ldapfake.Options) *ldapfake.Server {
	t.Helper()
	o.Entries = ldapfake.Parse("dn: dc=town\n\ndn: uid=alice,dc=town\nuid: alice\nuserPassword: wonderland\n\n" + more)
	return ldapfake.Start(t, o)
}

func townConfig(servers ...*ldapfake.Server) Config {
	cfg := Config{BaseDN: "dc=town", UseSSL: true, BindName: "uid={user},{base_dn}", UserFilter: "(uid={user})", Timeout: 5 * time.Second, OnlyCA: true}
	for _, s := range servers {
		cfg.Servers = append(cfg.Servers, s.TLS)
		cfg.CA = append(cfg.CA, s.CA...)
	}
	return cfg
}

func open(t *testing.T, cfg Config) *Directory {
	t.Helper()
	d, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func login(t *testing.T, d *Directory, user, password string) fleet.Identity {
	t.Helper()
	id, err := d.Login(t.Context(), user, fleet.NewSecret(password))
	if err != nil {
		t.Fatalf("login of %q: %v", user, err)
	}
	return id
}

func fails(t *testing.T, d *Directory, user, password string, kind fault.Kind) error {
	t.Helper()
	id, err := d.Login(t.Context(), user, fleet.NewSecret(password))
	if !fault.Is(err, kind) {
		t.Fatalf("login of %q gives %+v, %v; want an error of kind %v", user, id, err, kind)
	}
	if password != "" && strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), password) {
		t.Fatalf("the error shows the password: %#v", err)
	}
	return err
}

// dead is the address of a server that is not there.
func dead(t *testing.T) string {
	t.Helper()
	l := listen(t)
	defer l.Close()
	return l.Addr().String()
}
