// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/pulp/pulp-manager/client"
	"github.com/pulp/pulp-manager/internal/config"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
	"github.com/pulp/pulp-manager/internal/vault/vaultfake"
)

// secretKey is a secret of several lines with what JSON writes in other words.
const secretKey = "-----BEGIN PRIVATE KEY-----\nMIIkeyLine1/9f8e7d6c5b4a\nMIIkeyLine2+\"quoted\"\\0a1b2c\n-----END PRIVATE KEY-----\n"

// guarded is a daemon that has all its secrets from Vault, and a Pulp that repeats what it is sent.
type guarded struct {
	t      *testing.T
	dir    string
	vault  *vaultfake.Server
	pulp   *pulpfake.Server
	echoes atomic.Bool // Pulp refuses remotes, and says with what body
	log    growing
	client *client.Client
	server client.Server
	stop   func()
}

const guardedINI = `[auth]
method = none
[pulp]
local_repo_config_dir = %s
%s
[vault]
vault_addr = %s
auth_method = approle
role_id = role-1
secret_id = file:%s
repo_secret_namespace = team
`

const guardedYAML = `pulp_servers:
  pulp1:
    credentials: vault
    url: %s
    repo_groups: {}
credentials:
  vault: {username: admin, vault_service_account_mount: service-accounts}
repo_groups: {}
`

// secretsOf are all texts that must not be seen, with what parts of them would tell.
func secretsOf() []string {
	return []string{
		"pulp-password-6x7y", "rotated-password-8z", "upstream-password-\\q\"1w2e", "upstream-user-3r4t",
		"MIIkeyLine1/9f8e7d6c5b4a", "9f8e7d6c5b4a", "0a1b2c", "secret-id-5u6i", "hvs.",
	}
}

func startGuarded(t *testing.T) *guarded {
	t.Helper()
	g := &guarded{t: t, dir: t.TempDir()}
	g.log.changed = make(chan struct{}, 1)
	g.vault = &vaultfake.Server{RoleID: "role-1", SecretID: "secret-id-5u6i", Renewable: true, Secrets: map[string]map[string]any{
		"service-accounts/creds/admin": {"current_password": "pulp-password-6x7y"},
		"team:kv/data/upstream":        {"pw": "upstream-password-\\q\"1w2e", "user": "upstream-user-3r4t", "key": secretKey},
	}}
	g.pulp = pulpfake.New(pulpfake.Options{Password: "pulp-password-6x7y", Username: "admin"})
	if _, err := g.pulp.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.pulp.Close)
	front := httptest.NewServer(http.HandlerFunc(g.front))
	t.Cleanup(front.Close)
	g.write("secret-id", "secret-id-5u6i\n")
	g.configure(front.URL, "")
	g.serve()
	return g
}

func (g *guarded) configure(pulp, more string) {
	g.write("config.ini", fmt.Sprintf(guardedINI, filepath.Join(g.dir, "definitions"), more, g.vault.Start(g.t), filepath.Join(g.dir, "secret-id")))
	g.write("pulp_config.yml", fmt.Sprintf(guardedYAML, pulp))
}

func (g *guarded) write(name, text string) {
	g.t.Helper()
	path := filepath.Join(g.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		g.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		g.t.Fatal(err)
	}
}

// define writes a definition with secrets in Vault.
func (g *guarded) define(name string, fields map[string]string) {
	var secrets []map[string]string
	for property, field := range fields {
		secrets = append(secrets, map[string]string{"secret_name": field, "kv": "kv", "path": "upstream", "remote_property": property})
	}
	text, err := json.Marshal(map[string]any{
		"name": name, "content_repo_type": "file", "description": "d", "owner": "o", "base_url": "b", "proxy": nil,
		"url": "https://upstream.example.com/" + name + "/PULP_MANIFEST", "vault_load_secrets": secrets,
	})
	if err != nil {
		g.t.Fatal(err)
	}
	g.write("definitions/remote/"+name+".json", string(text))
}

// front passes requests on to Pulp.
func (g *guarded) front(w http.ResponseWriter, r *http.Request) {
	if g.echoes.Load() && r.Method == http.MethodPost && strings.Contains(r.URL.Path, "/remotes/") {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		var sent map[string]any
		_ = json.Unmarshal(body, &sent)
		_ = json.NewEncoder(w).Encode(map[string]any{"raw": []string{string(body)}, "password": sent["password"], "client_key": sent["client_key"]})
		return
	}
	g.pulp.ServeHTTP(w, r)
}

func (g *guarded) serve() {
	g.t.Helper()
	o := options{listen: "127.0.0.1:0", logFormat: "text", logLevel: "debug", drain: demoDrain}
	o.sources = config.Sources{
		ConfigPath: filepath.Join(g.dir, "config.ini"), SyncPath: filepath.Join(g.dir, "pulp_config.yml"), DataDir: filepath.Join(g.dir, "data"),
		Env: func(string) (string, bool) { return "", false },
	}
	all := roles{api: true, worker: true, scheduler: true}
	d, err := openDaemon(g.t.Context(), o, all)
	if err != nil {
		g.t.Fatal(err)
	}
	d.log = slog.New(slog.NewTextHandler(&g.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	d.wire()
	ready := make(chan string, 1)
	d.onReady = func(address string) { ready <- address }
	ctx, stop := context.WithCancel(context.WithoutCancel(g.t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- d.serve(ctx, all) }()
	stopped := false
	g.stop = func() {
		if stopped {
			return
		}
		stopped = true
		stop()
		if err := <-ended; err != nil {
			g.t.Error(err)
		}
	}
	g.t.Cleanup(g.stop)
	select {
	case address := <-ready:
		if g.client, err = client.New("http://" + address); err != nil {
			g.t.Fatal(err)
		}
		g.t.Cleanup(g.client.Close)
	case err := <-ended:
		ended <- nil
		g.t.Fatalf("the daemon ended: %v\n%s", err, g.log.String())
	}
	servers, err := g.client.Servers(g.t.Context(), url.Values{})
	if err != nil || len(servers.Items) != 1 {
		g.t.Fatalf("%+v, %v", servers, err)
	}
	g.server = servers.Items[0]
}

// register runs a registration and gives the task as the API shows it.
func (g *guarded) register() client.TaskDetail {
	g.t.Helper()
	task, err := g.client.Ask(g.t.Context(), g.server.ID, "register_repos", map[string]any{"max_runtime": "1h"})
	if err != nil {
		g.t.Fatalf("%v (%s)", err, fault.Hint(err))
	}
	ended, err := g.client.WaitTask(g.t.Context(), task.ID, nil)
	if err != nil {
		g.t.Fatal(err)
	}
	return ended
}

// TestSecretsAreNotSeen drives registrations with secrets from Vault, Pulp at its most talkative, and looks for the
// secrets wherever we write: database, log, tasks.
func TestSecretsAreNotSeen(t *testing.T) {
	t.Parallel()
	g := startGuarded(t)
	g.define("ext-login", map[string]string{"username": "user", "password": "pw"})
	g.define("ext-cert", map[string]string{"client_key": "key"})
	g.echoes.Store(true)
	failed := g.register()
	if failed.State != client.StateFailed || !strings.Contains(failed.Error.Msg, "ext-login") || !strings.Contains(failed.Error.Msg, "***") {
		t.Errorf("refused by Pulp: %s %+v", failed.State, failed.Error)
	}
	g.echoes.Store(false)
	if done := g.register(); done.State != client.StateCompleted {
		t.Errorf("registered: %s %+v", done.State, done.Error)
	}
	if remote := g.pulp.Object("remotes", "ext-cert"); remote["client_key"] != secretKey {
		t.Errorf("the remote's key is %q", remote["client_key"])
	}
	// A broken place of secrets, too: what it says is not repeated either.
	g.vault.Put("team:kv/data/upstream", map[string]any{"pw": []string{"upstream-password-\\q\"1w2e"}, "user": "upstream-user-3r4t"})
	if bad := g.register(); bad.State != client.StateFailed || !strings.Contains(bad.Error.Msg, `field "pw" of secret kv/upstream is empty or not text (store it as a text)`) ||
		!strings.Contains(bad.Error.Msg, `ext-cert.json): Vault: secret kv/upstream has no field "key"`) {
		t.Errorf("bad fields: %s %+v", bad.State, bad.Error)
	}
	var tasks bytes.Buffer
	page, err := g.client.Tasks(t.Context(), url.Values{})
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range page.Items {
		detail, err := g.client.Task(t.Context(), task.ID)
		if err != nil {
			t.Fatal(err)
		}
		_ = json.NewEncoder(&tasks).Encode(detail)
	}
	g.stop()
	g.unseen("a task", tasks.Bytes())
	g.unseen("the log", []byte(g.log.String()))
	files := 0
	err = filepath.WalkDir(filepath.Join(g.dir, "data"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		g.unseen(entry.Name(), text)
		files++
		return err
	})
	if err != nil || files == 0 || !strings.Contains(tasks.String(), "ext-login") {
		t.Errorf("looked into %d files, %v; tasks: %s", files, err, tasks.String())
	}
	if n := g.vault.Tokens(); n != 0 {
		t.Errorf("%d tokens are left in Vault", n)
	}
}

func (g *guarded) unseen(where string, text []byte) {
	g.t.Helper()
	for _, secret := range secretsOf() {
		if at := bytes.Index(text, []byte(secret)); at >= 0 {
			g.t.Errorf("%s holds %q: …%q…", where, secret, text[max(0, at-80):min(len(text), at+len(secret)+20)])
		}
	}
}

// TestVaultIsAskedLittle: each secret is asked for once a run and Vault logged in to once, over all runs (D92).
func TestVaultIsAskedLittle(t *testing.T) {
	t.Parallel()
	g := startGuarded(t)
	for i := range 40 {
		g.define(fmt.Sprintf("ext-%d", i), map[string]string{"username": "user", "password": "pw"})
	}
	for run := 1; run <= 3; run++ {
		if done := g.register(); done.State != client.StateCompleted {
			t.Fatalf("run %d: %s %+v", run, done.State, done.Error)
		}
	}
	// Two fields a run; the first time the form of the mount is found out.
	if n := len(g.vault.Asked("kv/")); n != 3*2+1 {
		t.Errorf("%d requests for secrets in 3 runs of 40 definitions", n)
	}
	if logins, passwords := len(g.vault.Asked("auth/approle/login")), len(g.vault.Asked("service-accounts/")); logins != 1 || passwords != 1 {
		t.Errorf("%d logins, %d requests for the password", logins, passwords)
	}
}

// TestRotatedPassword: a password that changed in Vault and in Pulp is used without a restart (legacy section 7), though
// Vault's client lives as long as the daemon.
func TestRotatedPassword(t *testing.T) {
	t.Parallel()
	g := startGuarded(t)
	g.define("ext-a", map[string]string{"password": "pw"})
	if done := g.register(); done.State != client.StateCompleted {
		t.Fatalf("%s %+v", done.State, done.Error)
	}
	g.pulp.SetPassword("rotated-password-8z")
	g.pulp.EndSessions()
	refused := g.register()
	if refused.State != client.StateFailed || !strings.Contains(refused.Error.Msg, "Invalid username/password") {
		t.Errorf("changed in Pulp alone: %s %+v", refused.State, refused.Error)
	}
	g.vault.Put("service-accounts/creds/admin", map[string]any{"current_password": "rotated-password-8z"})
	if done := g.register(); done.State != client.StateCompleted {
		t.Errorf("changed in both: %s %+v", done.State, done.Error)
	}
	// The upstream's: sent to Pulp by the next run.
	g.vault.Put("team:kv/data/upstream", map[string]any{"pw": "new-upstream-password"})
	if done := g.register(); done.State != client.StateCompleted || g.pulp.Object("remotes", "ext-a")["password"] != "new-upstream-password" {
		t.Errorf("upstream's password: %s %+v", done.State, done.Error)
	}
}

// TestVaultInTrouble: a registration waits for a sealed Vault, and goes on by itself; definitions without secrets do not
// wait. The task says what it waits for and what to do.
func TestVaultInTrouble(t *testing.T) {
	t.Parallel()
	g := startGuarded(t)
	g.define("ext-secret", map[string]string{"password": "pw"})
	g.define("ext-secret2", map[string]string{"username": "user"})
	g.define("ext-open", nil)
	asked := 0
	g.vault.Answer(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasPrefix(r.URL.Path, "/v1/kv/") || asked == 2 {
			return false
		}
		asked++
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprint(w, `{"errors":["Vault is sealed"]}`)
		return true
	})
	done := g.register()
	if done.State != client.StateCompleted || len(g.pulp.Names("remotes")) != 3 {
		t.Errorf("after Vault came back: %s %+v, remotes %v", done.State, done.Error, g.pulp.Names("remotes"))
	}
	if text := g.log.String(); !strings.Contains(text, "task is tried again") || !strings.Contains(text, "2 definitions wait for their secrets: Vault at") {
		t.Errorf("log:\n%s", text)
	}
	if asked != 2 {
		t.Errorf("a sealed Vault was asked %d times in two attempts", asked)
	}
}

// TestVaultSettingsChange: changed settings give another client, and the old one logs out.
func TestVaultSettingsChange(t *testing.T) {
	first := &vaultfake.Server{RoleID: "role-1", SecretID: "s", Secrets: map[string]map[string]any{"kv/a": {"b": "one"}}}
	second := &vaultfake.Server{Agent: true, Secrets: map[string]map[string]any{"kv/a": {"b": "two"}}}
	file := filepath.Join(t.TempDir(), "s")
	if err := os.WriteFile(file, []byte("s\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d := &daemon{}
	use := func(v config.Vault) {
		s := config.Defaults()
		s.Vault = v
		d.current.Store(&config.Config{Settings: s})
	}
	read := func(want string) {
		t.Helper()
		for range 2 {
			if got, err := d.Secret(t.Context(), "vault:kv/a#b"); err != nil || got.Reveal() != want {
				t.Errorf("%q, %v (%s)", got.Reveal(), err, fault.Hint(err))
			}
		}
	}
	use(config.Vault{Addr: first.Start(t), AuthMethod: "approle", RoleID: "role-1", SecretID: fleet.SecretRef("file:" + file)})
	read("one")
	if n := first.Tokens(); n != 1 {
		t.Errorf("%d tokens", n)
	}
	use(config.Vault{Addr: second.Start(t), AuthMethod: "agent"})
	read("two")
	if err := d.vaults.close(t.Context()); err != nil {
		t.Error(err)
	}
	if n := first.Tokens(); n != 0 {
		t.Errorf("%d tokens are left", n)
	}
	use(config.Vault{})
	if _, err := d.Secret(t.Context(), "vault:kv/a#b"); !fault.Is(err, fault.Invalid) || !strings.Contains(fault.Hint(err), "vault_addr") {
		t.Errorf("no Vault: %v", err)
	}
}
