// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pulp/pulp-manager/client"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// world is what one scenario has to itself: a database, two Pulp servers with an upstream, and the daemon's processes.
type world struct {
	*suite
	name     string
	dir      string
	database string // URL, as its processes get it
	own      *cluster
	host     string // where the servers listen
	sites    []*site
	upstream *pulpfake.Upstream
	repos    int         // on each server
	slow     atomic.Bool // repository 1 takes longer to sync than a lease lasts
	groups   int         // besides that of all: each of one repository, with a schedule
	faults   int
	closers  []func()

	mu        sync.Mutex
	processes []*process
	parts     map[int64]int // of the tasks that have not one for each repository
}

func (w *world) say(format string, args ...any) {
	fmt.Printf("%s %-9s %s\n", time.Now().Format("15:04:05.000"), w.name, fmt.Sprintf(format, args...))
}

// inject tells what is broken now.
func (w *world) inject(format string, args ...any) {
	w.faults++
	w.say("> "+format, args...)
}

func (w *world) adopt(p *process) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, known := range w.processes {
		if known == p {
			return
		}
	}
	w.processes = append(w.processes, p)
}

// pids are the processes that run.
func (w *world) pids() []int {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []int
	for _, p := range w.processes {
		if p.ended != nil && p.runs() {
			all = append(all, p.pid())
		}
	}
	return all
}

// furnish makes the database, unless there is one already, the servers and the configuration, and registers the
// repositories with processes that are gone afterwards.
func (w *world) furnish(ctx context.Context, repos, groups int) error {
	w.repos, w.groups = repos, groups
	if w.own == nil {
		w.own = w.cluster
	}
	if w.database == "" {
		name := "machines_" + w.name
		if err := w.own.sql(ctx, "CREATE DATABASE "+name); err != nil {
			return err
		}
		w.database = w.own.url(name)
	}
	if w.host == "" {
		w.host = "127.0.0.1"
	}
	w.upstream = pulpfake.NewUpstream()
	base, stop, err := w.upstream.Listen("127.0.0.1:0")
	if err != nil {
		return err
	}
	w.closers = append(w.closers, stop)
	for i := range 2 {
		s, err := newSite(ctx, w.host, pulpfake.Options{Name: fmt.Sprintf("pulp-%d", i), Seed: w.seed + uint64(i), Workers: 16, TaskDuration: w.lasts}, w.pids)
		if err != nil {
			return err
		}
		w.sites = append(w.sites, s)
		w.closers = append(w.closers, s.close)
	}
	if err := w.configure(base); err != nil {
		return err
	}
	first := &process{name: "first", role: "scheduler"}
	api, worker := &process{name: "first-api", role: "api"}, &process{name: "first-worker", role: "worker"}
	for _, p := range []*process{first, api, worker} {
		if err := w.boot(ctx, p); err != nil {
			return err
		}
	}
	for _, s := range w.sites {
		if _, err := w.ask(ctx, s, "register_repos", map[string]any{"max_runtime": "1h"}); err != nil {
			return err
		}
	}
	if err := w.await(ctx, 2*time.Minute); err != nil {
		return err
	}
	for _, p := range []*process{worker, api, first} {
		if _, err := p.stop(); err != nil {
			return err
		}
	}
	return nil
}

// lasts is how long a Pulp task takes: syncs 0.5 to 2.5 s, by the seed.
func (w *world) lasts(task, name string) time.Duration {
	if !strings.Contains(task, "synchronize") {
		return 20 * time.Millisecond
	}
	if w.slow.Load() && name == repository(1) {
		return 70 * time.Second
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(name))
	return 500*time.Millisecond + time.Duration(rand.New(rand.NewPCG(w.seed, h.Sum64())).Int64N(int64(2*time.Second)))
}

// kinds are the types of the repositories, in turn.
var kinds = []pulpfake.Spec{
	{Kind: pulpfake.FileTree, Packages: []pulpfake.Package{{Name: "one.txt"}, {Name: "two.txt"}}},
	{Kind: pulpfake.RPMTree, Packages: []pulpfake.Package{{Name: "bear", Version: "1.0"}}},
	{Kind: pulpfake.DebTree, Packages: []pulpfake.Package{{Name: "alpha", Version: "1.0"}}},
}

// repository is the name of a repository in Pulp.
func repository(i int) string { return fmt.Sprintf("ext-m-%04d", i) }

// configure writes the configuration of all processes.
func (w *world) configure(upstream string) error {
	definitions := filepath.Join(w.dir, "definitions", "remote")
	if err := os.MkdirAll(definitions, 0o755); err != nil { //nolint:gosec // nothing in it is secret
		return err
	}
	for i := range w.repos {
		spec := kinds[i%len(kinds)]
		definition := map[string]any{
			"name": fmt.Sprintf("m-%04d", i), "content_repo_type": string(spec.Kind), "description": "a repository", "owner": "machines", "base_url": "m",
			"url": w.upstream.Add(string(spec.Kind), spec).URL(upstream),
		}
		if spec.Kind == pulpfake.DebTree {
			definition["releases"], definition["components"], definition["architectures"] = "stable", "main", "amd64"
		}
		text, err := json.Marshal(definition)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(definitions, repository(i)+".json"), text, 0o600); err != nil {
			return err
		}
	}
	var servers, groups strings.Builder
	for _, s := range w.sites {
		fmt.Fprintf(&servers, "  %q:\n    credentials: local\n    repo_groups:\n      all: {max_concurrent_syncs: 8, max_runtime: 1h}\n", s.name)
		for i := range w.groups {
			fmt.Fprintf(&servers, "      g%d: {max_concurrent_syncs: 1, max_runtime: 1h, schedule: \"0 0 1 1 *\"}\n", i)
		}
	}
	for i := range w.groups {
		fmt.Fprintf(&groups, "  g%d: {regex_include: \"^%s$\"}\n", i, repository(i))
	}
	yaml := "pulp_servers:\n" + servers.String() + "credentials:\n  local: {username: admin, vault_service_account_mount: local}\nrepo_groups:\n  all: {regex_include: ^ext-}\n" + groups.String()
	return errors.Join(
		os.WriteFile(filepath.Join(w.dir, "config.ini"), fmt.Appendf(nil, ini, filepath.Dir(definitions)), 0o600),
		os.WriteFile(filepath.Join(w.dir, "pulp_config.yml"), []byte(yaml), 0o600))
}

const ini = `[pulp]
password = password
deb_signing_service = deb-release
local_repo_config_dir = %s
use_https_for_sync = false
request_timeout = 20
max_concurrent_syncs_per_server = 16
max_concurrent_syncs_per_upstream = 32

[auth]
method = none
`

// api calls fn with a client of each API process until one answers.
func (w *world) api(ctx context.Context, fn func(c *client.Client) error) error {
	err := errors.New("no API process runs")
	for _, p := range w.all("api") {
		c, cerr := client.New("http://" + p.address)
		if cerr != nil {
			return cerr
		}
		err = fn(c)
		c.Close()
		var refused *client.Error
		if err == nil || errors.As(err, &refused) && refused.Status != http.StatusServiceUnavailable && refused.Status != 0 || ctx.Err() != nil {
			return err
		}
	}
	return err
}

// all gives the running processes of a role.
func (w *world) all(role string) []*process {
	w.mu.Lock()
	defer w.mu.Unlock()
	var found []*process
	for _, p := range w.processes {
		if p.role == role && p.ended != nil && p.runs() {
			found = append(found, p)
		}
	}
	return found
}

// ask asks for a job on a server.
func (w *world) ask(ctx context.Context, s *site, path string, body map[string]any) (id int64, err error) {
	err = w.api(ctx, func(c *client.Client) error {
		servers, err := client.All(ctx, c.Servers, nil)
		if err != nil {
			return err
		}
		for _, known := range servers {
			if known.Name == s.name {
				task, err := c.Ask(ctx, known.ID, path, body)
				id = task.ID
				return err
			}
		}
		return fmt.Errorf("server %s is not there", s.name)
	})
	return id, err
}

// sync asks for a sync of all repositories of both servers.
func (w *world) sync(ctx context.Context) error {
	for _, s := range w.sites {
		if _, err := w.ask(ctx, s, "sync_repos", map[string]any{"max_runtime": "1h", "max_concurrent_syncs": 8, "regex_include": "^ext-", "force": true}); err != nil {
			return err
		}
	}
	return nil
}

// plain is the database's address for a single connection.
func (w *world) plain() string { return strings.Split(w.database, "&pool_max_conns")[0] }

// query asks the database itself.
func (w *world) query(ctx context.Context, sql string, into ...any) error {
	conn, err := pgx.Connect(ctx, w.plain())
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	return conn.QueryRow(ctx, sql).Scan(into...)
}

// await waits until every task is over.
func (w *world) await(ctx context.Context, limit time.Duration) error {
	var left string
	_, err := until(ctx, "every task to be over", limit, func(ctx context.Context) (bool, error) {
		err := w.query(ctx, `SELECT coalesce(string_agg(id || ' ' || state || ' of ' || coalesce(lease_owner, 'nobody') || ' epoch ' || lease_epoch, ', '), '')
			FROM (SELECT * FROM tasks WHERE parent_id IS NULL AND (state IN ('queued', 'running') OR lease_owner IS NOT NULL) ORDER BY id LIMIT 5) AS t`, &left)
		return left == "" && err == nil, err
	})
	if err != nil && left != "" {
		return fmt.Errorf("%w: %s", err, left)
	}
	return err
}

func (w *world) close() {
	w.mu.Lock()
	all := w.processes
	w.mu.Unlock()
	for _, p := range all {
		if p.ended != nil && p.runs() {
			p.kill()
		}
	}
	for _, c := range w.closers {
		c()
	}
}
