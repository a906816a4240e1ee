// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/client"
	"github.com/pulp/pulp-manager/internal/auth"
	"github.com/pulp/pulp-manager/internal/config"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
	"github.com/pulp/pulp-manager/internal/store"
)

// Addresses that the recordings have.
const (
	recordedPrimary   = "127.0.0.1:25857"
	recordedSecondary = "127.0.0.1:25867"
	recordedUpstream  = "127.0.0.1:9099"
	recordedAPI       = "127.0.0.1:18000"
	recordedFolder    = "/definitions"
)

// recordedRepositories are those of the primary in the order of their ids, which began at 21 there.
var recordedRepositories = []string{
	"file-002", "rpm-001", "deb-000", "file-017", "deb-006", "rpm-019", "rpm-007", "rpm-013", "deb-003", "file-014",
	"rpm-004", "deb-018", "rpm-016", "rpm-010", "deb-015", "deb-012", "deb-009", "file-011", "file-005", "file-008",
}

// replayWorld is a daemon with a fleet in the state in which the recordings were made: both servers registered
// or mirrored and synced twice.
type replayWorld struct {
	t                            *testing.T
	dir                          string
	primary, secondary, upstream string
	daemon                       *daemon
	url                          string
	client                       *client.Client
	tasks                        map[int64]int64   // ids of recorded tasks → ours
	texts                        map[string]string // placeholders of the recordings → ours
	job                          string            // of the first registration, of which the recordings show the job
	slow                         atomic.Bool       // Pulp takes its time
}

// newReplayWorld makes one. Nothing works on tasks that are queued later, but within working.
func newReplayWorld(t *testing.T) *replayWorld {
	t.Helper()
	w := &replayWorld{t: t, dir: t.TempDir(), tasks: map[int64]int64{}, texts: map[string]string{}}
	w.primary = w.pulp(pulpfake.Options{Name: "primary", Seed: 1})
	for w.secondary < w.primary { // its name is the second one, as recorded
		w.secondary = w.pulp(pulpfake.Options{Name: "secondary", Seed: 2, NoSigning: true})
	}
	w.configure()
	w.seed()
	w.serve()
	w.logIn()
	w.working(func() {
		register := map[string]any{"max_runtime": "1200"}
		sync := map[string]any{"max_runtime": "1h", "max_concurrent_syncs": 2, "regex_include": "^ext"}
		mirror := map[string]any{"max_runtime": "6h", "max_concurrent_syncs": 2, "regex_include": "^ext", "source_pulp_server_name": w.primary}
		for _, past := range []struct {
			id   int64
			path string
			body map[string]any
		}{
			{3, "1/register_repos", register},
			{4, "1/register_repos", register},
			{5, "1/sync_repos", sync},
			{26, "1/sync_repos", sync},
			{47, "2/sync_repos", mirror},
			{61, "2/sync_repos", mirror},
		} {
			w.tasks[past.id] = w.completed(w.ask("/v1/pulp_servers/"+past.path, past.body))
		}
	})
	w.learn()
	return w
}

// pulp starts a Pulp server and gives its name in the fleet.
func (w *replayWorld) pulp(o pulpfake.Options) string {
	o.TaskDuration = func(string, string) time.Duration {
		if w.slow.Load() {
			return 200 * time.Millisecond
		}
		return 0
	}
	server := pulpfake.New(o)
	w.t.Cleanup(server.Close)
	base, err := server.Listen("127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	return strings.TrimPrefix(base, "http://")
}

const replayINI = `[pulp]
local_repo_config_dir = %s
password = password
deb_signing_service = deb-release
use_https_for_sync = false
[paging]
default_page_size = 50
max_page_size = 20000
[redis]
max_page_size = 24
[auth]
require_jwt_auth = false
method = static
`

const replayYAML = `pulp_servers:
  "%[1]s":
    credentials: local
    snapshot_support: {max_concurrent_snapshots: 2}
    repo_config_registration: {schedule: "0 3 1 1 *", max_runtime: "1200"}
    repo_groups:
      external_repos: {schedule: "0 3 1 1 *", max_concurrent_syncs: 2, max_runtime: 1h}
  "%[2]s":
    credentials: local
    repo_groups:
      internal_repos: {schedule: "0 5 1 1 *", max_concurrent_syncs: 2, max_runtime: 1h, pulp_master: "%[1]s"}
      external_repos: {schedule: "0 4 1 1 *", max_concurrent_syncs: 2, max_runtime: 6h, pulp_master: "%[1]s"}
credentials:
  local: {username: admin, vault_service_account_mount: local-auth}
repo_groups:
  internal_repos: {regex_include: ^int, regex_exclude: ^int-secret}
  external_repos: {regex_include: ^ext}
`

// configure writes configuration and definitions, and starts the upstream that they name.
func (w *replayWorld) configure() {
	upstream := pulpfake.NewUpstream()
	base := upstream.Start(w.t)
	w.upstream = strings.TrimPrefix(base, "http://")
	trees := map[string]pulpfake.Spec{
		"deb":  {Kind: pulpfake.DebTree, Packages: []pulpfake.Package{{Name: "alpha", Version: "1.0"}, {Name: "beta", Version: "1.0"}, {Name: "gamma", Version: "1.0"}}},
		"rpm":  {Kind: pulpfake.RPMTree, Packages: []pulpfake.Package{{Name: "bear", Version: "1.0"}, {Name: "cat", Version: "1.0"}, {Name: "dog", Version: "1.0"}}},
		"file": {Kind: pulpfake.FileTree, Packages: []pulpfake.Package{{Name: "one.iso"}, {Name: "two.iso"}}},
	}
	urls := map[string]string{}
	for name, spec := range trees {
		urls[name] = upstream.Add(name, spec).URL(base)
	}
	for _, name := range recordedRepositories {
		kind, _, _ := strings.Cut(name, "-")
		w.write("definitions/remote/"+name+".json", map[string]any{
			"name": name, "content_repo_type": kind, "description": "A repository", "owner": "us", "base_url": "lab", "url": urls[kind], "proxy": nil,
		})
	}
	w.write("config.ini", fmt.Sprintf(replayINI, filepath.Join(w.dir, "definitions")))
	w.write("pulp_config.yml", fmt.Sprintf(replayYAML, w.primary, w.secondary))
}

// write writes a file: text as it is, anything else as JSON.
func (w *replayWorld) write(name string, value any) {
	text, ok := value.(string)
	if !ok {
		encoded, err := json.Marshal(value)
		if err != nil {
			w.t.Fatal(err)
		}
		text = string(encoded)
	}
	path := filepath.Join(w.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// seed makes rows get the ids that they have in the recordings: another server's repositories came first, and
// were gone by then.
func (w *replayWorld) seed() {
	ctx := w.t.Context()
	s, err := store.Open(ctx, store.Options{DataDir: filepath.Join(w.dir, "data")})
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			w.t.Fatal(err)
		}
	}()
	names := []fleet.ServerName{fleet.ServerName(w.primary), fleet.ServerName(w.secondary), "gone.example.com"}
	configuration := fleet.Configuration{Hash: "seed", Groups: []fleet.Group{{Name: "internal_repos"}, {Name: "external_repos"}}}
	for _, name := range names {
		configuration.Servers = append(configuration.Servers, fleet.ConfiguredServer{Server: fleet.Server{Name: name, Username: "admin"}})
	}
	configuration.Schedules = []fleet.ConfiguredSchedule{{ServerName: names[0], Schedule: fleet.Schedule{
		Kind: fleet.KindRegister, Cron: "0 3 1 1 *", TaskName: "registration", Args: json.RawMessage("{}"), MaxRuntime: time.Minute,
	}}}
	if _, err := s.Apply(ctx, configuration, false); err != nil {
		w.t.Fatal(err)
	}
	var gone, ours []fleet.Repository
	for i, name := range recordedRepositories {
		kind, _, _ := strings.Cut(name, "-")
		gone = append(gone, fleet.Repository{Name: fmt.Sprintf("gone-%03d", i), Type: "file", Href: fmt.Sprintf("/repositories/%d/", i)})
		ours = append(ours, fleet.Repository{Name: "ext-" + name, Type: fleet.RepositoryType(kind), Href: fmt.Sprintf("/repositories/%d/", 100+i)})
	}
	for _, step := range []struct {
		server int
		seen   []fleet.Repository
	}{{2, gone}, {0, ours}} {
		server, err := s.ServerByName(ctx, names[step.server])
		if err != nil {
			w.t.Fatal(err)
		}
		for _, r := range step.seen { // one after the other: ids are to be in this order
			all, err := s.ServerRepositories(ctx, server.ID)
			if err != nil {
				w.t.Fatal(err)
			}
			if err := s.Mirror(ctx, server.ID, append(all, r), nil); err != nil {
				w.t.Fatal(err)
			}
		}
	}
}

// replayPassword is everybody's.
const replayPassword = "correct horse battery staple"

// logIn makes an admin and a reader, and gets the tokens that the recordings have.
func (w *replayWorld) logIn() {
	w.t.Helper()
	users := filepath.Join(w.dir, "data", "users")
	token := func(name string, role fleet.Role) string {
		if err := auth.AddUser(users, name, role, fleet.NewSecret(replayPassword)); err != nil {
			w.t.Fatal(err)
		}
		a := w.send(http.MethodPost, "/v1/auth/login", nil, []byte(`{"username":"`+name+`","password":"`+replayPassword+`"}`))
		login, _ := a.body.(map[string]any)
		token, _ := login["access_token"].(string)
		if a.status != http.StatusOK || token == "" {
			w.t.Fatalf("logging in %s: answered %d %s", name, a.status, a.raw)
		}
		return token
	}
	over := token("over", fleet.RoleAdmin)
	if a := w.send(http.MethodPost, "/v1/auth/logout", map[string]string{"Authorization": "Bearer " + over}, nil); a.status != http.StatusOK {
		w.t.Fatalf("logging out: answered %d %s", a.status, a.raw)
	}
	w.texts["{admin token}"], w.texts["{other token}"], w.texts["{expired token}"] = token("alice", fleet.RoleAdmin), token("bob", fleet.RoleReader), over
}

// locked makes a login necessary as long as fn runs.
func (w *replayWorld) locked(fn func()) {
	open := w.daemon.current.Load()
	closed := *open
	closed.Settings.Auth.RequireJWT = true
	w.daemon.current.Store(&closed)
	defer w.daemon.current.Store(open)
	fn()
}

// serve runs the API until the test ends.
func (w *replayWorld) serve() {
	o := options{listen: "127.0.0.1:0", logFormat: "text", logLevel: "error", drain: demoDrain}
	o.sources = config.Sources{
		ConfigPath: filepath.Join(w.dir, "config.ini"), SyncPath: filepath.Join(w.dir, "pulp_config.yml"), DataDir: filepath.Join(w.dir, "data"),
		Env: func(name string) (string, bool) {
			value, ok := map[string]string{config.EnvLocal: "true"}[name]
			return value, ok
		},
	}
	ctx, stop := context.WithCancel(w.t.Context())
	d, err := openDaemon(ctx, o, roles{api: true, worker: true, scheduler: true})
	if err != nil {
		w.t.Fatal(err)
	}
	ready, served := make(chan string, 1), make(chan error, 1)
	d.onReady = func(address string) { ready <- address }
	go func() { served <- d.serve(ctx, roles{api: true}) }()
	w.t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			w.t.Error(err)
		}
	})
	select {
	case address := <-ready:
		w.daemon, w.url = d, "http://"+address
	case err := <-served:
		w.t.Fatal(err)
	}
	if w.client, err = client.New(w.url, client.WithPolling(20*time.Millisecond, 100*time.Millisecond, time.Second)); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(w.client.Close)
}

// working runs a worker as long as fn does.
func (w *replayWorld) working(fn func()) {
	ctx, stop := context.WithCancel(w.t.Context())
	var parts sync.WaitGroup
	defer parts.Wait()
	defer stop()
	if err := w.daemon.work(ctx, &parts); err != nil {
		w.t.Fatal(err)
	}
	fn()
}

// send sends a request as it is, following nothing.
func (w *replayWorld) send(method, target string, headers map[string]string, body []byte) replayAnswer {
	w.t.Helper()
	a, err := sendReplay(w.t.Context(), w.url, method, target, headers, body)
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

// ask queues a task and gives its id.
func (w *replayWorld) ask(path string, body map[string]any) int64 {
	w.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		w.t.Fatal(err)
	}
	a := w.send(http.MethodPost, path, nil, text)
	if a.status != http.StatusCreated {
		w.t.Fatalf("POST %s %s: answered %d %s", path, text, a.status, a.raw)
	}
	return a.taskID()
}

// ended waits for a task's end and gives its state.
func (w *replayWorld) ended(id int64) string {
	w.t.Helper()
	return w.await(id, "completed", "failed", "canceled", "failed_to_start", "skipped")
}

// await waits until a task is in one of some states, and gives it.
func (w *replayWorld) await(id int64, states ...string) string {
	w.t.Helper()
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); {
		a := w.send(http.MethodGet, fmt.Sprintf("/v1/tasks/%d", id), nil, nil)
		task, _ := a.body.(map[string]any)
		if state, _ := task["state"].(string); slices.Contains(states, state) {
			return state
		}
		select {
		case <-w.t.Context().Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
	w.t.Fatalf("task %d does not come to %v", id, states)
	return ""
}

// completed waits for a task that must complete.
func (w *replayWorld) completed(id int64) int64 {
	w.t.Helper()
	if state := w.ended(id); state != "completed" {
		a := w.send(http.MethodGet, fmt.Sprintf("/v1/tasks/%d", id), nil, nil)
		w.t.Fatalf("task %d is %s: %s", id, state, a.raw)
	}
	return id
}

// learn finds what the placeholders of the recordings are here.
func (w *replayWorld) learn() {
	for _, find := range []struct {
		repository, name string
	}{{"22", "dog"}, {"23", "gamma"}} {
		a := w.send(http.MethodPost, "/v1/pulp_servers/1/repos/"+find.repository+"/find_package_content", nil, []byte(`{"name":"`+find.name+`"}`))
		units, _ := a.body.([]any)
		if len(units) != 1 {
			w.t.Fatalf("searching for %s: %s", find.name, a.raw)
		}
		unit, _ := units[0].(map[string]any)
		w.texts["{href of "+find.name+"}"], _ = unit["pulp_href"].(string)
		w.texts["{sha256 of "+find.name+"}"], _ = unit["sha256"].(string)
	}
	registration, _ := w.send(http.MethodGet, fmt.Sprintf("/v1/tasks/%d", w.tasks[3]), nil, nil).body.(map[string]any)
	w.job, _ = registration["worker_job_id"].(string)
	a := w.send(http.MethodGet, fmt.Sprintf("/v1/tasks/?parent_task_id=%d&page_size=100&sort_by=id&order_by=desc", w.tasks[61]), nil, nil)
	for _, item := range a.items() {
		if name, _ := item["name"].(string); strings.HasSuffix(name, "ext-file-002") {
			w.tasks[74] = int64(item["id"].(float64))
		}
	}
}
