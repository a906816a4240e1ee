// SPDX-License-Identifier: Apache-2.0

package config

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// vaultStub answers each reference with itself.
type vaultStub struct{}

func (vaultStub) Secret(_ context.Context, ref fleet.SecretRef) (fleet.Secret, error) {
	return fleet.NewSecret("of " + string(ref)), nil
}

func TestSecrets(t *testing.T) {
	f := newFiles(t, "", "")
	f.env["TOKEN"] = "tok"
	f.env["EMPTY"] = ""
	f.write("secret", "pass word\r\nsecond line\n")
	f.write("bare", "x")
	f.write("empty", "\n")
	const pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
	f.write("cert", pem)
	secrets := Secrets{Env: f.sources().Env, Vault: vaultStub{}}
	for ref, want := range map[string]string{
		"env:TOKEN":                "tok",
		"file:" + f.path("secret"): "pass word",
		"file:" + f.path("bare"):   "x",
		"file:" + f.path("cert"):   pem,
		"vault:kv/a/b#c":           "of vault:kv/a/b#c",
	} {
		if got, err := secrets.Secret(t.Context(), fleet.SecretRef(ref)); err != nil || got.Reveal() != want {
			t.Errorf("%s: %q %v", ref, got.Reveal(), err)
		}
	}
	for ref, want := range map[string]fault.Kind{
		"env:NOPE": fault.NotFound, "env:EMPTY": fault.NotFound, "env:a b": fault.Invalid,
		"file:" + f.path("nope"): fault.NotFound, "file:" + f.path("empty"): fault.Invalid, "file:" + f.dir: fault.Invalid,
		"file:relative": fault.Invalid, "vault:kv#f": fault.Invalid, "vault:kv/a": fault.Invalid, "hunter2": fault.Invalid, "hunter2:x": fault.Invalid, "": fault.Invalid,
	} {
		_, err := secrets.Secret(t.Context(), fleet.SecretRef(ref))
		if !fault.Is(err, want) || fault.Hint(err) == "" && !strings.HasSuffix(ref, f.dir) {
			t.Errorf("%s: %v, want %v with a hint", ref, err, want)
		}
		if strings.Contains(fmt.Sprint(err), "hunter2") {
			t.Errorf("%v shows a secret", err)
		}
	}
	if _, err := (Secrets{}).Secret(t.Context(), "vault:kv/a#b"); !fault.Is(err, fault.Invalid) {
		t.Errorf("without Vault: %v", err)
	}
}

func TestPasswordOf(t *testing.T) {
	vault := fleet.Server{Username: "admin", CredentialMount: "service-accounts"}
	own := vault
	own.Password = "env:X"
	local := Settings{Local: true, Pulp: Pulp{Password: fleet.NewSecret("static")}}
	byRef := Settings{Local: true, Pulp: Pulp{PasswordRef: "file:/x"}}
	for name, c := range map[string]struct {
		server   fleet.Server
		settings Settings
		want     string
	}{
		"Vault":       {vault, Settings{}, "vault:service-accounts/creds/admin#current_password"},
		"not local":   {vault, Settings{Pulp: local.Pulp}, "vault:service-accounts/creds/admin#current_password"},
		"local":       {vault, local, "static"},
		"local ref":   {vault, byRef, "file:/x"},
		"own":         {own, Settings{}, "env:X"},
		"own, local":  {own, local, "env:X"},
		"local, none": {vault, Settings{Local: true}, "error"},
		"none":        {fleet.Server{Username: "admin"}, Settings{}, "error"},
	} {
		p, err := PasswordOf(c.server, c.settings)
		got := string(p.Ref) + p.Value.Reveal()
		if err != nil {
			got = "error"
		}
		if got != c.want {
			t.Errorf("%s: %s %v", name, got, err)
		}
	}
}

func TestKeys(t *testing.T) {
	dir := t.TempDir() + "/state"
	none := Sources{Env: func(string) (string, bool) { return "", false }}
	embedded := Database{DataDir: dir}

	// Several processes starting at once agree.
	found := make([]Keys, 8)
	var wait sync.WaitGroup
	for i := range found {
		wait.Go(func() {
			var err error
			if found[i], err = FindKeys(embedded, none); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	first, second := found[0].JWT.Reveal(), found[0].Seal.Reveal()
	for _, k := range found {
		jwt, seal := k.JWT.Reveal(), k.Seal.Reveal()
		if jwt != first || seal != second || len(jwt) < 32 || len(seal) < 32 || jwt == seal {
			t.Fatalf("keys differ, or are short: %q %q", jwt, seal)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("left in the folder: %v %v", entries, err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", e.Name(), info.Mode())
		}
	}

	given := Sources{Env: func(name string) (string, bool) {
		return map[string]string{EnvJWTSecret: "jwt", EnvSecretKey: strings.Repeat("k", 16)}[name], true
	}}
	k, err := FindKeys(Database{URL: fleet.NewSecret("postgres://h/n")}, given)
	if err != nil || k.JWT.Reveal() != "jwt" || k.Seal.Reveal() != "kkkkkkkkkkkkkkkk" {
		t.Errorf("given keys: %v", err)
	}
}

func TestKeysProblems(t *testing.T) {
	env := map[string]string{}
	s := Sources{Env: func(name string) (string, bool) { v, ok := env[name]; return v, ok }}
	postgres := Database{URL: fleet.NewSecret("postgres://h/n")}
	expect := func(d Database, want string) {
		t.Helper()
		if _, err := FindKeys(d, s); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), want) || fault.Hint(err) == "" {
			t.Errorf("%v, want %s", err, want)
		}
	}
	expect(postgres, "JWT_SECRET is not set")
	env[EnvJWTSecret] = "x"
	expect(postgres, "PULP_MANAGER_SECRET_KEY is not set")
	env[EnvSecretKey] = "short"
	expect(postgres, "shorter than 16")

	f := newFiles(t, "", "")
	clear(env)
	expect(Database{DataDir: f.path("config.ini")}, "not a directory")
	f.write("jwt_secret", "")
	expect(Database{DataDir: f.dir}, "has an empty first line")
	f.write("jwt_secret", "abc\n")
	if err := os.Chmod(f.path("jwt_secret"), 0o644); err != nil {
		t.Fatal(err)
	}
	expect(Database{DataDir: f.dir}, "is open to every user")
}

// Whoever writes definitions must not get at what is not meant for remotes: the daemon's own keys, say.
func TestDefinitionSecret(t *testing.T) {
	allowing := Pulp{DefinitionSecrets: []string{"env:PULP_REMOTE_", "file:/etc/pm/remotes/"}}
	for text, want := range map[string]bool{
		"env:PULP_REMOTE_A": true, "file:/etc/pm/remotes/a": true,
		"env:JWT_SECRET": false, "file:/etc/shadow": false, "file:/etc/pm/remotes/../keys": false, "vault:kv/a#b": false,
		"hunter2": false, "": false, "env:PULP_REMOTE_ A": false,
	} {
		ref, err := allowing.DefinitionSecret(text)
		if (err == nil) != want || want && string(ref) != text || err != nil && fault.Hint(err) == "" {
			t.Errorf("%q: %q %v", text, ref, err)
		}
		if ref, err := (Pulp{}).DefinitionSecret(text); err == nil {
			t.Errorf("nothing is allowed: %q gives %q", text, ref)
		}
	}
}
