// SPDX-License-Identifier: Apache-2.0

package client

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"
)

// pollTimes are how often WaitTask asks where there are no events, and how long it puts up with no answer.
type pollTimes struct{ first, slowest, patience time.Duration }

// defaultPoll survives a restart of the daemon.
var defaultPoll = pollTimes{first: 200 * time.Millisecond, slowest: 3 * time.Second, patience: 2 * time.Minute}

// WaitTask waits until a task is over and gives its last state. It listens to the task's events, and where there are none,
// or no more, it asks: quickly at first and slower for long ones. It tells progress, which may be nil, after each change or
// answer; with all children the task has. A daemon that does not answer for a while is put up with: the task goes on when
// it is back.
func (c *Client) WaitTask(ctx context.Context, id int64, progress func(task TaskDetail, children []Task)) (TaskDetail, error) {
	if task, over := c.listen(ctx, id, progress); over {
		return task, nil
	}
	pause := c.poll.first
	var silent time.Time // since when there is no answer
	for {
		task, children, err := c.look(ctx, id, progress != nil)
		switch {
		case err == nil:
			silent = time.Time{}
			if progress != nil {
				progress(task, children)
			}
			if task.Final() {
				return task, nil
			}
		case !temporary(err) || (!silent.IsZero() && time.Since(silent) >= c.poll.patience):
			return TaskDetail{}, err
		case silent.IsZero():
			silent = time.Now()
		}
		if err := sleep(ctx, pause); err != nil {
			return TaskDetail{}, err
		}
		pause = min(pause+pause/2, c.poll.slowest)
	}
}

// listen follows a task's events, and tells whether it heard the end. Why it did not is no matter: asking tells, too.
func (c *Client) listen(ctx context.Context, id int64, progress func(task TaskDetail, children []Task)) (TaskDetail, bool) {
	var heard heard
	for event, err := range c.Events(ctx, id, "") {
		if err != nil {
			return TaskDetail{}, false
		}
		heard.add(event)
		if event.ID != "" && progress != nil {
			progress(heard.task, heard.children)
		}
	}
	return heard.task, heard.task.ID == id && heard.task.Final()
}

// heard is a task as its events told it.
type heard struct {
	task     TaskDetail
	children []Task // in the order of their ids, which is that of their creation
}

func (h *heard) add(e Event) {
	switch {
	case e.Task != nil:
		h.task = *e.Task
	case e.Stage != nil:
		at := slices.IndexFunc(h.task.Stages, func(s TaskStage) bool { return s.ID == e.Stage.ID })
		if at < 0 {
			h.task.Stages = append(h.task.Stages, *e.Stage)
		} else {
			h.task.Stages[at] = *e.Stage
		}
	case e.Child != nil:
		at, there := slices.BinarySearchFunc(h.children, e.Child.ID, func(t Task, id int64) int { return cmp.Compare(t.ID, id) })
		if there {
			h.children[at] = *e.Child
		} else {
			h.children = slices.Insert(h.children, at, *e.Child)
		}
	}
}

// look asks once. The task is read first, so that where it is over its children are
// the last ones.
func (c *Client) look(ctx context.Context, id int64, withChildren bool) (TaskDetail, []Task, error) {
	task, err := c.Task(ctx, id)
	if err != nil || !withChildren {
		return task, nil, err
	}
	children, err := c.Children(ctx, id)
	return task, children, err
}

// temporary tells whether the daemon may answer again.
func temporary(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Unavailable()
}

// sleep waits, or gives the reason why ctx ended before.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
