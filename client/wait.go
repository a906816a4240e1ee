// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"errors"
	"time"
)

// pollTimes are how often WaitTask asks, and how long it puts up with no answer.
type pollTimes struct{ first, slowest, patience time.Duration }

// defaultPoll survives a restart of the daemon.
var defaultPoll = pollTimes{first: 200 * time.Millisecond, slowest: 3 * time.Second, patience: 2 * time.Minute}

// WaitTask asks for a task until it is over, quickly at first and slower for long ones, and
// gives its last state. It tells progress, which may be nil, after each time; with all
// children the task has. A daemon that does not answer for a while is put up with: the
// task goes on when it is back.
func (c *Client) WaitTask(ctx context.Context, id int64, progress func(task TaskDetail, children []Task)) (TaskDetail, error) {
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
