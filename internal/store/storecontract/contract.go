// SPDX-License-Identifier: Apache-2.0

package storecontract

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/store"
)

// shortLease is for tests that wait for a lease to expire.
const shortLease = 40 * time.Millisecond

// contract is one thing that a store does, checked on a store of its own.
type contract struct {
	name  string
	lease time.Duration
	check func(w *world)
}

// Run checks all that a store must do.
func Run(t *testing.T, open Open) {
	t.Helper()
	var all []contract
	for _, part := range [][]contract{
		configurations, servers, repositories, ownership, syncRecords, queries, tasks, leases, sweeps, works, cancels, requests, locks, schedules, engines, logins, audits, retries,
		scheduleLists, engineJobs, fleetLists, scheduleControls, scheduleChanges, syncSlots, serverStates, attention, processes, vitals, notices,
	} {
		all = append(all, part...)
	}
	for _, c := range all {
		t.Run(c.name, func(t *testing.T) {
			c.check(&world{T: t, Store: open(t, c.lease), ctx: t.Context()})
		})
	}
}

// world is a store in a test.
type world struct {
	*testing.T
	*store.Store
	ctx context.Context
}

// ok fails the test for an error.
func (w *world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatalf("unexpected error: %v (%s)", err, fault.KindOf(err))
	}
}

// is fails the test unless the error has the kind.
func (w *world) is(err error, kind fault.Kind) {
	w.Helper()
	if !fault.Is(err, kind) {
		w.Fatalf("error %v, want one of kind %s", err, kind)
	}
}

// same fails the test unless an error is that very one.
func (w *world) same(err, want error) {
	w.Helper()
	if err == nil || fault.Message(err) != fault.Message(want) {
		w.Fatalf("error %v, want %v", err, want)
	}
}

func value[T any](v T, err error) func(w *world) T {
	return func(w *world) T {
		w.Helper()
		w.ok(err)
		return v
	}
}

// until waits for something that another goroutine or the clock brings about.
func (w *world) until(what string, done func() bool) {
	w.Helper()
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-deadline:
			w.Fatalf("waited in vain for: %s", what)
		case <-tick.C:
		}
	}
}

// config is a configuration with servers of these names, the first being the primary of
// the others' group "all".
func config(hash string, names ...fleet.ServerName) fleet.Configuration {
	c := fleet.Configuration{Hash: hash, Groups: []fleet.Group{{Name: "all", Include: ".*"}}}
	for i, name := range names {
		s := fleet.ConfiguredServer{Server: fleet.Server{Name: name, Username: "admin"}}
		g := fleet.ServerGroup{Group: fleet.Group{Name: "all"}, MaxConcurrentSyncs: 2, MaxRuntime: "2h"}
		if i > 0 {
			g.Primary = names[0]
		}
		s.Groups = []fleet.ServerGroup{g}
		c.Servers = append(c.Servers, s)
	}
	return c
}

// servers applies a configuration of servers and gives their ids.
func (w *world) servers(names ...fleet.ServerName) []fleet.ServerID {
	w.Helper()
	_, err := w.Apply(w.ctx, config(fmt.Sprint(names), names...), true)
	w.ok(err)
	ids := make([]fleet.ServerID, len(names))
	for i, name := range names {
		s, err := w.ServerByName(w.ctx, name)
		w.ok(err)
		ids[i] = s.ID
	}
	return ids
}

// mirrored puts repositories on a server and gives them, by name.
func (w *world) mirrored(server fleet.ServerID, names ...string) []fleet.Repository {
	w.Helper()
	seen := make([]fleet.Repository, len(names))
	for i, name := range names {
		seen[i] = fleet.Repository{
			Name: name, Type: "deb", Href: "/repositories/" + name + "/", RemoteHref: "/remotes/" + name + "/",
			RemoteFeed: "http://feed.test/" + name, DistributionHref: "/distributions/" + name + "/",
		}
	}
	w.ok(w.Mirror(w.ctx, server, seen, nil))
	all, err := w.ServerRepositories(w.ctx, server)
	w.ok(err)
	return all
}

// newTask is a task to queue.
func newTask(name string) fleet.NewTask {
	return fleet.NewTask{Name: name, Kind: fleet.KindRepoGroupSync, MaxRuntime: time.Hour}
}

// queued queues a task.
func (w *world) queued(name string) fleet.Task {
	w.Helper()
	task, err := w.Enqueue(w.ctx, newTask(name))
	w.ok(err)
	return task
}

// claimed queues and claims a task.
func (w *world) claimed(owner string) (fleet.Task, fleet.Lease) {
	w.Helper()
	return w.claim(w.queued("of "+owner).ID, owner)
}

func (w *world) claim(id fleet.TaskID, owner string) (fleet.Task, fleet.Lease) {
	w.Helper()
	task, lease, err := w.Claim(w.ctx, id, owner, owner+".host", "job-1")
	w.ok(err)
	return task, lease
}

// children makes parts of a task.
func (w *world) children(lease fleet.Lease, children ...fleet.NewTask) []fleet.Task {
	w.Helper()
	all, err := w.CreateChildren(w.ctx, lease, lease.Task, children)
	w.ok(err)
	return all
}

// move sets a task's state.
func (w *world) move(lease fleet.Lease, id fleet.TaskID, to fleet.TaskState) fleet.Task {
	w.Helper()
	task, err := w.Transition(w.ctx, lease, id, to, nil)
	w.ok(err)
	return task
}

// stage begins a stage.
func (w *world) stage(lease fleet.Lease, task fleet.TaskID, name string) fleet.Stage {
	w.Helper()
	stage, err := w.SaveStage(w.ctx, lease, fleet.Stage{Task: task, Name: name, State: fleet.StageRunning})
	w.ok(err)
	return stage
}

// asked notes a request to a server.
func (w *world) asked(lease fleet.Lease, task fleet.TaskID, server fleet.ServerID, step string) fleet.PulpRequest {
	w.Helper()
	r, err := w.RecordRequest(w.ctx, lease, fleet.PulpRequest{
		Task: task, Stage: w.stage(lease, task, "stage of "+step).ID, Server: server, Step: step, Attempt: 1, Correlation: "c-" + step,
	})
	w.ok(err)
	return r
}

// done closes a request.
func (w *world) done(r fleet.PulpRequest) {
	w.Helper()
	r.State = fleet.RequestDone
	w.ok(w.UpdateRequest(w.ctx, r))
}

// task reads a task.
func (w *world) task(id fleet.TaskID) fleet.Task {
	w.Helper()
	task, err := w.Task(w.ctx, id)
	w.ok(err)
	return task
}

// pause lets a moment pass.
func (w *world) pause(d time.Duration) {
	w.Helper()
	select {
	case <-time.After(d):
	case <-w.ctx.Done():
	}
}
