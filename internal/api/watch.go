// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"sync"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

const (
	watchEach  = time.Second     // how often a watched task is looked at
	watchLimit = 5 * time.Second // how long one look may take
)

// picture is a task as it was at a moment, with its stages and children. It does not change.
type picture struct {
	task     fleet.Task
	stages   []fleet.Stage
	children []fleet.Task
}

// newest is when the newest change in the picture was made, by the store's clock.
func (p *picture) newest() time.Time {
	at := p.task.Updated
	for _, s := range p.stages {
		at = later(at, s.Updated)
	}
	for _, c := range p.children {
		at = later(at, c.Updated)
	}
	return at
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// watches are the tasks that streams watch. Each is looked at once a tick, however many streams watch it, in this process; with
// several processes each looks for itself.
type watches struct {
	tasks fleet.Tasks

	mu    sync.Mutex
	all   map[fleet.TaskID]*watch
	count int // streams
}

// watch is one watched task.
type watch struct {
	streams int
	stop    context.CancelFunc
	done    chan struct{} // closed when nothing runs for it any more

	mu      sync.Mutex
	newest  *picture      // nil: not looked at yet
	err     error         // why the task is not watched any more
	changed chan struct{} // closed when newest or err is another one
}

// take reserves one of so many streams and tells whether there was one left.
func (w *watches) take(most int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.count >= most {
		return false
	}
	w.count++
	return true
}

// give returns a stream that was taken.
func (w *watches) give() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.count--
}

// join gives the watch of a task, and makes it where this is the first stream. Call leave afterwards.
func (w *watches) join(ctx context.Context, id fleet.TaskID) *watch {
	w.mu.Lock()
	defer w.mu.Unlock()
	if watched, ok := w.all[id]; ok {
		watched.streams++
		return watched
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx)) // it outlives the request that began it; leave ends it
	watched := &watch{streams: 1, stop: stop, done: make(chan struct{}), changed: make(chan struct{})}
	w.all[id] = watched
	go func() {
		defer close(watched.done)
		w.run(ctx, id, watched)
	}()
	return watched
}

// leave gives a watch back. The last stream ends it and waits until it has ended.
func (w *watches) leave(id fleet.TaskID, watched *watch) {
	w.mu.Lock()
	watched.streams--
	last := watched.streams == 0
	if last {
		delete(w.all, id)
		watched.stop()
	}
	w.mu.Unlock()
	if last {
		<-watched.done
	}
}

// run looks at a task until it is over, or ctx ends.
func (w *watches) run(ctx context.Context, id fleet.TaskID, watched *watch) {
	ticker := time.NewTicker(watchEach)
	defer ticker.Stop()
	for mark := ""; ; {
		var over bool
		if mark, over = w.look(ctx, id, watched, mark); over {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// look looks at a task once, and tells whether there is nothing more to see. A store that does not answer is asked again.
func (w *watches) look(ctx context.Context, id fleet.TaskID, watched *watch, mark string) (string, bool) {
	limited, cancel := context.WithTimeout(ctx, watchLimit)
	defer cancel()
	now, err := w.tasks.TaskMark(limited, id)
	if err == nil && now == mark {
		return mark, false
	}
	var seen *picture
	if err == nil {
		seen, err = w.picture(limited, id)
	}
	switch {
	case fault.Is(err, fault.NotFound):
		watched.publish(nil, err)
		return mark, true
	case err != nil:
		return mark, false
	}
	watched.publish(seen, nil)
	return now, seen.task.State.Final()
}

// picture reads a task. The task is read first, so that where it is over the rest is final too.
func (w *watches) picture(ctx context.Context, id fleet.TaskID) (*picture, error) {
	task, err := w.tasks.Task(ctx, id)
	if err != nil {
		return nil, err
	}
	stages, err := w.tasks.Stages(ctx, id)
	if err != nil {
		return nil, err
	}
	children, err := w.tasks.Children(ctx, id)
	if err != nil {
		return nil, err
	}
	return &picture{task: task, stages: stages, children: children}, nil
}

// publish tells all streams.
func (w *watch) publish(seen *picture, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if seen != nil {
		w.newest = seen
	}
	w.err = err
	close(w.changed)
	w.changed = make(chan struct{})
}

// now gives what was seen last, what is closed when there is something newer, and why there will not be.
func (w *watch) now() (*picture, <-chan struct{}, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.newest, w.changed, w.err
}
