// SPDX-License-Identifier: Apache-2.0

package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

func TestLoginSettings(t *testing.T) {
	const none = "config.ini:2: warning: [auth] method = none lets everybody on this machine do everything; beyond loopback the daemon does not start with it"
	for _, c := range []struct {
		text string
		want []string
	}{
		{"", nil},
		{"method = static\nusers_file = /etc/users\n", nil},
		{"ldap_servers = ldap.example.com\nbase_dn = dc=example\nadmin_group = ops\nreader_group = dev\n", nil},
		{"ldap_servers = ldap.example.com\n", []string{
			"config.ini:2: warning: [auth] method is ldap, but without base_dn nobody can log in (add it)",
			"config.ini:2: warning: [auth] method is ldap, but without admin_group nobody can change anything (add it)",
		}},
		{"jwt_algorithm = RS256\n", []string{"config.ini:2: [auth] jwt_algorithm is RS256, but there is no jwt_key_file (add it, or choose HS256, which uses JWT_SECRET)"}},
		{"jwt_algorithm = ES512\njwt_key_file = /key\n", nil},
		{"jwt_key_file = /key\n", []string{"config.ini:2: warning: [auth] jwt_key_file has no effect with jwt_algorithm HS256 (set jwt_algorithm to an RS or ES one, or remove it)"}},
		{"method = none\n", []string{none}},
		{"method = none\nusers_file = /u\n", []string{
			none,
			"config.ini:3: warning: [auth] users_file has no effect with method none (remove it, or set method = static)",
		}},
		{"method = static\nadmin_group = ops\n", []string{"config.ini:3: warning: [auth] admin_group has no effect with method static (remove it, or set method = ldap)"}},
		{"admin_group = ops\n", []string{"config.ini:2: warning: [auth] admin_group has no effect: there are no ldap_servers (add them; roles of users of a file are in the file)"}},
		{"ldap_servers = l\nbase_dn = b\nadmin_group = a\nreader_group = r\npublic_reads = true\n", []string{
			"config.ini:5: warning: [auth] reader_group has no effect: public_reads lets everybody read (remove one of them)",
		}},
		{"require_jwt_auth = false\n", []string{"config.ini:2: warning: [auth] require_jwt_auth = false lets everybody who reaches the API do everything"}},
		{"require_jwt_auth =\n", nil}, // D40: still true
		{"require_jwt_auth = no\n", []string{`config.ini:2: [auth] require_jwt_auth is "no", not true or false`}},
	} {
		f := newFiles(t, "[auth]\n"+c.text+"[vault]\nvault_addr = http://127.0.0.1:8200\n", smallYAML)
		if diff := cmp.Diff(c.want, f.problems()); diff != "" && len(c.want)+len(f.problems()) > 0 {
			t.Errorf("%s: %s", c.text, diff)
		}
	}
	if s := Defaults(); !s.Auth.RequireJWT || s.Auth.PublicReads || s.Auth.LoginMethod() != MethodStatic {
		t.Errorf("%+v", s.Auth)
	}
	s, _ := readSettings(parseINI("[auth]\nrequire_jwt_auth = no\n", &report{}), &report{})
	if !s.Auth.RequireJWT { // D40
		t.Error("a mistyped require_jwt_auth opens the door")
	}
}

func TestUsersFileIsFound(t *testing.T) {
	dir := t.TempDir()
	ini := filepath.Join(dir, "config.ini")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(ini, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	none := func(string) (string, bool) { return "", false }
	for _, c := range []struct {
		ini     string
		sources Sources
		want    string
	}{
		{"", Sources{DataDir: dir}, dir + "/users"},
		{"[auth]\nusers_file = /etc/u\n[nonsense\n", Sources{DataDir: dir}, "/etc/u"},
		{"[auth]\nusers_file = /etc/u\n", Sources{}, "/etc/u"},
		{"", Sources{DatabaseURL: "postgres://h/n"}, ""},
		{"", Sources{}, ""}, // no HOME
	} {
		write(c.ini)
		c.sources.ConfigPath, c.sources.Env = ini, none
		got, err := FindUsersFile(c.sources)
		if got != c.want || (err == nil) != (c.want != "") || err != nil && (!fault.Is(err, fault.Invalid) || fault.Hint(err) == "") {
			t.Errorf("%q: %q, %v", c.ini, got, err)
		}
	}
	if _, err := FindUsersFile(Sources{ConfigPath: dir + "/nothing", DataDir: dir, Env: none}); !fault.Is(err, fault.Invalid) {
		t.Errorf("no config.ini: %v", err)
	}
}

func TestSigningKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key.pem")
	a := Auth{JWTAlgorithm: "ES256", JWTKeyFile: path}
	check := func(want string) {
		t.Helper()
		key, err := a.SigningKey()
		if !key.Empty() || !fault.Is(err, fault.Invalid) || !strings.Contains(fault.Message(err), want) || fault.Hint(err) == "" {
			t.Errorf("%v (%s), want %s", err, fault.Hint(err), want)
		}
	}
	check("is not there")
	const text = "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	check("mode 0644")
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if key, err := a.SigningKey(); err != nil || key.Reveal() != text {
		t.Errorf("%v", err)
	}
	a.JWTAlgorithm = "HS512"
	if key, err := a.SigningKey(); err != nil || key != (fleet.Secret{}) {
		t.Errorf("of a shared key: %v", err)
	}
}
