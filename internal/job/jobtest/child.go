// SPDX-License-Identifier: Apache-2.0

package jobtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job"
	"github.com/pulp/pulp-manager/internal/job/groupsync"
	"github.com/pulp/pulp-manager/internal/job/register"
	"github.com/pulp/pulp-manager/internal/job/reposync"
	"github.com/pulp/pulp-manager/internal/store"
	"github.com/pulp/pulp-manager/internal/worker"
)

// childPlan is the environment variable that tells a process that it is a child, and what to do.
const childPlan = "PULPMAN_TEST_CHILD"

// plan is what a child does: start like the daemon on its data directory, and see to it that the primary is
// registered, then synced, then mirrored to the secondary.
type plan struct {
	DataDir            string
	Primary, Secondary fleet.ServerName
	Definitions        []fleet.Definition
	Timing             job.Timing
	Request            time.Duration
	Banned             string // pattern of the packages that are taken out
	Again              bool   // the primary is synced once more at the end
}

// Child is a process that can be killed.
type Child struct {
	command *exec.Cmd
	output  bytes.Buffer
	ended   chan struct{}
	err     error
}

// StartChild starts a process that works on the fleet's data directory, whose store must be closed here.
func (f *Fleet) StartChild() *Child {
	f.t.Helper()
	told, err := json.Marshal(plan{
		DataDir: f.DataDir, Primary: Name(f.Primary), Secondary: Name(f.Secondary), Definitions: f.Defined(),
		Timing: f.world.Timing, Request: f.world.Request, Banned: f.world.banned(), Again: f.world.Again,
	})
	if err != nil {
		f.t.Fatal(err)
	}
	binary, err := os.Executable()
	if err != nil {
		f.t.Fatal(err)
	}
	c := &Child{command: exec.CommandContext(f.t.Context(), binary), ended: make(chan struct{})}
	c.command.Env = append(os.Environ(), childPlan+"="+string(told), "GOMAXPROCS=2")
	c.command.Stdout, c.command.Stderr = &c.output, &c.output
	if err := c.command.Start(); err != nil {
		f.t.Fatal(err)
	}
	go func() {
		defer close(c.ended)
		c.err = c.command.Wait()
	}()
	f.t.Cleanup(c.Kill)
	return c
}

// Kill ends the process with SIGKILL, and returns once it is gone.
func (c *Child) Kill() {
	_ = c.command.Process.Kill()
	<-c.ended
}

// Wait waits until the process has ended. The error says what it said, if it was not successful.
func (c *Child) Wait(limit time.Duration) error {
	select {
	case <-c.ended:
	case <-time.After(limit):
		c.Kill()
		return fmt.Errorf("not done within %s: %s", limit, c.output.String())
	}
	if c.err != nil {
		return fmt.Errorf("%w: %s", c.err, c.output.String())
	}
	return nil
}

// runChild is the whole life of a child.
func runChild(told string) (err error) {
	var p plan
	if err := json.Unmarshal([]byte(told), &p); err != nil {
		return err
	}
	ctx := context.Background()
	s, err := store.Open(ctx, store.Options{DataDir: p.DataDir})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	banned, err := fleet.CompilePattern(p.Banned)
	if err != nil {
		return err
	}
	env := Wiring{
		Store: s, Definitions: fixed(p.Definitions), Limits: &job.Limits{}, Timing: p.Timing, Request: p.Request,
		Password: func() string { return "password" }, Secret: func() string { return "hunter2" },
		Unchanged: reposync.Unchanged{FullSyncInterval: func() time.Duration { return 24 * time.Hour }},
		Bans:      reposync.Bans{Banned: func() *fleet.Pattern { return banned }},
	}.Env()
	if _, err := s.Reclaim(ctx); err != nil {
		return err
	}
	if _, err := s.Sweep(ctx); err != nil {
		return err
	}
	stop, err := Serve(ctx, s, worker.New(s, env, fmt.Sprintf("child:%d", os.Getpid()), "child"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, env.Pulps.Close(ctx)) }()
	defer stop()
	steps := p.steps(ctx, s)
	for i, queue := range steps {
		if err := finish(ctx, s, i, queue); err != nil {
			return err
		}
	}
	roots, err := rootTasks(ctx, s)
	for i := len(steps); i < len(roots) && err == nil; i++ { // what the test has queued
		err = finish(ctx, s, i, nil)
	}
	return err
}

// steps are the tasks that there must be, in their order.
func (p plan) steps(ctx context.Context, s *store.Store) []func() (fleet.NewTask, error) {
	server := func(name fleet.ServerName, make func(fleet.Server) (fleet.NewTask, error)) func() (fleet.NewTask, error) {
		return func() (fleet.NewTask, error) {
			row, err := s.ServerByName(ctx, name)
			if err != nil {
				return fleet.NewTask{}, err
			}
			return make(row)
		}
	}
	source := string(p.Primary)
	steps := []func() (fleet.NewTask, error){
		server(p.Primary, func(row fleet.Server) (fleet.NewTask, error) {
			return register.NewTask(row, register.Args{MaxRuntime: "10m"})
		}),
		server(p.Primary, func(row fleet.Server) (fleet.NewTask, error) {
			return groupsync.NewTask(row, groupsync.Args{MaxRuntime: "10m", MaxConcurrentSyncs: 2})
		}),
		server(p.Secondary, func(row fleet.Server) (fleet.NewTask, error) {
			return groupsync.NewTask(row, groupsync.Args{MaxRuntime: "10m", MaxConcurrentSyncs: 2, SourceServer: &source})
		}),
	}
	if p.Again {
		steps = append(steps, steps[1])
	}
	return steps
}

// finish queues the root task of that number, unless a process before has, and waits for its end.
func finish(ctx context.Context, s *store.Store, number int, queue func() (fleet.NewTask, error)) error {
	roots, err := rootTasks(ctx, s)
	if err != nil {
		return err
	}
	if len(roots) == number {
		task, err := queue()
		if err != nil {
			return err
		}
		queued, err := s.Enqueue(ctx, task)
		if err != nil {
			return err
		}
		roots = append(roots, queued)
	}
	for {
		now, err := s.Task(ctx, roots[number].ID)
		switch {
		case err != nil:
			return err
		case now.State == fleet.Completed:
			return nil
		case now.State.Final():
			return fault.New(fault.Internal, "task %d is %s: %+v", now.ID, now.State, now.Error)
		}
		<-time.After(10 * time.Millisecond)
	}
}

// rootTasks gives the tasks without a parent, oldest first.
func rootTasks(ctx context.Context, s *store.Store) ([]fleet.Task, error) {
	page, err := s.FindTasks(ctx, fleet.Query{Page: 1, Size: 10000})
	if err != nil {
		return nil, err
	}
	var roots []fleet.Task
	for _, task := range page.Items {
		if task.Parent == 0 {
			roots = append(roots, task)
		}
	}
	return roots, nil
}

// fixed are definitions that do not change.
type fixed []fleet.Definition

func (f fixed) Definitions(context.Context) ([]fleet.Definition, []fleet.DefinitionProblem, error) {
	return f, nil, nil
}
