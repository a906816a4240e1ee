// SPDX-License-Identifier: Apache-2.0

// Package jobtest gives jobs a small fleet to work on: two fake Pulp servers with an
// upstream, spoken to by the real client, and a real store.
package jobtest

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job"
	"github.com/pulp/pulp-manager/internal/job/reposync"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
	"github.com/pulp/pulp-manager/internal/store"
	"github.com/pulp/pulp-manager/internal/store/storetest"
	"github.com/pulp/pulp-manager/internal/worker"
)

// World says what a fleet is like.
type World struct {
	Primary, Secondary pulpfake.Options
	// Types are the repositories upstream: one of each, named ext-deb, ext-rpm, ext-file, and Copies more of
	// each, named ext-deb-0 and so on.
	Types  []fleet.RepositoryType
	Copies int
	// Configure may change the configuration before it is applied; nil: nothing.
	Configure func(*fleet.Configuration)
	// Mirrors tells that the configuration makes the secondary mirror the group ^ext- from the primary.
	Mirrors bool
	// Snapshots is how many snapshots are made at a time; 0: the configuration does not say.
	Snapshots int

	Limits job.Limits
	Timing job.Timing
	Policy func() job.Policy // nil: job.DefaultPolicy
	// Request is the time limit of requests. What is believed about a lost answer waits for it.
	Request time.Duration
	// Unchanged says when a repository need not be synced. At first: by what a primary serves, for a day.
	Unchanged reposync.Unchanged
	// Bans say which packages are taken out. At first: none.
	Bans reposync.Bans
	// Again tells that a child syncs the primary once more, when nothing has changed.
	Again bool
	// Unattended tells that leases are not renewed, nor cancellations looked for, where Serve does not.
	Unattended bool
	// LeaseTime is how long leases last in the store; 0: as always.
	LeaseTime time.Duration
	// Leases may put something between the worker and the store; nil: nothing.
	Leases func(fleet.Leases) fleet.Leases
}

// banned gives the text of the pattern of the packages that are taken out.
func (w *World) banned() string {
	if w.Bans.Banned == nil {
		return ""
	}
	return w.Bans.Banned().String()
}

// Timing is short, so that tests need not wait for what is believed only after some time.
var Timing = job.Timing{
	InFlight: 300 * time.Millisecond, Confirm: 5 * time.Second, Odd: time.Minute, LookEach: 100 * time.Millisecond,
	Stopping: 100 * time.Millisecond, Retry: []time.Duration{50 * time.Millisecond, 100 * time.Millisecond},
}

// Fleet is a primary and a secondary with repositories from an upstream.
type Fleet struct {
	Primary, Secondary *pulpfake.Server
	Upstream           *pulpfake.Upstream
	UpstreamURL        string
	Trees              map[string]*pulpfake.Tree // by the repository's name

	Store   *store.Store
	Env     *job.Env
	Worker  *worker.Worker
	DataDir string

	world    *World
	leases   fleet.Leases
	t        *testing.T
	mu       sync.Mutex
	defined  []fleet.Definition
	problems []fleet.DefinitionProblem
	passwd   string
	secret   string
	byHand   map[string]bool // Pulp tasks that somebody else started
}

// New makes a fleet. None of its repositories are registered yet on the servers.
func New(t *testing.T, shape ...func(*World)) *Fleet {
	t.Helper()
	w := World{
		Primary: pulpfake.Options{Name: "primary", Seed: 1}, Secondary: pulpfake.Options{Name: "secondary", Seed: 2},
		Types: []fleet.RepositoryType{"deb", "rpm", "file"}, Mirrors: true, Timing: Timing, Request: 10 * time.Second,
		Unchanged: reposync.Unchanged{FullSyncInterval: func() time.Duration { return 24 * time.Hour }},
	}
	for _, s := range shape {
		s(&w)
	}
	f := &Fleet{t: t, world: &w, passwd: "password", secret: "hunter2", Trees: map[string]*pulpfake.Tree{}, byHand: map[string]bool{}, DataDir: dataDir(t)}
	f.Primary, _ = pulpfake.Start(t, w.Primary)
	f.Secondary, _ = pulpfake.Start(t, w.Secondary)
	f.Upstream = pulpfake.NewUpstream()
	f.UpstreamURL = f.Upstream.Start(t)
	f.grow()
	f.OpenStore()
	if _, err := f.Store.Apply(t.Context(), f.configuration(), true); err != nil {
		t.Fatal(err)
	}
	return f
}

// dataDir makes a directory for a store, in memory where there is such a place: tests mostly wait for the
// disk otherwise.
func dataDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "jobtest-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// grow makes the upstream's trees and defines a repository for each.
func (f *Fleet) grow() {
	for _, kind := range f.world.Types {
		f.tree(kind, "ext-"+string(kind))
		for i := range f.world.Copies {
			f.tree(kind, fmt.Sprintf("ext-%s-%d", kind, i))
		}
	}
}

func (f *Fleet) tree(kind fleet.RepositoryType, name string) {
	var spec pulpfake.Spec
	switch kind {
	case "deb":
		spec = pulpfake.Spec{Kind: pulpfake.DebTree, Suite: "stable", Packages: []pulpfake.Package{
			{Name: "alpha", Version: "1.0", Body: name}, {Name: "beta", Version: "1.0"},
		}}
	case "rpm":
		spec = pulpfake.Spec{Kind: pulpfake.RPMTree, Packages: []pulpfake.Package{{Name: "bear", Version: "1.0", Body: name}}}
	case "python":
		spec = pulpfake.Spec{Kind: pulpfake.PythonTree, Packages: []pulpfake.Package{
			{Name: "alpha", Version: "1.0", Body: name}, {Name: "beta", Version: "1.0"},
		}}
	case "container":
		spec = pulpfake.Spec{Kind: pulpfake.ContainerTree, Packages: []pulpfake.Package{{Name: "1", Body: name}, {Name: "2", Body: name}}}
	default:
		spec = pulpfake.Spec{Kind: pulpfake.FileTree, Packages: []pulpfake.Package{{Name: "a.txt", Body: name}}}
	}
	f.Trees[name] = f.Upstream.Add(name, spec)
	d := f.Definition(kind, name, f.Trees[name].URL(f.UpstreamURL))
	switch kind {
	case "python":
		d.Options["includes"] = []any{}
	case "container":
		d.Options["upstream_name"] = name
	}
	f.Define(d)
}

// OpenStore opens the store and wires the program around it, as a start of the daemon does.
func (f *Fleet) OpenStore() {
	f.t.Helper()
	if err := storetest.Prepare(f.DataDir); err != nil {
		f.t.Fatal(err)
	}
	s, err := store.Open(f.t.Context(), store.Options{DataDir: f.DataDir, LeaseTime: f.world.LeaseTime})
	if err != nil {
		f.t.Fatal(err)
	}
	f.Store = s
	f.Env = Wiring{
		Store: s, Definitions: definitions{f}, Limits: &f.world.Limits, Timing: f.world.Timing, Request: f.world.Request,
		Unchanged: f.world.Unchanged, Bans: f.world.Bans,
		Password: func() string { return f.locked(func() string { return f.passwd }) },
		Secret:   func() string { return f.locked(func() string { return f.secret }) },
	}.Env()
	f.Env.Policy = f.world.Policy
	f.leases = s
	if f.world.Leases != nil {
		f.leases = f.world.Leases(s)
	}
	f.Worker = f.NewWorker("first")
	env := f.Env
	f.t.Cleanup(func() {
		f.Worker.Stop()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = env.Pulps.Close(ctx)
		_ = s.Close()
	})
}

// CloseStore ends what OpenStore began, for a test that lets another process use the data directory.
func (f *Fleet) CloseStore() {
	f.t.Helper()
	f.Worker.Stop()
	if err := f.Env.Pulps.Close(f.t.Context()); err != nil {
		f.t.Fatal(err)
	}
	if err := f.Store.Close(); err != nil {
		f.t.Fatal(err)
	}
}

// NewWorker makes a worker as of another process.
func (f *Fleet) NewWorker(owner string) *worker.Worker {
	return worker.New(f.leases, f.Env, owner+":"+f.t.Name(), owner)
}

func (f *Fleet) locked(get func() string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return get()
}

// SetPassword changes the password that the daemon knows for both servers.
func (f *Fleet) SetPassword(password string) {
	f.locked(func() string { f.passwd = password; return "" })
}

// SetSecret changes what the secrets of all definitions are.
func (f *Fleet) SetSecret(secret string) { f.locked(func() string { f.secret = secret; return "" }) }

// Definition gives a definition; an empty url makes it internal.
func (f *Fleet) Definition(kind fleet.RepositoryType, name, url string) fleet.Definition {
	return fleet.Definition{
		Name: name, Candidate: name, Type: kind, Description: "a repository", Owner: "tests", BaseURL: "repos", URL: url,
		Options: map[string]any{}, Source: "remote/" + name + ".json",
	}
}

// Define adds definitions; one of the same name is replaced.
func (f *Fleet) Define(all ...fleet.Definition) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, d := range all {
		f.defined = slices.DeleteFunc(slices.Clone(f.defined), func(old fleet.Definition) bool { return old.Name == d.Name })
		f.defined = append(f.defined, d)
	}
}

// DefineAll makes these all the definitions there are.
func (f *Fleet) DefineAll(all []fleet.Definition) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.defined = all
}

// Undefine takes definitions away, by name.
func (f *Fleet) Undefine(names ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.defined = slices.DeleteFunc(slices.Clone(f.defined), func(d fleet.Definition) bool { return slices.Contains(names, d.Name) })
}

// Spoil adds a definition that cannot be read.
func (f *Fleet) Spoil(problems ...fleet.DefinitionProblem) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.problems = append(f.problems, problems...)
}

// Defined gives all definitions.
func (f *Fleet) Defined() []fleet.Definition {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]fleet.Definition(nil), f.defined...)
}

type definitions struct{ fleet *Fleet }

func (d definitions) Definitions(context.Context) ([]fleet.Definition, []fleet.DefinitionProblem, error) {
	all := d.fleet.Defined()
	d.fleet.mu.Lock()
	defer d.fleet.mu.Unlock()
	return all, append([]fleet.DefinitionProblem(nil), d.fleet.problems...), nil
}

func (f *Fleet) configuration() fleet.Configuration {
	c := fleet.Configuration{Hash: "1", Groups: []fleet.Group{{Name: "external", Include: "^ext-"}}}
	for _, s := range []*pulpfake.Server{f.Primary, f.Secondary} {
		c.Servers = append(c.Servers, fleet.ConfiguredServer{Server: fleet.Server{
			Name: Name(s), Username: "admin", SnapshotSupported: true, MaxConcurrentSnapshots: f.world.Snapshots,
		}})
	}
	if f.world.Mirrors {
		c.Servers[1].Groups = []fleet.ServerGroup{{
			Group: c.Groups[0], Primary: Name(f.Primary), MaxConcurrentSyncs: 2, MaxRuntime: "1h",
		}}
	}
	if f.world.Configure != nil {
		f.world.Configure(&c)
	}
	return c
}

// Name gives a fake's name in the fleet: its address.
func Name(s *pulpfake.Server) fleet.ServerName {
	return fleet.ServerName(strings.TrimPrefix(s.Base(), "http://"))
}

// DefineAgain adds a definition even where there is one of its name.
func (f *Fleet) DefineAgain(d fleet.Definition) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.defined = append(f.defined, d)
}
