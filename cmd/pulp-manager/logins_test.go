// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/pulp/pulp-manager/internal/auth"
	"github.com/pulp/pulp-manager/internal/config"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// house is a daemon that serves the API by a config.ini, without running it.
type house struct {
	*daemon
	dir     string
	notices bytes.Buffer
}

// opened opens a daemon with the text as section [auth].
func opened(t *testing.T, dir, listen, text string) (*house, error) {
	t.Helper()
	ini := filepath.Join(dir, "config.ini")
	if err := os.WriteFile(ini, []byte("[auth]\n"+text), 0o600); err != nil {
		t.Fatal(err)
	}
	h := &house{dir: dir}
	o := options{listen: listen, logFormat: "text", logLevel: "error", notices: &h.notices}
	o.sources = config.Sources{ConfigPath: ini, DataDir: filepath.Join(dir, "data"), Env: func(string) (string, bool) { return "", false }}
	d, err := openDaemon(t.Context(), o, roles{api: true, worker: true, scheduler: true})
	if err == nil {
		t.Cleanup(func() { _ = d.store.Close() })
	}
	h.daemon = d
	return h, err
}

const local = "127.0.0.1:0"

func TestFirstUserIsShownOnce(t *testing.T) {
	dir := t.TempDir()
	h, err := opened(t, dir, local, "")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`password:  (\w{24,})\n`).FindStringSubmatch(h.notices.String())
	if found == nil {
		t.Fatalf("no password in %q", h.notices.String())
	}
	session, err := h.access.Login(t.Context(), auth.Attempt{User: "admin", Password: fleet.NewSecret(found[1]), Address: "127.0.0.1"})
	if err != nil || session.Principal.Role != fleet.RoleAdmin {
		t.Fatalf("%+v, %v", session.Principal, err)
	}
	if err := h.store.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := opened(t, dir, local, "")
	if err != nil || again.notices.Len() != 0 {
		t.Fatalf("the second start says %q, %v", again.notices.String(), err)
	}
	if p, err := again.access.Principal(t.Context(), session.Token.Reveal()); err != nil || p.User != "admin" {
		t.Errorf("after a restart: %+v, %v", p, err)
	}
	if p, err := again.access.Principal(t.Context(), ""); err != nil || p.Role != fleet.RoleNobody {
		t.Errorf("without a login: %+v, %v", p, err)
	}
	for _, c := range again.ready(t.Context()) {
		if !c.OK || c.Warning != "" {
			t.Errorf("%+v", c)
		}
	}
}

type deaf struct{}

func (deaf) Write([]byte) (int, error) { return 0, errors.New("closed") }

func TestFirstUserNobodyCanSee(t *testing.T) {
	dir := t.TempDir()
	h, err := opened(t, dir, local, "method = none\n")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "data", "users")); err == nil || h.notices.Len() > 0 {
		t.Error("a user is made though nobody needs to log in")
	}
	h.options.notices = deaf{}
	if err := h.firstUser(config.Defaults()); !fault.Is(err, fault.Internal) {
		t.Errorf("%v", err)
	}
}

// What opens the door, and what keeps the daemon from starting. // D40
func TestWhoMayByTheSettings(t *testing.T) {
	const beyond = "0.0.0.0:0"
	for _, c := range []struct {
		listen, text string
		open         bool
		refused      string
		warning      string
	}{
		{listen: local, text: "method = none\n", open: true},
		{listen: beyond, text: "method = none\n", refused: "method = none, but the API listens on 0.0.0.0:0"},
		{listen: ":8080", text: "method = none\n", refused: "beyond this machine"},
		{listen: local, text: "require_jwt_auth = false\n", open: true},
		{listen: beyond, text: "require_jwt_auth = false\n", open: true, warning: "require_jwt_auth = false"},
		{listen: beyond, text: ""},
		{listen: beyond, text: "require_jwt_auth =\n"},
		{listen: beyond, text: "require_jwt_auth = False?\n", refused: "not true or false"},
		{listen: beyond, text: "ldap_servers = ldap.example.com\nbase_dn = dc=x\nadmin_group = ops\n"},
		{listen: local, text: "users_file = /nowhere/users\n", warning: "/nowhere/users is not there"},
		{listen: local, text: "jwt_algorithm = RS256\njwt_key_file = /nowhere/key\n", refused: "/nowhere/key is not there"},
		{listen: local, text: "jwt_algorithm = RS256\n", refused: "there is no jwt_key_file"},
	} {
		h, err := opened(t, t.TempDir(), c.listen, c.text)
		if c.refused != "" {
			if !fault.Is(err, fault.Invalid) || exitCode(err) != 2 || !strings.Contains(fault.Message(err), c.refused) || fault.Hint(err) == "" {
				t.Errorf("%s %q: %v (%s)", c.listen, c.text, err, fault.Hint(err))
			}
			continue
		}
		if err != nil {
			t.Errorf("%s %q: %v", c.listen, c.text, err)
			continue
		}
		p, err := h.access.Principal(t.Context(), "")
		if err != nil || (p.Role == fleet.RoleAdmin) != c.open || !c.open && p.Role != fleet.RoleNobody {
			t.Errorf("%s %q: %+v, %v", c.listen, c.text, p, err)
		}
		if check := h.accessCheck(); !check.OK || !strings.Contains(check.Warning, c.warning) || (check.Warning == "") != (c.warning == "") {
			t.Errorf("%s %q: %+v", c.listen, c.text, check)
		}
	}
}

func TestUsersOnPostgreSQLNeedAFile(t *testing.T) {
	d := &daemon{database: config.Database{URL: fleet.NewSecret("postgres://h/n")}, options: options{listen: local}}
	s := config.Defaults()
	err := d.checkLogins(s)
	if !fault.Is(err, fault.Invalid) || !strings.Contains(fault.Hint(err), "users_file") {
		t.Errorf("%v (%s)", err, fault.Hint(err))
	}
	s.Auth.UsersFile = "/etc/users"
	if err := d.checkLogins(s); err != nil {
		t.Error(err)
	}
}

// Settings that change count at the next request, but for those that would open the door beyond this machine.
func TestPolicyFollowsTheSettings(t *testing.T) {
	h, err := opened(t, t.TempDir(), "0.0.0.0:0", "")
	if err != nil {
		t.Fatal(err)
	}
	set := func(change func(*config.Auth)) {
		c := *h.current.Load()
		change(&c.Settings.Auth)
		h.current.Store(&c)
	}
	role := func() fleet.Role {
		p, err := h.access.Principal(t.Context(), "")
		if err != nil {
			t.Error(err)
		}
		return p.Role
	}
	password := regexp.MustCompile(`password:  (\w+)`).FindStringSubmatch(h.notices.String())[1]
	session, err := h.access.Login(t.Context(), auth.Attempt{User: "admin", Password: fleet.NewSecret(password)})
	if err != nil {
		t.Fatal(err)
	}
	set(func(a *config.Auth) { a.PublicReads = true })
	if role() != fleet.RoleReader {
		t.Errorf("public reads: %q", role())
	}
	set(func(a *config.Auth) { a.Method = config.MethodNone })
	if role() == fleet.RoleAdmin {
		t.Error("method = none beyond loopback opens the door")
	}
	set(func(a *config.Auth) { a.Method = config.MethodLDAP })
	if _, err := h.access.Principal(t.Context(), session.Token.Reveal()); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("a login of the users file, with LDAP: %v", err)
	}
	if _, err := h.access.Login(t.Context(), auth.Attempt{User: "admin", Password: fleet.NewSecret(password)}); err == nil || fault.Is(err, fault.Unauthenticated) {
		t.Errorf("the users file lets in, with LDAP: %v", err)
	}
	set(func(a *config.Auth) { a.RequireJWT = false })
	if role() != fleet.RoleAdmin {
		t.Errorf("require_jwt_auth = false: %q", role())
	}
}

// userVerb runs `user …` with a standard input.
func userVerb(in string, args ...string) (string, error) {
	root := rootCommand()
	var out bytes.Buffer
	root.SetOut(&out)
	root.SetErr(io.Discard)
	root.SetIn(strings.NewReader(in))
	root.SetArgs(append([]string{"user"}, args...))
	err := root.ExecuteContext(context.Background())
	return out.String(), err
}

func TestUserVerbs(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "users")
	in := "correct horse\n"
	for _, c := range []struct {
		in, args, says string
		kind           fault.Kind
	}{
		{"", "list", "is not there", fault.NotFound},
		{in, "add alice --role admin --password-stdin", "user alice added in " + path, 0},
		{"battery staple", "add bob --role reader --password-stdin", "user bob added", 0},
		{in, "add bob --role reader --password-stdin", "there already", fault.Conflict},
		{in, "add carol --role root --password-stdin", "not admin or reader", fault.Invalid},
		{in, "add carol --password-stdin", "--role", fault.Invalid},
		{"short\n", "add carol --role admin --password-stdin", "shorter than 8", fault.Invalid},
		{"", "add carol --role admin", "no terminal", fault.Invalid},
		{in, "add a:b --role admin --password-stdin", "colon", fault.Invalid},
		{in, "add --role admin --password-stdin", "needs the name", fault.Invalid},
		{"", "list", "alice  admin   argon2id\nbob    reader  argon2id\n", 0},
		{in, "passwd bob --password-stdin", "user bob changed", 0},
		{in, "passwd carol --password-stdin", "no user", fault.NotFound},
		{"", "remove alice", "user alice removed", 0},
		{"", "remove alice", "no user", fault.NotFound},
	} {
		out, err := userVerb(c.in, append(strings.Fields(c.args), "--users-file", path)...)
		got := out
		if err != nil {
			got = shown(err)
		}
		if !strings.Contains(got, c.says) || c.kind != 0 && !fault.Is(err, c.kind) {
			t.Errorf("%s: %q, %v", c.args, out, err)
		}
		if strings.Contains(out, "horse") || strings.Contains(fmt.Sprint(err), "horse") {
			t.Errorf("%s shows the password", c.args)
		}
	}
	users := auth.NewUsersFile(path, slog.New(slog.DiscardHandler))
	if _, err := users.Login(t.Context(), "bob", fleet.NewSecret("correct horse")); err != nil {
		t.Error(err)
	}
}
