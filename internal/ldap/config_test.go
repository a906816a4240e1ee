// SPDX-License-Identifier: Apache-2.0

package ldap

import (
	"strings"
	"testing"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/ldap/ldapfake"
)

func TestConfigurationsThatCannotWorkAreInvalid(t *testing.T) {
	for says, change := range map[string]func(*Config){
		"no LDAP server":                    func(c *Config) { c.Servers = nil },
		`"" is not host`:                    func(c *Config) { c.Servers = []string{"a", ""} },
		`"ldaps://a:636" is not host`:       func(c *Config) { c.Servers = []string{"ldaps://a:636"} },
		`"a:b" is not host`:                 func(c *Config) { c.Servers = []string{"a:b"} },
		`"a:0" is not host`:                 func(c *Config) { c.Servers = []string{"a:0"} },
		`"a:65536" is not host`:             func(c *Config) { c.Servers = []string{"a:65536"} },
		`":636" is not host`:                func(c *Config) { c.Servers = []string{":636"} },
		`"a b" is not host`:                 func(c *Config) { c.Servers = []string{"a b"} },
		`"u@a" is not host`:                 func(c *Config) { c.Servers = []string{"u@a"} },
		"base_dn is not a DN":               func(c *Config) { c.BaseDN = "" },
		"base_dn is not a DN ":              func(c *Config) { c.BaseDN = "example.com" },
		"ldap_user_filter has no {user}":    func(c *Config) { c.UserFilter = "(uid=alice)" },
		"ldap_user_filter is not a filter":  func(c *Config) { c.UserFilter = "uid={user}" },
		"ldap_user_filter is not a filter ": func(c *Config) { c.UserFilter = "((uid={user})" },
		"ldap_user_filter has {domain}":     func(c *Config) { c.UserFilter = "(uid={user}{domain})" },
		"ldap_bind_name has no {user}":      func(c *Config) { c.BindName = "cn=admin,{base_dn}" },
		"ldap_bind_name has {name}":         func(c *Config) { c.BindName = "uid={user}{name},{base_dn}" },
		"ldap_bind_name is not a DN":        func(c *Config) { c.BindName = "uid={user},people,{base_dn}" },
		"ldap_nested_groups":                func(c *Config) { c.NestedGroups = "yes" },
		"holds no certificate":              func(c *Config) { c.CA = []byte("not PEM") },
		"holds no certificate ":             func(c *Config) { c.OnlyCA = true },
	} {
		cfg := Config{Servers: []string{"a"}, UseSSL: true, BaseDN: "dc=x", DefaultDomain: "X"}
		change(&cfg)
		if _, err := New(cfg); !fault.Is(err, fault.Invalid) || !strings.Contains(fault.Message(err), strings.TrimSpace(says)) {
			t.Errorf("want %q, got %v", says, err)
		}
	}
}

func TestServersAndPorts(t *testing.T) {
	for text, want := range map[string]string{
		"dc1.example.com": "dc1.example.com:636", "dc1:1636": "dc1:1636", "::1": "[::1]:636", "[::1]": "[::1]:636", "[::1]:99": "[::1]:99", "10.0.0.1": "10.0.0.1:636",
	} {
		cfg := Config{Servers: []string{text}, UseSSL: true, BaseDN: "dc=x", DefaultDomain: "X"}
		if got := open(t, cfg).servers[0].addr; got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
		cfg.StartTLS = true
		if got := open(t, cfg).servers[0].addr; got != strings.Replace(want, ":636", ":389", 1) {
			t.Errorf("%s with StartTLS: %s", text, got)
		}
	}
}

// D47: encryption goes only where two keys say so.
func TestWays(t *testing.T) {
	for _, tt := range []struct {
		ssl, tls, clear bool
		way             way
		warns           string
	}{
		{true, false, false, ldaps, ""},
		{true, true, false, startTLS, ""},
		{true, false, true, ldaps, "changes nothing"},
		{true, true, true, startTLS, "changes nothing"},
		{false, false, false, ldaps, "use_ssl is false, but LDAP is encrypted all the same, by LDAPS"},
		{false, true, false, startTLS, "by StartTLS"},
		{false, true, true, startTLS, "both true"},
		{false, false, true, plain, "in clear"},
	} {
		d := open(t, Config{Servers: []string{"a"}, UseSSL: tt.ssl, StartTLS: tt.tls, Plaintext: tt.clear, BaseDN: "dc=x", DefaultDomain: "X"})
		warnings := strings.Join(d.Warnings(), "\n")
		if s := d.servers[0]; s.way != tt.way || (s.tls == nil) != (tt.way == plain) || (warnings == "") != (tt.warns == "") || !strings.Contains(warnings, tt.warns) {
			t.Errorf("%+v gives way %d and %q", tt, s.way, warnings)
		}
	}
	if w := open(t, Config{Servers: []string{"a"}, UseSSL: true, BaseDN: "dc=x"}).Warnings(); len(w) != 1 || !strings.Contains(w[0], "default_domain") {
		t.Errorf("without a domain: %q", w)
	}
}

func TestCertificatesAreChecked(t *testing.T) {
	named := town(t, "", ldapfake.Options{Host: "ldap.town.test"})
	cfg := townConfig(named)
	if err := fails(t, open(t, cfg), "alice", "wonderland", fault.Unavailable); !strings.Contains(fault.Message(err), "is for ldap.town.test, not for") {
		t.Error(err)
	}
	cfg.StartTLS, cfg.Servers = true, []string{named.Plain}
	fails(t, open(t, cfg), "alice", "wonderland", fault.Unavailable)
	if n := len(named.Binds()); n != 0 {
		t.Errorf("%d binds: the password went to a server that was not checked", n)
	}
}

// Whatever goes wrong with StartTLS, the password is not sent in clear.
func TestStartTLSIsNotLeftOut(t *testing.T) {
	for _, trouble := range []ldapfake.Trouble{
		{Code: "starttls", Result: 2, Text: "unsupported extended operation"},
		{Code: "starttls", Result: 52},
		{Drop: "starttls"},
		{Garbage: "starttls"},
		{Hang: "starttls"},
		{Hang: "accept"},
	} {
		s := town(t, "", ldapfake.Options{})
		s.GoWrong(trouble)
		cfg := townConfig(s)
		cfg.StartTLS, cfg.Servers, cfg.Timeout = true, []string{s.Plain}, timeout/20
		fails(t, open(t, cfg), "alice", "wonderland", fault.Unavailable)
		if n := len(s.Binds()); n != 0 {
			t.Errorf("%+v: %d binds", trouble, n)
		}
	}
}
