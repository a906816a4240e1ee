// SPDX-License-Identifier: Apache-2.0

package storecontract

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pulp/pulp-manager/internal/fleet"
)

var notices = []contract{
	{name: "one process looks for notices, in each interval", check: noticesClaimed},
	{name: "notices are kept while they are true and for a while after", check: noticesSaved},
	{name: "what was delivered is known, and how deliveries go", check: deliveriesNoted},
	{name: "tasks that ended are found, with the parts that failed", check: endedFound},
}

func (w *world) board() fleet.NoticeBoard {
	w.Helper()
	return value(w.NoticeBoard(w.ctx))(w)
}

func noticesClaimed(w *world) {
	var claimed atomic.Int64
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			mine, err := w.ClaimNotices(w.ctx, time.Hour)
			if err != nil {
				w.Errorf("claim: %v", err)
			}
			if mine {
				claimed.Add(1)
			}
		})
	}
	wait.Wait()
	if claimed.Load() != 1 {
		w.Errorf("%d processes look at once", claimed.Load())
	}
}

func noticesSaved(w *world) {
	server := w.servers("a.test")[0]
	empty := w.board()
	if !empty.Looked.IsZero() || len(empty.Notices) != 0 || time.Since(empty.Now).Abs() > time.Minute || empty.Servers[server] != "a.test" {
		w.Fatalf("at first: %+v", empty)
	}
	now := empty.Now
	down := fleet.Notice{
		Key: "server/1", Source: fleet.NoticeServer, Server: server, Name: "a.test", Reason: "re\x00fused\xff", Hint: "look",
		Since: now.Add(-time.Minute), Last: now, Opened: now,
	}
	task := fleet.Notice{Key: "task/1", Source: fleet.NoticeTask, Kind: fleet.KindRegister, Task: 7, Schedule: 99, Since: now, Last: now, Opened: now}
	w.ok(w.SaveNotices(w.ctx, []fleet.Notice{down, task}, now))
	w.ok(w.SaveNotices(w.ctx, []fleet.Notice{down}, now)) // open already
	board := w.board()
	down.Reason = "re\uFFFDfused\uFFFD"
	if diff := cmp.Diff([]fleet.Notice{down, task}, board.Notices, cmpopts.IgnoreFields(fleet.Notice{}, "ID")); diff != "" || !board.Looked.Equal(now) {
		w.Fatalf("looked %s, notices (-want +got):\n%s", board.Looked, diff)
	}
	closed, changed := board.Notices[0], board.Notices[1]
	closed.Closed, closed.Recovered = now.Add(time.Second), true
	changed.Reason, changed.Last, changed.Task = "again", now.Add(time.Second), 8
	w.ok(w.SaveNotices(w.ctx, []fleet.Notice{closed, changed}, now.Add(time.Second)))
	w.ok(w.SaveNotices(w.ctx, []fleet.Notice{down}, now.Add(time.Second))) // again
	board = w.board()
	if diff := cmp.Diff([]fleet.Notice{closed, changed, down}, board.Notices, cmpopts.IgnoreFields(fleet.Notice{}, "ID")); diff != "" || board.Notices[2].ID == closed.ID {
		w.Errorf("notices (-want +got):\n%s", diff)
	}
	closed.Closed = now.Add(-fleet.KeepNotices - time.Hour)
	w.ok(w.NoteDelivery(w.ctx, "webhook", []fleet.NoticeTold{{Notice: closed.ID, Event: fleet.NoticeFailed}}, "", 0))
	w.ok(w.SaveNotices(w.ctx, []fleet.Notice{closed}, now))
	w.ok(w.SaveNotices(w.ctx, nil, now))
	if board = w.board(); len(board.Notices) != 2 || len(board.Told) != 0 {
		w.Errorf("what is over for long is there still: %+v", board)
	}
}

func deliveriesNoted(w *world) {
	now := w.board().Now
	for i := range 2 {
		w.ok(w.SaveNotices(w.ctx, []fleet.Notice{{Key: fmt.Sprint(i), Source: fleet.NoticeStuck, Since: now, Last: now, Opened: now}}, now))
	}
	ids := w.board().Notices
	w.ok(w.NoteDelivery(w.ctx, "slack", []fleet.NoticeTold{{Notice: ids[0].ID, Event: fleet.NoticeFailed}}, "refused", time.Hour))
	first := w.board()
	if len(first.Told) != 0 || len(first.Receivers) != 1 {
		w.Fatalf("after a failure: %+v", first)
	}
	r := first.Receivers[0]
	if r.Name != "slack" || r.Attempts != 1 || r.Problem != "refused" || r.Failing.IsZero() || r.Next.Sub(first.Now) < 50*time.Minute || !r.Delivered.IsZero() {
		w.Errorf("after a failure: %+v", r)
	}
	w.ok(w.NoteDelivery(w.ctx, "slack", nil, "still", time.Minute))
	if again := w.board().Receivers[0]; again.Attempts != 2 || again.Problem != "still" || !again.Failing.Equal(r.Failing) || !again.Next.Before(r.Next) {
		w.Errorf("after two: %+v", again)
	}
	w.ok(w.NoteDelivery(w.ctx, "slack", []fleet.NoticeTold{{Notice: ids[0].ID, Event: fleet.NoticeFailed}, {Notice: ids[1].ID, Event: fleet.NoticeFailed}}, "", 0))
	w.ok(w.NoteDelivery(w.ctx, "slack", []fleet.NoticeTold{{Notice: ids[1].ID, Event: fleet.NoticeRecovered}}, "", 0))
	board := w.board()
	if r := board.Receivers[0]; r.Attempts != 0 || r.Problem != "" || !r.Failing.IsZero() || !r.Next.IsZero() || r.Delivered.IsZero() {
		w.Errorf("after a delivery: %+v", r)
	}
	want := []fleet.NoticeTold{
		{Notice: ids[0].ID, Receiver: "slack", Event: fleet.NoticeFailed}, {Notice: ids[1].ID, Receiver: "slack", Event: fleet.NoticeRecovered},
	}
	if diff := cmp.Diff(want, board.Told, cmpopts.IgnoreFields(fleet.NoticeTold{}, "At")); diff != "" || board.Told[0].At.IsZero() {
		w.Errorf("told (-want +got):\n%s", diff)
	}
}

func endedFound(w *world) {
	before := w.board().Now
	good, lease := w.claimed("me")
	w.move(lease, good.ID, fleet.Completed)
	bad, lease := w.claimed("me")
	var parts []fleet.NewTask
	for i := range 8 {
		parts = append(parts, newTask(fmt.Sprint("part ", i)))
	}
	for i, part := range w.children(lease, parts...) {
		w.move(lease, part.ID, fleet.Running)
		if i == 0 {
			w.move(lease, part.ID, fleet.Completed)
			continue
		}
		_, err := w.Transition(w.ctx, lease, part.ID, fleet.Failed, &fleet.TaskError{Msg: "no"})
		w.ok(err)
	}
	_, err := w.Transition(w.ctx, lease, bad.ID, fleet.Failed, &fleet.TaskError{Msg: "7 of 8 failed", Detail: "look"})
	w.ok(err)
	canceled := w.queued("canceled")
	w.ok(second(w.Cancel(w.ctx, canceled.ID)))
	w.queued("not over")
	ended := value(w.EndedTasks(w.ctx, before.Add(-time.Second)))(w)
	if len(ended) != 2 || ended[0].ID != good.ID || ended[1].ID != bad.ID {
		w.Fatalf("ended: %+v", ended)
	}
	if e := ended[0]; e.Failed != 0 || len(e.Parts) != 0 || e.State != fleet.Completed || e.Finished.IsZero() || e.Scheduled {
		w.Errorf("the good one: %+v", e)
	}
	if e := ended[1]; e.Failed != 7 || len(e.Parts) != 5 || e.Parts[0].Name != "part 1" || e.Parts[4].Error.Msg != "no" || e.Error.Detail != "look" {
		w.Errorf("the bad one: %+v", e)
	}
	if later := value(w.EndedTasks(w.ctx, w.board().Now.Add(time.Second)))(w); len(later) != 0 {
		w.Errorf("ended in time to come: %+v", later)
	}

	schedule := w.due(time.Minute)[0]
	schedule, lease = w.running(schedule, "me")
	w.move(lease, schedule.LastTask, fleet.Completed)
	ended = value(w.EndedTasks(w.ctx, before))(w)
	if e := ended[len(ended)-1]; e.ID != schedule.LastTask || e.Schedule != schedule.ID || !e.Scheduled {
		w.Errorf("of a schedule: %+v", e)
	}
}
