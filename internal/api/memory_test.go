// SPDX-License-Identifier: Apache-2.0

package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/pulp/pulp-manager/internal/auth"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/inventory"
	"github.com/pulp/pulp-manager/internal/job"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// memory is a store in memory, as far as the API uses one. It remembers the last query, and
// fails with err if that is set.
type memory struct {
	mu           sync.Mutex
	servers      []fleet.Server
	groups       []fleet.ServerGroup
	repositories []fleet.Repository
	tasks        []fleet.Task
	stages       []fleet.Stage
	schedules    []fleet.ListedSchedule
	jobs         []fleet.EngineJob
	query        fleet.Query
	kept         []string // stages whose results the last retry takes over
	marks        int      // how often a task was looked at for changes
	err          error
	panics       bool
}

// memServers, memRepositories and memTasks are the memory's ports; what the API
// never calls is nil and would panic.
type (
	memServers struct {
		fleet.Servers
		*memory
	}
	memRepositories struct {
		fleet.Repositories
		*memory
	}
	memTasks struct{ *memory }
	memQueue struct{ *memory }
)

func (m memServers) Server(_ context.Context, id fleet.ServerID) (fleet.Server, error) {
	return one(m.memory, m.servers, func(s fleet.Server) bool { return s.ID == id }, "there is no server %d", id)
}

func (m memServers) ServerByName(_ context.Context, name fleet.ServerName) (fleet.Server, error) {
	return one(m.memory, m.servers, func(s fleet.Server) bool { return s.Name == name && s.Removed.IsZero() }, "there is no server %s", name)
}

func (m memServers) FindServers(_ context.Context, q fleet.Query) (fleet.Page[fleet.Server], error) {
	return pageFrom(m.memory, m.servers, q, func(s fleet.Server) bool { return s.Removed.IsZero() })
}

func (m memServers) FindServerGroups(_ context.Context, server fleet.ServerID, q fleet.Query) (fleet.Page[fleet.ServerGroup], error) {
	return pageFrom(m.memory, m.groups, q, func(g fleet.ServerGroup) bool { return g.Server == server })
}

func (m memServers) ServerGroup(_ context.Context, server fleet.ServerID, group fleet.GroupID) (fleet.ServerGroup, error) {
	return one(m.memory, m.groups, func(g fleet.ServerGroup) bool { return g.Server == server && g.Group.ID == group }, "server %d has no group %d", server, group)
}

func (m memRepositories) Repository(_ context.Context, server fleet.ServerID, name fleet.NameID) (fleet.Repository, error) {
	return one(m.memory, m.repositories, func(r fleet.Repository) bool { return r.Server == server && r.NameID == name }, "server %d has no repository %d", server, name)
}

func (m memRepositories) FindRepositories(_ context.Context, server fleet.ServerID, q fleet.Query) (fleet.Page[fleet.Repository], error) {
	return pageFrom(m.memory, m.repositories, q, func(r fleet.Repository) bool { return r.Server == server })
}

func (m memTasks) Task(_ context.Context, id fleet.TaskID) (fleet.Task, error) {
	return one(m.memory, m.tasks, func(t fleet.Task) bool { return t.ID == id }, "there is no task %d", id)
}

func (m memTasks) FindTasks(_ context.Context, q fleet.Query) (fleet.Page[fleet.Task], error) {
	return pageFrom(m.memory, m.tasks, q, func(fleet.Task) bool { return true })
}

func (m memTasks) Children(_ context.Context, parent fleet.TaskID) ([]fleet.Task, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []fleet.Task
	for _, t := range m.tasks {
		if t.Parent == parent {
			found = append(found, t)
		}
	}
	return found, m.err
}

func (m memTasks) TaskMark(_ context.Context, id fleet.TaskID) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.marks++
	if m.err != nil {
		return "", m.err
	}
	if !slices.ContainsFunc(m.tasks, func(t fleet.Task) bool { return t.ID == id }) {
		return "", fault.New(fault.NotFound, "there is no task %d", id)
	}
	return fmt.Sprintf("%+v %+v", m.tasks, m.stages), nil
}

func (m memTasks) Stages(_ context.Context, id fleet.TaskID) ([]fleet.Stage, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []fleet.Stage
	for _, s := range m.stages {
		if s.Task == id {
			found = append(found, s)
		}
	}
	return found, m.err
}

func (m memQueue) Enqueue(_ context.Context, t fleet.NewTask) (fleet.Task, error) {
	if m.err != nil {
		return fleet.Task{}, m.err
	}
	args, err := json.Marshal(t.Args)
	if err != nil {
		return fleet.Task{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	task := fleet.Task{
		ID: fleet.TaskID(len(m.tasks) + 1), Name: t.Name, Kind: t.Kind, Args: args, State: fleet.Queued, Server: t.Server, Repository: t.Repository,
		MaxRuntime: t.MaxRuntime, Queued: day,
	}
	m.tasks = append(m.tasks, task)
	return task, nil
}

func (m memQueue) Cancel(_ context.Context, id fleet.TaskID) (fleet.Task, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := slices.IndexFunc(m.tasks, func(t fleet.Task) bool { return t.ID == id })
	switch {
	case i < 0:
		return fleet.Task{}, fault.New(fault.NotFound, "there is no task %d", id)
	case !m.tasks[i].State.May(fleet.Canceled):
		return fleet.Task{}, fault.New(fault.Conflict, "task %d is over", id)
	}
	m.tasks[i].State, m.tasks[i].Finished = fleet.Canceled, day.Add(time.Minute)
	return m.tasks[i], nil
}

func (m memQueue) Retry(_ context.Context, id fleet.TaskID, keep []string) (fleet.Task, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := slices.IndexFunc(m.tasks, func(t fleet.Task) bool { return t.ID == id })
	if i < 0 {
		return fleet.Task{}, fault.New(fault.NotFound, "there is no task %d", id)
	}
	if !m.tasks[i].State.Final() {
		return fleet.Task{}, fault.New(fault.Conflict, "task %d is not over: it is %s", id, m.tasks[i].State)
	}
	m.kept = keep
	task := m.tasks[i]
	task.ID, task.RetryOf, task.Parent, task.State, task.Error = fleet.TaskID(len(m.tasks)+1), id, 0, fleet.Queued, nil
	task.Queued, task.Started, task.Finished, task.WorkerName, task.WorkerJobID = day, time.Time{}, time.Time{}, "", ""
	m.tasks = append(m.tasks, task)
	return task, nil
}

func one[T any](m *memory, all []T, is func(T) bool, format string, args ...any) (T, error) {
	var none T
	if m.panics {
		panic("the store is broken: secret")
	}
	if m.err != nil {
		return none, m.err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if i := slices.IndexFunc(all, is); i >= 0 {
		return all[i], nil
	}
	return none, fault.New(fault.NotFound, format, args...)
}

func pageFrom[T any](m *memory, all []T, q fleet.Query, is func(T) bool) (fleet.Page[T], error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.query = q
	if m.err != nil {
		return fleet.Page[T]{}, m.err
	}
	var kept []T
	for _, item := range all {
		if is(item) {
			kept = append(kept, item)
		}
	}
	from := min((q.Page-1)*q.Size, len(kept))
	return fleet.Page[T]{Items: kept[from:min(from+q.Size, len(kept))], Total: len(kept)}, nil
}

// day is when everything happened; its part of a second is not shown.
var day = time.Date(2026, 11, 23, 9, 10, 14, 123456000, time.UTC)

// newMemory is a store with a little of everything.
func newMemory() *memory {
	m := plainMemory()
	m.schedules, m.jobs = someSchedules(), someJobs(m.tasks)
	return m
}

func plainMemory() *memory {
	hour := func(h int) time.Time { return day.Add(time.Duration(h) * time.Hour) }
	return &memory{
		servers: []fleet.Server{
			{
				ID: 1, Name: "pulp1.example.com", Username: "admin", CredentialMount: "local-auth", Password: "env:SECRET", SnapshotSupported: true,
				MaxConcurrentSnapshots: 2, Registration: &fleet.Registration{Schedule: "0 3 1 1 *", MaxRuntime: "1200"},
				Health: fleet.Green, HealthDate: hour(1), Created: day, Updated: hour(2),
			},
			{ID: 2, Name: "pulp2.example.com:8080", Username: "admin", Created: day, Updated: day},
			{ID: 3, Name: "gone.example.com", Username: "admin", Removed: day, Created: day, Updated: day},
		},
		groups: []fleet.ServerGroup{
			{Server: 2, Group: fleet.Group{ID: 1, Name: "internal"}, Schedule: "0 5 1 1 *", MaxConcurrentSyncs: 2, MaxRuntime: "1h", Created: day, Updated: day},
			{Server: 2, Group: fleet.Group{ID: 2, Name: "external"}, MaxConcurrentSyncs: 4, MaxRuntime: "6h", Primary: "pulp1.example.com", Created: day, Updated: day},
		},
		repositories: []fleet.Repository{
			{
				ID: 41, NameID: 23, Server: 1, Name: "ext-deb-000", Type: "deb", Href: "/repositories/1/", RemoteHref: "/remotes/1/", RemoteFeed: "http://up/deb/",
				DistributionHref: "/distributions/1/", Health: fleet.Green, HealthDate: hour(1), Created: day, Updated: hour(2),
			},
			{ID: 42, NameID: 24, Server: 1, Name: "int-rpm-000", Type: "rpm", Href: "/repositories/2/", Created: day, Updated: day},
		},
		tasks: []fleet.Task{
			{
				ID: 1, Name: "repo sync pulp1.example.com", Kind: fleet.KindRepoGroupSync, Args: json.RawMessage(`{"name":"pulp1.example.com","sync_options":null}`),
				State: fleet.Failed, Error: &fleet.TaskError{Msg: "1 of 1 failed", Detail: "look at it"}, Queued: day, Started: hour(1), Finished: hour(2),
				WorkerName: "vm", WorkerJobID: "7",
			},
			{ID: 2, Name: "pulp1.example.com repo sync ext-deb-000", Parent: 1, Kind: fleet.KindRepoSync, State: fleet.Running, Queued: day},
		},
		stages: []fleet.Stage{
			{ID: 9, Task: 1, Name: "reconcile repos", State: fleet.StageCompleted, Detail: map[string]any{"msg": "done"}, Result: json.RawMessage(`{"secret":1}`)},
			{ID: 10, Task: 1, Name: "sync repos", State: fleet.StageFailed, Error: &fleet.TaskError{Msg: "one failed"}},
		},
	}
}

// options are the API's on a memory.
func (m *memory) options() Options {
	return Options{
		Servers: memServers{memory: m}, Repositories: memRepositories{memory: m}, Tasks: memTasks{m}, Queue: memQueue{m},
		Schedules: memSchedules{m}, ScheduleControl: memSchedules{m}, EngineJobs: memJobs{m}, MaxJobPageSize: 24,
		Jobs: []job.Definition{syncJob(), registerJob(), {Kind: fleet.KindRepoSync, Summary: "nobody asks for this one"}}, MaxPageSize: 100, Version: "1.2.3", Access: auth.Everyone(),
		Find: func(context.Context, fleet.Server, fleet.Repository, inventory.Search) ([]inventory.Found, error) {
			return nil, nil
		},
	}
}

// syncBody and registerBody are what the real jobs ask for, in small.
type syncBody struct {
	MaxRuntime         string         `json:"max_runtime" doc:"Longest run time." example:"6h"`
	MaxConcurrentSyncs int            `json:"max_concurrent_syncs" doc:"How many at a time." example:"2"`
	RegexInclude       *string        `json:"regex_include,omitempty" doc:"Only these."`
	SourceServer       *string        `json:"source_pulp_server_name,omitempty" doc:"Server to mirror from."`
	SyncOptions        map[string]any `json:"sync_options,omitempty" doc:"For Pulp."`
	DryRun             bool           `json:"dry_run,omitempty" doc:"Only say what would be done." default:"true"`
}

type registerBody struct {
	MaxRuntime *string `json:"max_runtime,omitempty" doc:"Longest run time." example:"1h"`
}

func syncJob() job.Definition {
	return job.Definition{
		Kind: fleet.KindRepoGroupSync, Summary: "Syncs.", Stages: []string{"reconcile repos", "sync repos"},
		Ask: job.AskFor("sync_repos", "sync", "Sync repositories of a server", func(s fleet.Server, b syncBody) (fleet.NewTask, error) {
			limit, err := fleet.ParseRuntime(b.MaxRuntime)
			return fleet.NewTask{Name: "repo sync " + string(s.Name), Kind: fleet.KindRepoGroupSync, Args: b, Server: s.ID, MaxRuntime: limit}, err
		}),
	}
}

func registerJob() job.Definition {
	return job.Definition{
		Kind: fleet.KindRegister, Summary: "Registers.",
		Ask: job.AskFor("register_repos", "register", "Register repositories", func(s fleet.Server, b registerBody) (fleet.NewTask, error) {
			return fleet.NewTask{Name: "register", Kind: fleet.KindRegister, Args: b, Server: s.ID}, nil
		}),
	}
}

// answer is an answer of the API.
type answer struct {
	status int
	header http.Header
	body   string
}

// ask sends a request to a handler. Headers are pairs.
func ask(t *testing.T, h http.Handler, method, target, body string, headers ...string) answer {
	t.Helper()
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	r := httptest.NewRequest(method, target, content)
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return answer{status: w.Code, header: w.Header(), body: w.Body.String()}
}

// problem reads an error answer.
func (a answer) problem(t *testing.T) Problem {
	t.Helper()
	var p Problem
	if err := json.Unmarshal([]byte(a.body), &p); err != nil {
		t.Fatalf("answer %d %q is no error: %v", a.status, a.body, err)
	}
	return p
}

// logged gives a logger and what it wrote.
func logged() (*slog.Logger, *bytes.Buffer) {
	var buffer bytes.Buffer
	return slog.New(slog.NewTextHandler(&buffer, &slog.HandlerOptions{Level: slog.LevelDebug})), &buffer
}
