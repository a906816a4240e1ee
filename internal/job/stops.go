// SPDX-License-Identifier: Apache-2.0

package job

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/pulp"
)

// stageCancel is the stage in which a task that was cancelled, or whose time is over, tells what of it goes on in Pulp.
const stageCancel = "cancel"

// What a Pulp task that was cancelled waits for.
const (
	waitWorker = "worker"         // that runs it, to notice
	waitDead   = "worker_dead"    // Pulp to notice that its worker died
	waitBehind = "behind_another" // it never began: a worker that is free
	waitServer = "server_down"    // the server to answer
)

// stop is a Pulp task that is to stop, as its task's stage tells it.
type stop struct {
	Server  fleet.ServerName `json:"server"`
	Task    fleet.TaskID     `json:"task_id"`
	Step    string           `json:"step"`
	Href    string           `json:"pulp_task,omitempty"` // empty: not known
	Worker  string           `json:"worker,omitempty"`    // that worked on it when it was cancelled; empty: not known
	Stopped bool             `json:"stopped"`
	Waiting string           `json:"waiting_for,omitempty"` // what for, as a word; empty: it is not known yet, or has stopped
	Why     string           `json:"msg,omitempty"`
}

// stops are the Pulp tasks of a task that are to stop.
type stops struct {
	run *Run
	id  fleet.TaskID

	mu    sync.Mutex
	stage fleet.Stage
	all   []stop
	noted string // what the task was last said to wait for

	looking sync.Mutex
	workers map[fleet.ServerID][]pulp.Worker // before anything was cancelled
}

// stops tells in a stage of a task that the Pulp tasks of these requests are to stop. Without any, nothing is told.
func (r *Run) stops(ctx context.Context, id fleet.TaskID, open []fleet.PulpRequest) (*stops, error) {
	t := &stops{run: r, id: id, workers: map[fleet.ServerID][]pulp.Worker{}}
	found, err := r.Env.Tasks.Stages(ctx, id)
	if err != nil {
		return nil, err
	}
	for _, s := range found {
		if s.Name == stageCancel {
			t.stage = s
			before, _ := json.Marshal(s.Detail["pulp_tasks"]) // as it was stored
			_ = json.Unmarshal(before, &t.all)
		}
	}
	for _, row := range open {
		name := fleet.ServerName("")
		if s, err := r.Env.Servers.Server(ctx, row.Server); err == nil {
			name = s.Name
		}
		own := t.of(row)
		own.Server = name
	}
	if len(open) > 0 {
		t.save(context.WithoutCancel(ctx))
	}
	return t, nil
}

// of gives what is told of a request. The caller holds mu, or is alone.
func (t *stops) of(row fleet.PulpRequest) *stop {
	for i := range t.all {
		if s := &t.all[i]; s.Task == row.Task && s.Step == row.Step && (s.Href == "" || s.Href == row.Href) {
			s.Href = row.Href
			return s
		}
	}
	t.all = append(t.all, stop{Task: row.Task, Step: row.Step, Href: row.Href})
	return &t.all[len(t.all)-1]
}

// waits tells what a Pulp task waits for before it stops.
func (t *stops) waits(ctx context.Context, row fleet.PulpRequest, what, why string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	own := t.of(row)
	if own.Waiting == what && own.Why == why {
		return
	}
	own.Waiting, own.Why = what, why
	t.save(ctx)
}

// stopped tells that a Pulp task is over, and how.
func (t *stops) stopped(ctx context.Context, row fleet.PulpRequest, how string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	own := t.of(row)
	own.Stopped, own.Waiting, own.Why = true, "", how
	t.save(ctx)
}

// unanswered tells that a server does not answer, where that is why a Pulp task is not known to have stopped, and gives the
// error.
func (t *stops) unanswered(ctx context.Context, s *Server, row fleet.PulpRequest, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	since, why, _ := s.breaker.down()
	if since.IsZero() {
		t.waits(context.WithoutCancel(ctx), row, waitServer, fmt.Sprintf("server %s: %s", s.Name, fault.Message(err)))
	} else {
		t.waits(context.WithoutCancel(ctx), row, waitServer, s.waiting(since, why))
	}
	return err
}

// done tells that all have stopped, where there is no error.
func (t *stops) done(ctx context.Context, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil || t.stage.Name == "" {
		return
	}
	for i := range t.all {
		t.all[i].Stopped, t.all[i].Waiting = true, ""
	}
	t.save(context.WithoutCancel(ctx))
}

// save stores what is told. Trouble in storing it does not disturb the work. The caller holds mu, or is alone.
func (t *stops) save(ctx context.Context) {
	left := 0
	var why []string
	for _, s := range t.all {
		if s.Stopped {
			continue
		}
		left++
		if s.Waiting != "" && len(why) < 3 {
			why = append(why, s.Why)
		}
	}
	msg := fmt.Sprintf("%d of %d Pulp tasks stopped", len(t.all)-left, len(t.all))
	waiting := strings.Join(why, "; ")
	if waiting != "" {
		msg += ": " + waiting
	}
	t.stage.Task, t.stage.Name, t.stage.State = t.id, stageCancel, fleet.StageRunning
	if left == 0 {
		t.stage.State = fleet.StageCompleted
	}
	t.stage.Detail = map[string]any{"msg": msg, "pulp_tasks": t.all}
	saved, err := t.run.Env.Work.SaveStage(ctx, t.run.Lease, t.stage)
	if err != nil {
		t.run.Log.Warn("what is to stop in Pulp not stored", "err", err)
		return
	}
	t.stage = saved
	if waiting == t.noted {
		return
	}
	if err := t.run.Env.Work.Note(ctx, t.run.Lease, t.id, waiting); err != nil {
		t.run.Log.Warn("what the task waits for not stored", "err", err)
		return
	}
	t.noted = waiting
}

// whyNotStopped says what a Pulp task that was cancelled waits for, as far as Pulp tells. Worker is the one that worked on it.
func (s *Server) whyNotStopped(ctx context.Context, t *pulp.Task, worker string) (what, why string) {
	status, err := s.status(ctx)
	began := !t.Started.IsZero()
	switch {
	case err != nil:
		return waitServer, fmt.Sprintf("server %s does not tell its status: %s", s.Name, fault.Message(err))
	case status.OnlineWorkers == 0 && began:
		return waitDead, fmt.Sprintf("Pulp task %s: its worker is dead (server %s has no worker online); Pulp notices within about 17 minutes, the repository stays locked until then",
			t.Href, s.Name)
	case status.OnlineWorkers == 0:
		return waitBehind, fmt.Sprintf("Pulp task %s: it never began, and server %s has no worker online that would end it", t.Href, s.Name)
	case !began:
		if err := s.nudge(ctx); err != nil {
			return waitBehind, fmt.Sprintf("Pulp task %s: it never began, and the workers of server %s cannot be nudged: %s", t.Href, s.Name, fault.Message(err))
		}
		return waitBehind, fmt.Sprintf("Pulp task %s: it waits behind another and never began; the first worker of server %s that is free ends it", t.Href, s.Name)
	}
	if worker == unknownWorker {
		return waitWorker, fmt.Sprintf("Pulp task %s: its worker on server %s has not stopped it yet", t.Href, s.Name)
	}
	online, err := s.Client.Workers(ctx)
	switch {
	case err != nil:
		return waitServer, fmt.Sprintf("server %s does not tell its workers: %s", s.Name, fault.Message(err))
	case !slices.ContainsFunc(online, func(w pulp.Worker) bool { return w.Name == worker }):
		return waitDead, fmt.Sprintf("Pulp task %s: its worker is dead (no worker online on server %s works on it); Pulp notices within about 17 minutes, the repository stays locked until then",
			t.Href, s.Name)
	}
	return waitWorker, fmt.Sprintf("Pulp task %s: worker %s on server %s has not stopped it yet", t.Href, worker, s.Name)
}

// What is known of the worker of a Pulp task, where it is no name.
const (
	noWorker      = "none" // it ran, and no worker online worked on it
	unknownWorker = ""
)

// workerTime is how long a cancellation waits to know which worker works on a Pulp task.
const workerTime = 3 * time.Second

// worker gives the worker that works on a Pulp task that is about to be cancelled. A server is asked once, for all of its
// Pulp tasks; later Pulp does not tell any more.
func (t *stops) worker(ctx context.Context, s *Server, row fleet.PulpRequest) string {
	t.mu.Lock()
	before := t.of(row).Worker
	t.mu.Unlock()
	if since, _, _ := s.breaker.down(); before != unknownWorker || !since.IsZero() {
		return before
	}
	t.looking.Lock()
	defer t.looking.Unlock()
	workers, asked := t.workers[s.ID]
	if !asked {
		limited, stop := context.WithTimeout(ctx, workerTime)
		defer stop()
		var err error
		if workers, err = s.Client.Workers(limited); err != nil {
			workers = nil
		}
		t.workers[s.ID] = workers
	}
	for _, w := range workers {
		if w.Task != "" && w.Task.ID() == pulp.Href(row.Href).ID() {
			return w.Name
		}
	}
	if len(workers) == 0 {
		return unknownWorker
	}
	return noWorker
}

// works notes which worker works on a Pulp task.
func (t *stops) works(row fleet.PulpRequest, worker string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.of(row).Worker = worker
}
