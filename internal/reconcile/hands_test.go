// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/inventory"
	"github.com/pulp/pulp-manager/internal/pulp"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// hands do what a job's do, without a store: a request that starts a Pulp task is sent with an id of
// its own, and looked for by it when its answer is lost.
type hands struct {
	client *pulp.Client

	mu     sync.Mutex
	busy   map[string]error // locks that are not given
	locked map[string]bool
	steps  []string
}

func newHands(t *testing.T, opt pulpfake.Options) (*hands, *pulpfake.Server) {
	t.Helper()
	server, base := pulpfake.Start(t, opt)
	client, err := pulp.New(pulp.Config{
		Base: base, Name: "alpha", Username: "admin", RetryWait: time.Millisecond,
		Password: func(context.Context) (string, error) { return "password", nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close(context.Background()) })
	return &hands{client: client, busy: map[string]error{}, locked: map[string]bool{}}, server
}

func (h *hands) Client() *pulp.Client { return h.client }

func (h *hands) Try(ctx context.Context, fn func(ctx context.Context) error) error {
	for range 50 {
		if err := fn(ctx); err == nil || !fault.Is(err, fault.Unavailable) {
			return err
		}
		pause(ctx)
	}
	return errors.New("the server does not come back")
}

func (h *hands) Task(ctx context.Context, step string, start func(ctx context.Context) (pulp.Href, error)) (pulp.Task, error) {
	h.mu.Lock()
	h.steps = append(h.steps, step)
	h.mu.Unlock()
	var href pulp.Href
	for sent := false; !sent; {
		correlation := pulp.NewCorrelation()
		var err error
		href, err = start(pulp.WithCorrelation(ctx, correlation))
		switch {
		case err == nil && href == "":
			return pulp.Task{}, nil
		case err == nil:
			sent = true
		case !pulp.NotSent(err):
			var tasks []pulp.Task
			err = h.Try(ctx, func(ctx context.Context) error {
				tasks, err = h.client.TasksByCorrelation(ctx, correlation)
				return err
			})
			if err != nil {
				return pulp.Task{}, err
			}
			if len(tasks) > 0 {
				href, sent = tasks[0].Href, true
			}
		case !fault.Is(err, fault.Unavailable):
			return pulp.Task{}, err
		}
	}
	return h.wait(ctx, step, href)
}

func (h *hands) wait(ctx context.Context, step string, href pulp.Href) (pulp.Task, error) {
	for {
		var task pulp.Task
		err := h.Try(ctx, func(ctx context.Context) error {
			var err error
			task, err = h.client.Task(ctx, href)
			return err
		})
		switch {
		case err != nil:
			return task, err
		case task.State == pulp.Completed:
			return task, nil
		case task.State.Final():
			return task, fault.New(fault.Invalid, "%s: %s", step, task.Reason)
		case ctx.Err() != nil:
			return task, context.Cause(ctx)
		}
		pause(ctx)
	}
}

func (h *hands) Lock(_ context.Context, repository string) (func() error, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.busy[repository]; err != nil {
		return nil, err
	}
	h.locked[repository] = true
	return func() error {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.locked, repository)
		return nil
	}, nil
}

// pause lets the server work for a moment.
func pause(ctx context.Context) {
	timer := time.NewTimer(2 * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// look takes a picture of the server.
func (h *hands) look(t *testing.T) *inventory.Picture {
	t.Helper()
	picture, err := inventory.Take(t.Context(), h.client, "alpha")
	if err != nil {
		t.Fatal(err)
	}
	return picture
}

// reach plans and applies, and gives the results by name.
func (h *hands) reach(t *testing.T, known Known, wants ...Want) map[string]error {
	t.Helper()
	return h.apply(t, Plan(wants, h.look(t), known, fingerprint))
}

func (h *hands) apply(t *testing.T, changes []Change) map[string]error {
	t.Helper()
	results := map[string]error{}
	for _, r := range (Applier{Hands: h}).Apply(t.Context(), changes, h.look(t), func(int, int) {}) {
		results[r.Name] = r.Err
	}
	if len(h.locked) > 0 {
		t.Errorf("still locked: %v", h.locked)
	}
	return results
}
