// SPDX-License-Identifier: Apache-2.0

package storecontract

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/store"
)

var engines = []contract{
	{name: "a queued task is picked up at once", check: engineLatency},
	{name: "a task that is handed back comes back with the same job", check: engineHandBack},
	{name: "work that fails or panics is tried again", check: engineFailure},
	{name: "no more tasks at once than there are slots", check: engineSlots},
	{name: "stopping ends contexts, waits, and hands back", check: engineStop},
	{name: "a stop that takes too long says so", check: engineSlowStop},
	{name: "a canceled task that waits to go on is woken", check: engineWake},
	{name: "a transaction that fails queues no job", check: engineRollback},
}

// taken is a task that the engine gave out.
type taken struct {
	ctx  context.Context
	task fleet.TaskID
	job  string
}

// engine is a running engine whose work a test does by hand.
type engine struct {
	w       *world
	engine  store.Engine
	taken   chan taken
	results chan error
	over    chan struct{}
	once    sync.Once
}

// engine starts one, to be stopped at the test's end at the latest.
func (w *world) engine(slots int) *engine {
	w.Helper()
	e := &engine{w: w, taken: make(chan taken, 100), results: make(chan error, 100), over: make(chan struct{})}
	work := func(ctx context.Context, id fleet.TaskID, job string) error {
		e.taken <- taken{ctx, id, job}
		select {
		case err := <-e.results:
			if errors.Is(err, errPanic) {
				panic("as the test wants")
			}
			return err
		case <-e.over:
			return nil
		case <-ctx.Done():
			return store.HandBack{}
		}
	}
	made, err := w.Engine(store.EngineConfig{Slots: slots, Work: work, Retry: 10 * time.Millisecond})
	w.ok(err)
	e.engine = made
	w.ok(made.Start(w.ctx))
	w.Cleanup(e.stop)
	return e
}

// finish lets one of the tasks at work end.
func (e *engine) finish(err error) { e.results <- err }

func (e *engine) stop() {
	e.once.Do(func() {
		close(e.over)
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := e.engine.Stop(ctx); err != nil {
			e.w.Errorf("stop the engine: %v", err)
		}
	})
}

var errPanic = errors.New("panic")

func engineLatency(w *world) {
	e := w.engine(0)
	w.queued("the first, while the engine still starts")
	<-e.taken
	slow := 0
	for range 10 {
		start := time.Now()
		w.queued("task")
		<-e.taken
		if time.Since(start) > 500*time.Millisecond { // half of what polling alone would take
			slow++
		}
	}
	if slow > 2 { // other programs run on the machine too
		w.Errorf("%d of 10 tasks waited for a poll", slow)
	}
}

func engineHandBack(w *world) {
	e := w.engine(0)
	task := w.queued("task")
	first := <-e.taken
	e.finish(store.HandBack{After: 10 * time.Millisecond})
	again := <-e.taken
	if again.task != task.ID || again.job != first.job {
		w.Errorf("came back as %+v, was %+v", again, first)
	}
	if n := w.swept(); n != 0 {
		w.Errorf("%d handed out besides", n)
	}
}

func engineFailure(w *world) {
	e := w.engine(0)
	task := w.queued("task")
	<-e.taken
	e.finish(errors.New("the store was away"))
	if again := <-e.taken; again.task != task.ID {
		w.Errorf("came back as %+v", again)
	}
	e.finish(errPanic)
	if again := <-e.taken; again.task != task.ID {
		w.Errorf("came back as %+v", again)
	}
}

func engineSlots(w *world) {
	e := w.engine(2)
	for range 4 {
		w.queued("task")
	}
	<-e.taken
	<-e.taken
	select {
	case third := <-e.taken:
		w.Errorf("a third task at once: %+v", third)
	case <-time.After(60 * time.Millisecond):
	}
	e.finish(nil)
	<-e.taken
}

func engineStop(w *world) {
	e := w.engine(0)
	task := w.queued("task")
	at := <-e.taken
	ctx, cancel := context.WithTimeout(w.ctx, 20*time.Second)
	defer cancel()
	w.ok(e.engine.Stop(ctx))
	if cause := context.Cause(at.ctx); !errors.Is(cause, fleet.ErrStopping) {
		w.Errorf("cause %v", cause)
	}
	next := w.engine(0)
	if again := <-next.taken; again.task != task.ID || again.job != at.job {
		w.Errorf("came back as %+v, was %+v", again, at)
	}
}

func engineSlowStop(w *world) {
	release, began := make(chan struct{}), make(chan struct{})
	made, err := w.Engine(store.EngineConfig{Work: func(context.Context, fleet.TaskID, string) error {
		close(began)
		<-release
		return nil
	}})
	w.ok(err)
	w.ok(made.Stop(w.ctx)) // never started
	w.ok(made.Start(w.ctx))
	w.queued("task")
	<-began
	ctx, cancel := context.WithTimeout(w.ctx, 30*time.Millisecond)
	defer cancel()
	w.is(made.Stop(ctx), fault.Unavailable)
	close(release)
	longer, cancel := context.WithTimeout(w.ctx, 20*time.Second)
	defer cancel()
	w.ok(made.Stop(longer))
}

func engineWake(w *world) {
	e := w.engine(0)
	task := w.queued("task")
	<-e.taken
	_, lease := w.claim(task.ID, "me")
	w.ok(w.Yield(w.ctx, lease))
	e.finish(store.HandBack{After: time.Hour})
	canceled, err := w.Cancel(w.ctx, task.ID)
	w.ok(err)
	if canceled.State != fleet.Canceled || !canceled.CancelConfirmed.IsZero() {
		w.Errorf("canceled: %+v", canceled)
	}
	w.until("the task to be woken", func() bool {
		w.swept() // the engine notes in its own time that it was handed back
		select {
		case again := <-e.taken:
			return again.task == task.ID
		default:
			return false
		}
	})
}

func engineRollback(w *world) {
	e := w.engine(0)
	bad := newTask("bad")
	bad.Server = 99
	w.is(second(w.Enqueue(w.ctx, bad)), fault.Invalid)
	good := w.queued("good")
	if first := <-e.taken; first.task != good.ID {
		w.Errorf("taken: %+v", first)
	}
}
