// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/pulp/pulp-manager/client"
	"github.com/pulp/pulp-manager/internal/api"
	"github.com/pulp/pulp-manager/internal/auth"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job/catalog"
	"github.com/pulp/pulp-manager/internal/store/storecontract"
)

// oneUser is Access for bob, a reader, whose password is "right" and whose token is "token-1".
type oneUser struct{ ended bool }

func (u *oneUser) Policy() auth.Policy { return auth.Policy{} }

func (u *oneUser) Login(ctx context.Context, a auth.Attempt) (auth.Session, error) {
	if a.User != "bob" || a.Password.Reveal() != "right" {
		return auth.Session{}, fault.New(fault.Unauthenticated, "wrong user name or password")
	}
	u.ended = false
	who, err := u.Principal(ctx, "token-1")
	return auth.Session{Token: fleet.NewSecret("token-1"), Principal: who}, err
}

func (u *oneUser) Principal(_ context.Context, token string) (fleet.Principal, error) {
	switch {
	case token == "":
		return fleet.Principal{}, nil
	case token != "token-1" || u.ended:
		return fleet.Principal{}, fault.New(fault.Unauthenticated, "the login is over")
	}
	return fleet.Principal{User: "bob", Role: fleet.RoleReader, Groups: []string{"staff"}, TokenID: "1", Expires: time.Now().Add(time.Hour)}, nil
}

func (u *oneUser) Logout(context.Context, fleet.Principal) error {
	u.ended = true
	return nil
}

// lockedDaemon is a daemon that needs a login, and runs verbs against it with input.
func lockedDaemon(t *testing.T) (run func(input string, args ...string) (string, error), home string, user *oneUser) {
	t.Helper()
	home, user = t.TempDir(), &oneUser{}
	t.Setenv("XDG_CONFIG_HOME", home)
	t.Setenv(envToken, "")
	s := storecontract.SQLite(t, 0)
	server := httptest.NewServer(api.New(api.Options{Servers: s, Repositories: s, Tasks: s, Queue: s, Jobs: catalog.All(catalog.Settings{}), Access: user}))
	t.Cleanup(server.Close)
	return func(input string, args ...string) (string, error) {
		root := &cobra.Command{Use: "pulp-manager", SilenceUsage: true, SilenceErrors: true}
		root.AddCommand(clientCommands(catalog.All(catalog.Settings{}))...)
		var out bytes.Buffer
		root.SetOut(&out)
		root.SetErr(&out)
		root.SetIn(strings.NewReader(input))
		root.SetArgs(append(args, "--url", server.URL))
		err := root.ExecuteContext(t.Context())
		return out.String(), err
	}, home, user
}

func TestLoginVerbs(t *testing.T) {
	run, home, user := lockedDaemon(t)
	file := filepath.Join(home, "pulp-manager", "credentials.json")

	_, err := run("", "servers")
	if exitCode(err) != client.ExitForbidden || fault.Hint(err) != "log in with `pulp-manager login`" {
		t.Errorf("not logged in: %v, %q", err, fault.Hint(err))
	}
	if _, err := run("wrong\n", "login", "--username", "bob", "--password-stdin"); exitCode(err) != client.ExitForbidden {
		t.Errorf("wrong password: %v", err)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("a login that failed is stored")
	}

	out, err := run("right\r\nmore\n", "login", "--username", "bob", "--password-stdin")
	if err != nil || !strings.Contains(out, "as bob (reader) until ") || strings.Contains(out, "token-1") {
		t.Fatalf("login: %q, %v", out, err)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("credentials: %v, %v", info, err)
	}
	if out, err := run("", "whoami"); err != nil || !strings.HasPrefix(out, "bob (reader) until ") || !strings.Contains(out, "groups: staff\n") {
		t.Errorf("whoami: %q, %v", out, err)
	}
	if _, err := run("", "servers"); err != nil {
		t.Errorf("logged in: %v", err)
	}
	if _, err := run("", "cancel", "1"); exitCode(err) != client.ExitForbidden || !strings.Contains(fault.Message(err), "needs the role admin, and bob is reader") {
		t.Errorf("a reader changes something: %v", err)
	}

	t.Setenv(envToken, "another") // goes before
	if _, err := run("", "servers"); exitCode(err) != client.ExitForbidden {
		t.Errorf("with a wrong token in the environment: %v", err)
	}
	t.Setenv(envToken, "")

	if out, err := run("", "logout"); err != nil || !strings.HasPrefix(out, "logged out of ") || !user.ended {
		t.Errorf("logout: %q, %v", out, err)
	}
	if text, err := os.ReadFile(file); err != nil || strings.Contains(string(text), "token-1") {
		t.Errorf("after the logout: %s, %v", text, err)
	}
	if out, err := run("", "logout"); err != nil || !strings.HasPrefix(out, "nobody was logged in") {
		t.Errorf("again: %q, %v", out, err)
	}
	left, err := os.ReadDir(filepath.Dir(file))
	if err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestLoginRefusals(t *testing.T) {
	run, home, _ := lockedDaemon(t)
	for _, test := range []struct {
		input string
		args  []string
		want  string
	}{
		{"right\n", []string{"--password-stdin"}, "--username must be given"},
		{"right\n", []string{"--username", "bob"}, "there is no terminal"},
		{"\n", []string{"--username", "bob", "--password-stdin"}, "the password is empty"},
		{"", []string{"--username", "bob", "--password-stdin"}, "the password is empty"},
	} {
		if _, err := run(test.input, append([]string{"login"}, test.args...)...); !fault.Is(err, fault.Invalid) || !strings.Contains(fault.Message(err), test.want) {
			t.Errorf("%v: %v, want %q", test.args, err, test.want)
		}
	}
	file := filepath.Join(home, "pulp-manager", "credentials.json")
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(`{"x": {"token": "hidden"`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, verb := range [][]string{{"servers"}, {"login", "--username", "bob", "--password-stdin"}, {"logout"}} {
		if _, err := run("right\n", verb...); !fault.Is(err, fault.Invalid) || !strings.Contains(fault.Message(err), "is damaged") || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%v with a damaged file: %v", verb, err)
		}
	}
	t.Setenv(envToken, "token-1")
	if _, err := run("", "servers"); err != nil {
		t.Errorf("a token in the environment needs no file: %v", err)
	}
}
