// SPDX-License-Identifier: Apache-2.0

package vault_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/vault"
	"github.com/pulp/pulp-manager/internal/vault/vaultfake"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// refs are secrets by reference.
type refs map[fleet.SecretRef]string

func (r refs) Secret(_ context.Context, ref fleet.SecretRef) (fleet.Secret, error) {
	if text, ok := r[ref]; ok {
		return fleet.NewSecret(text), nil
	}
	return fleet.Secret{}, fault.New(fault.NotFound, "%s is not set", ref).WithHint("set it")
}

const ref = "vault:kv/pulp#password"

func server() *vaultfake.Server {
	return &vaultfake.Server{
		RoleID: "role-1", SecretID: "secret-id-1", JWT: "jwt-1", Role: "pulp-manager", Renewable: true,
		Secrets: map[string]map[string]any{
			"kv/data/pulp": {"password": "hunter2"}, "team:kv/data/cert": {"key": "hunter3"}, "auth-ns:kv/data/pulp": {"password": "hunter4"},
		},
		Forbidden: map[string]bool{"kv/data/closed": true, "kv/closed": true},
	}
}

func connect(t *testing.T, addr string, login vault.Login, secrets refs, options ...func(*vault.Config)) *vault.Client {
	t.Helper()
	cfg := vault.Config{Addr: addr, Login: login, Secrets: secrets}
	for _, o := range options {
		o(&cfg)
	}
	c, err := vault.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return c
}

var (
	appRole    = vault.Login{Method: vault.MethodAppRole, RoleID: "role-1", Secret: "env:SECRET_ID"}
	kubernetes = vault.Login{Method: vault.MethodKubernetes, Role: "pulp-manager", JWT: "file:/jwt"}
	token      = vault.Login{Method: vault.MethodToken, Token: "env:TOKEN"}
	all        = refs{"env:SECRET_ID": "secret-id-1", "file:/jwt": "jwt-1", "env:TOKEN": "hvs.given"}
)

func read(t *testing.T, c *vault.Client, ref fleet.SecretRef, want string) {
	t.Helper()
	if got, err := c.Secret(t.Context(), ref); err != nil || got.Reveal() != want {
		t.Fatalf("%s: %q, %v (%s)", ref, got.Reveal(), err, fault.Hint(err))
	}
}

// Each way to log in: once, however many ask; our own token is revoked at the end, a given one is not.
func TestLogins(t *testing.T) {
	for name, s := range map[string]struct {
		login        vault.Login
		path         string
		logins, left int
	}{
		"approle":    {appRole, "auth/approle/login", 1, 0},
		"kubernetes": {kubernetes, "auth/kubernetes/login", 1, 0},
		"token":      {token, "auth/token/lookup-self", 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			fake := server()
			if name == "token" {
				fake.Issue("hvs.given")
			}
			c := connect(t, fake.Start(t), s.login, all)
			read(t, c, ref, "hunter2")
			read(t, c, ref, "hunter2")
			if n := len(fake.Asked(s.path)); n != s.logins {
				t.Errorf("%d requests to %s", n, s.path)
			}
			if n := len(fake.Asked("kv/")); n != 3 {
				t.Errorf("%d requests for two secrets, want 3: the form of a mount is found out once", n)
			}
			if err := c.Close(t.Context()); err != nil || fake.Tokens() != s.left {
				t.Errorf("after the end: %d tokens, %v", fake.Tokens(), err)
			}
			if _, err := c.Secret(t.Context(), ref); !fault.Is(err, fault.Unavailable) {
				t.Errorf("after the end: %v", err)
			}
		})
	}
}

// A secret id in a wrapping is taken out once, and serves later logins too; another's hand in it is told.
func TestWrappedSecretID(t *testing.T) {
	fake := server()
	fake.Wrapped = "hvs.wrapping"
	login := appRole
	login.Wrapped = true
	secrets := refs{"env:SECRET_ID": "hvs.wrapping"}
	addr := fake.Start(t)
	c := connect(t, addr, login, secrets)
	read(t, c, ref, "hunter2")
	fake.Revoke()
	read(t, c, ref, "hunter2")
	if unwraps, logins := len(fake.Asked("sys/wrapping")), len(fake.Asked("auth/approle/login")); unwraps != 1 || logins != 2 {
		t.Errorf("%d unwrappings, %d logins", unwraps, logins)
	}
	_, err := connect(t, addr, login, secrets).Secret(t.Context(), ref)
	if !fault.Is(err, fault.Unauthenticated) || !strings.Contains(fault.Hint(err), "stolen") || strings.Contains(err.Error(), "hvs.wrapping") {
		t.Errorf("unwrapped by another: %v (%s)", err, fault.Hint(err))
	}
}

// A token is renewed while it may be, and replaced in time where it may not; a secret's reader notices neither.
func TestTokensThatEnd(t *testing.T) {
	t.Run("renewable", func(t *testing.T) {
		t.Parallel()
		fake := server()
		fake.TTL = time.Second
		c := connect(t, fake.Start(t), appRole, all)
		read(t, c, ref, "hunter2")
		fake.Await(t, "auth/token/renew-self", 3) // the third is beyond the first life
		read(t, c, ref, "hunter2")
		if n := len(fake.Asked("auth/approle/login")); n != 1 {
			t.Errorf("%d logins", n)
		}
	})
	t.Run("given", func(t *testing.T) {
		t.Parallel()
		fake := server()
		fake.TTL = time.Second
		fake.Issue("hvs.given")
		c := connect(t, fake.Start(t), token, all)
		read(t, c, ref, "hunter2")
		fake.Await(t, "auth/token/renew-self", 3)
		read(t, c, ref, "hunter2")
	})
	t.Run("not renewable", func(t *testing.T) {
		t.Parallel()
		fake := server()
		fake.TTL, fake.Renewable = time.Second, false
		c := connect(t, fake.Start(t), appRole, all)
		read(t, c, ref, "hunter2")
		fake.AwaitEnd(t)
		read(t, c, ref, "hunter2")
		if n := len(fake.Asked("auth/approle/login")); n != 2 {
			t.Errorf("%d logins", n)
		}
	})
}

// A token that Vault forgot is replaced at its first 403; one that Vault knows, but whose policy says no, is not.
func TestRevokedToken(t *testing.T) {
	fake := server()
	c := connect(t, fake.Start(t), appRole, all)
	read(t, c, ref, "hunter2")
	fake.Revoke()
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() { read(t, c, ref, "hunter2") })
	}
	wg.Wait()
	if n := len(fake.Asked("auth/approle/login")); n != 2 {
		t.Errorf("%d logins after the token was revoked, want 2", n)
	}
	_, err := c.Secret(t.Context(), "vault:kv/closed#password")
	if !fault.Is(err, fault.Forbidden) || !strings.Contains(fault.Message(err), "kv/closed may not be read") || !strings.Contains(fault.Hint(err), "the AppRole") {
		t.Errorf("closed: %v (%s)", err, fault.Hint(err))
	}
	if n := len(fake.Asked("auth/approle/login")); n != 2 {
		t.Errorf("%d logins after a policy said no", n)
	}
}

// A given token that is gone is read anew: whoever replaces it need not start us again.
func TestGivenTokenIsReplaced(t *testing.T) {
	fake := server()
	fake.Issue("hvs.given")
	secrets := refs{"env:TOKEN": "hvs.given"}
	c := connect(t, fake.Start(t), token, secrets)
	read(t, c, ref, "hunter2")
	fake.Revoke()
	if _, err := c.Secret(t.Context(), ref); !fault.Is(err, fault.Forbidden) || !strings.Contains(fault.Hint(err), "the token") {
		t.Errorf("revoked: %v (%s)", err, fault.Hint(err))
	}
	secrets["env:TOKEN"] = "hvs.next"
	fake.Issue("hvs.next")
	read(t, c, ref, "hunter2")
}

// A burst asks once, and a change is seen by the next who asks: nothing is kept.
func TestBurst(t *testing.T) {
	fake := server()
	c := connect(t, fake.Start(t), appRole, all)
	read(t, c, ref, "hunter2")
	before := len(fake.Asked("kv/"))
	arrived, release := make(chan struct{}, 100), make(chan struct{})
	fake.Answer(func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.HasPrefix(r.URL.Path, "/v1/kv/") {
			arrived <- struct{}{}
			<-release
		}
		return false
	})
	quitter, quit := context.WithCancelCause(t.Context())
	why := errors.New("given up")
	var first, others sync.WaitGroup
	first.Go(func() { // the one whose request it is gives up; the others get their answer
		if _, err := c.Secret(quitter, ref); !errors.Is(err, why) {
			t.Errorf("given up: %v", err)
		}
	})
	<-arrived
	var began sync.WaitGroup
	for range 99 {
		began.Add(1)
		others.Go(func() {
			ctx := &noticed{Context: t.Context(), notice: sync.OnceFunc(began.Done)}
			if got, err := c.Secret(ctx, ref); err != nil || got.Reveal() != "hunter2" {
				t.Errorf("%q, %v", got.Reveal(), err)
			}
		})
	}
	began.Wait()
	quit(why)
	first.Wait()
	close(release)
	others.Wait()
	if n := len(fake.Asked("kv/")) - before; n != 1 {
		t.Errorf("%d requests for 100 at the same time", n)
	}
	fake.Answer(nil)
	fake.Put("kv/data/pulp", map[string]any{"password": "changed"})
	read(t, c, ref, "changed")
}

// noticed tells when somebody waits for it: then he has joined the flight.
type noticed struct {
	context.Context
	notice func()
}

func (n *noticed) Done() <-chan struct{} {
	n.notice()
	return n.Context.Done()
}

func TestNamespaces(t *testing.T) {
	fake := server()
	addr := fake.Start(t)
	source := fleet.SecretSource{Mount: "kv", Path: "cert", Field: "key"}
	c := connect(t, addr, appRole, all, func(cfg *vault.Config) { cfg.SecretNamespace = "team" })
	read(t, c, ref, "hunter2") // references: none
	if got, err := c.Source(t.Context(), source); err != nil || got.Reveal() != "hunter3" {
		t.Errorf("%q %v", got.Reveal(), err)
	}
	fake.Namespace = "auth-ns" // of the login
	c = connect(t, addr, appRole, all, func(cfg *vault.Config) { cfg.Namespace = "auth-ns"; cfg.SecretNamespace = "team" })
	read(t, c, ref, "hunter4")
	if got, err := c.Source(t.Context(), source); err != nil || got.Reveal() != "hunter3" {
		t.Errorf("%q %v", got.Reveal(), err)
	}
}

// What is wrong with a login says what to do, and never what was sent, although Vault repeats it.
func TestLoginsThatFail(t *testing.T) {
	secretID := func(text string) refs { return refs{"env:SECRET_ID": text, "file:/jwt": text, "env:TOKEN": text} }
	elsewhere := appRole
	elsewhere.Mount = "approle-2"
	wrong := kubernetes
	wrong.Role = "other"
	for name, s := range map[string]struct {
		login      vault.Login
		secrets    refs
		kind       fault.Kind
		text, hint string
	}{
		"secret id":     {appRole, secretID("wrong-1234"), fault.Unauthenticated, "said no to the login by approle at auth/approle: invalid role or secret ID: ***", "run out of time"},
		"jwt":           {kubernetes, secretID("wrong-1234"), fault.Unauthenticated, "said no to the login by kubernetes at auth/kubernetes: permission denied: ***", "service account"},
		"role":          {wrong, all, fault.Unauthenticated, "said no", "service account"},
		"mount":         {elsewhere, all, fault.Invalid, "no answer to the login by approle at auth/approle-2", "auth_mount"},
		"no secret id":  {appRole, refs{}, fault.NotFound, "the secret id cannot be read: env:SECRET_ID is not set", "set it"},
		"unknown token": {token, secretID("wrong-1234"), fault.Forbidden, "kv/pulp may not be read", "the token"},
	} {
		c := connect(t, server().Start(t), s.login, s.secrets)
		_, err := c.Secret(t.Context(), ref)
		if !fault.Is(err, s.kind) || !strings.Contains(fault.Message(err), s.text) || !strings.Contains(fault.Hint(err), s.hint) {
			t.Errorf("%s: %v %v (%s)", name, fault.KindOf(err), err, fault.Hint(err))
		}
		if strings.Contains(fmt.Sprint(err), "wrong-1234") || strings.Contains(fmt.Sprint(err), "jwt-1") {
			t.Errorf("%s: %v shows a secret", name, err)
		}
	}
	for _, login := range []vault.Login{
		{Method: "ldap"},
		{Method: vault.MethodToken},
		{Method: vault.MethodAppRole},
		{Method: vault.MethodAppRole, RoleID: "r"},
		{Method: vault.MethodKubernetes, Role: "r"},
		{Method: vault.MethodKubernetes, JWT: "file:/jwt"},
	} {
		if _, err := vault.New(vault.Config{Addr: "http://127.0.0.1:1", Login: login}); !fault.Is(err, fault.Invalid) || fault.Hint(err) == "" {
			t.Errorf("%+v: %v", login, err)
		}
	}
}

// Trouble with Vault while it is asked for the login is told like trouble with a secret.
func TestLoginTrouble(t *testing.T) {
	for body, s := range map[string]struct {
		status int
		kind   fault.Kind
		text   string
	}{
		`{"errors":["Vault is sealed"]}`:        {503, fault.Unavailable, "answered 503 Service Unavailable to the login"},
		`<html>hunter2`:                         {200, fault.Unavailable, "did not answer with a secret to the login"},
		`{"data":{"hunter2":1}}`:                {200, fault.Unavailable, "did not answer with a token"},
		`{"errors":["hunter2 of the limiter"]}`: {429, fault.Unavailable, "429 Too Many Requests"},
		`hunter2`:                               {400, fault.Unauthenticated, "said no to the login by approle at auth/approle: Bad Request"},
	} {
		fake := server()
		fake.Answer(func(w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(s.status)
			fmt.Fprint(w, body)
			return true
		})
		_, err := connect(t, fake.Start(t), appRole, all).Secret(t.Context(), ref)
		if !fault.Is(err, s.kind) || !strings.Contains(fault.Message(err), s.text) || fault.Hint(err) == "" {
			t.Errorf("%d %s: %v %v (%s)", s.status, body, fault.KindOf(err), err, fault.Hint(err))
		}
		if strings.Contains(fmt.Sprint(err), "hunter2") {
			t.Errorf("%v shows the answer", err)
		}
		if n := len(fake.Asked("")); n != 1 {
			t.Errorf("%d: %d requests", s.status, n)
		}
	}
}
