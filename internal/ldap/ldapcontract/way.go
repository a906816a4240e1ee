// SPDX-License-Identifier: Apache-2.0

package ldapcontract

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/ldap/ldapfake"
)

var ways = []contract{
	{"LDAPS with the directory's CA", func(t *testing.T, e Env) {
		login(t, e.config(), "alice", "wonderland")
	}},
	{"LDAPS with another CA is refused", func(t *testing.T, e Env) {
		cfg := e.config()
		cfg.CA = ldapfake.Start(t, ldapfake.Options{}).CA
		got := fails(t, cfg, "alice", "wonderland", fault.Unavailable)
		if !strings.Contains(got.msg, "not trusted") || !strings.Contains(got.hint, "ldap_ca_file") {
			t.Errorf("%+v", got)
		}
		cfg.CA, cfg.OnlyCA = nil, false // the system's do not sign it either
		fails(t, cfg, "alice", "wonderland", fault.Unavailable)
	}},
	{"StartTLS", func(t *testing.T, e Env) {
		cfg := e.config()
		cfg.Servers, cfg.StartTLS = []string{e.Plain}, true
		login(t, cfg, "alice", "wonderland")
		fails(t, cfg, "alice", "not-this-one", fault.Unauthenticated)
		cfg.CA = ldapfake.Start(t, ldapfake.Options{}).CA
		fails(t, cfg, "alice", "wonderland", fault.Unavailable)
	}},
	{"use_ssl = false is encrypted", func(t *testing.T, e Env) { // D47
		cfg := e.config()
		cfg.UseSSL = false
		login(t, cfg, "alice", "wonderland")
		cfg.StartTLS, cfg.Servers = true, []string{e.Plain}
		login(t, cfg, "alice", "wonderland")
		cfg.StartTLS = false // LDAPS, to a port where it is not spoken
		fails(t, cfg, "alice", "wonderland", fault.Unavailable)
	}},
	{"in clear, where both keys say so", func(t *testing.T, e Env) {
		cfg := e.config()
		cfg.UseSSL, cfg.Plaintext, cfg.Servers = false, true, []string{e.Plain}
		login(t, cfg, "alice", "wonderland")
	}},
	{"the next server answers for a dead one", func(t *testing.T, e Env) { // D48
		cfg := e.config()
		cfg.Servers = []string{dead(t), e.TLS}
		login(t, cfg, "alice", "wonderland")
		fails(t, cfg, "alice", "not-this-one", fault.Unauthenticated)
	}},
	{"the next server answers for one that hangs, which costs its time once", func(t *testing.T, e Env) {
		cfg := e.config()
		silent := ldapfake.Start(t, ldapfake.Options{})
		silent.GoWrong(ldapfake.Trouble{Hang: "accept"})
		cfg.Servers, cfg.Timeout = []string{silent.TLS, e.TLS}, 300*time.Millisecond
		d := open(t, cfg)
		for range 3 {
			if _, err := d.Login(t.Context(), "alice", fleet.NewSecret("wonderland")); err != nil {
				t.Fatal(err)
			}
		}
		if n := silent.Accepted(); n != 1 {
			t.Errorf("the silent server was tried %d times", n)
		}
	}},
	{"a server after one that answered is not asked", func(t *testing.T, e Env) { // D48
		cfg := e.config()
		second := ldapfake.Start(t, ldapfake.Options{})
		cfg.Servers = []string{e.TLS, second.TLS}
		login(t, cfg, "alice", "wonderland")
		fails(t, cfg, "alice", "not-this-one", fault.Unauthenticated)
		if n := second.Accepted(); n != 0 {
			t.Errorf("the second server was tried %d times", n)
		}
	}},
	{"where no server answers, each is named with its reason", func(t *testing.T, e Env) {
		cfg := e.config()
		one := dead(t)
		_, port, _ := net.SplitHostPort(e.Plain)
		cfg.Servers = []string{one, "127.0.0.1:" + port}
		got := fails(t, cfg, "alice", "wonderland", fault.Unavailable)
		if text := got.msg; !strings.Contains(text, one+": it refuses the connection") || !strings.Contains(text, "127.0.0.1:"+port+": it ") {
			t.Error(text)
		}
	}},
}
