// SPDX-License-Identifier: Apache-2.0

package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/config"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/ldap/ldapcontract"
)

func ldapSettings(addr string) config.Settings {
	var s config.Settings
	s.Auth.LDAP = config.LDAP{
		Servers: []string{addr}, UseSSL: true, BaseDN: ldapcontract.Example, BindName: "uid={user},ou=people,{base_dn}",
		UserFilter: "(uid={user})", NestedGroups: "auto", Timeout: 5 * time.Second,
	}
	return s
}

// The directory's CA comes from any of three places; where ldap_ca_file names one, the others do not count.
func TestTheDirectorysCA(t *testing.T) {
	env := ldapcontract.FakeEnv(t)
	good, other := filepath.Join(t.TempDir(), "good.pem"), filepath.Join(t.TempDir(), "other.pem")
	for file, text := range map[string][]byte{good: env.CA, other: ldapcontract.FakeEnv(t).CA} {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		file, bundle, root string
		works              bool
	}{
		{"", "", "", false}, // by the system's
		{good, "", "", true},
		{"", good, "", true},
		{"", "", good, true},
		{"", other, good, true},
		{good, other, other, true},
		{other, good, good, false},
	} {
		t.Setenv(caBundle, tt.bundle)
		s := ldapSettings(env.TLS)
		s.Auth.LDAP.CAFile, s.CA.RootFile = tt.file, tt.root
		dir, err := new(ldapDirectory).get(s, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		id, err := dir.Login(t.Context(), "alice", fleet.NewSecret("wonderland"))
		if tt.works && (err != nil || id.User != "alice") || !tt.works && !fault.Is(err, fault.Unavailable) {
			t.Errorf("%+v: %+v, %v", tt, id, err)
		}
	}
	t.Setenv(caBundle, good+".missing")
	if _, err := new(ldapDirectory).get(ldapSettings(env.TLS), nil); !fault.Is(err, fault.Invalid) || !strings.Contains(fault.Message(err), "good.pem.missing") {
		t.Errorf("a missing file gives %v", err)
	}
}

func TestTheDirectoryIsKeptWhileSettingsAre(t *testing.T) {
	t.Setenv(caBundle, "")
	var d ldapDirectory
	one, err := d.get(ldapSettings("a"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if two, err := d.get(ldapSettings("a"), nil); err != nil || two != one {
		t.Errorf("the same settings give another directory, %v", err)
	}
	if two, err := d.get(ldapSettings("b"), nil); err != nil || two == one {
		t.Errorf("other settings give the same directory, %v", err)
	}
}
