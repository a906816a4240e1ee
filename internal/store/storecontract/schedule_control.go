// SPDX-License-Identifier: Apache-2.0

package storecontract

import (
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

var scheduleControls = []contract{
	{name: "many schedules fire in one transaction, each as it should", check: scheduleBatch},
	{name: "a task that waits for the one before begins after it", check: scheduleWaits},
	{name: "a schedule runs now, and its next run stays", check: scheduleRunNow},
	{name: "a schedule that runs now keeps its overlap policy", check: scheduleRunNowOverlaps},
	{name: "a paused schedule does not run until it is resumed", check: schedulePauses},
	{name: "a pause ends by itself", check: schedulePauseEnds},
}

// one gives a schedule.
func (w *world) one(id fleet.ScheduleID) fleet.Schedule {
	w.Helper()
	return value(w.ListedSchedule(w.ctx, id))(w).Schedule
}

// running makes a schedule's newest task one that runs.
func (w *world) running(s fleet.Schedule, owner string) (fleet.Schedule, fleet.Lease) {
	w.Helper()
	n := newTask("former")
	if !w.fire(s, s.NextRun.Add(time.Second), &n, "") {
		w.Fatal("not fired")
	}
	s = w.one(s.ID)
	_, lease := w.claim(s.LastTask, owner)
	return w.one(s.ID), lease
}

func scheduleBatch(w *world) {
	all := w.due(4*time.Minute, 3*time.Minute, 2*time.Minute, time.Minute)
	busy, _ := w.running(all[2], "me")
	stale := all[3]
	stale.NextRun = stale.NextRun.Add(time.Second)
	next, due := all[0].NextRun.Add(24*time.Hour), all[0].NextRun.Add(23*time.Hour)
	n := newTask("run")
	got := value(w.Fire(w.ctx, []fleet.Firing{
		{Schedule: all[0], NextRun: next, NextDue: due, Task: &n, Outcome: "queued; late"},
		{Schedule: all[1], NextRun: next, NextDue: due, Outcome: "held"},
		{Schedule: busy, NextRun: next, NextDue: due, Task: &n, Cancel: []fleet.TaskID{busy.LastTask, 999}},
		{Schedule: stale, NextRun: next, NextDue: due, Task: &n},
	}))(w)
	if diff := cmp.Diff([]bool{true, true, true, false}, got); diff != "" {
		w.Fatal(diff)
	}
	ran, held, cancelled := w.one(all[0].ID), w.one(all[1].ID), w.one(busy.ID)
	if !ran.NextRun.Equal(next) || !ran.NextDue.Equal(due) || !ran.LastDue.Equal(all[0].NextRun) || ran.LastOutcome != "queued; late" || ran.LastState != fleet.Queued {
		w.Errorf("ran: %+v", ran)
	}
	if !held.NextRun.Equal(next) || !held.LastRun.IsZero() || !held.LastDue.IsZero() || held.LastTask != 0 || held.LastOutcome != "held" {
		w.Errorf("held: %+v", held)
	}
	if cancelled.LastTask == busy.LastTask || w.task(busy.LastTask).State != fleet.Canceled || cancelled.LastState != fleet.Queued || cancelled.LastOutcome != "queued" {
		w.Errorf("cancelled: %+v", cancelled)
	}
	if same := w.one(stale.ID); !same.NextRun.Equal(all[3].NextRun) || same.LastTask != 0 {
		w.Errorf("stale: %+v", same)
	}
	e := w.engine(0)
	seen := map[fleet.TaskID]bool{}
	for range 3 { // the cancelled one's is to be confirmed
		seen[(<-e.taken).task] = true
	}
	if !seen[ran.LastTask] || !seen[cancelled.LastTask] {
		w.Errorf("taken: %v", seen)
	}
}

func scheduleWaits(w *world) {
	s, lease := w.running(w.due(time.Minute)[0], "me")
	n := newTask("next")
	if got := value(w.Fire(w.ctx, []fleet.Firing{{Schedule: s, NextRun: s.NextRun.Add(time.Hour), Task: &n, Behind: s.LastTask}}))(w); !got[0] {
		w.Fatal("not fired")
	}
	waits := w.one(s.ID)
	if waits.Waiting == 0 || waits.LastTask != s.LastTask || w.task(waits.Waiting).State != fleet.Queued || !strings.Contains(waits.LastOutcome, "waits") {
		w.Fatalf("waits: %+v", waits)
	}
	e := w.engine(0)
	if first := <-e.taken; first.task != s.LastTask {
		w.Errorf("taken: %+v", first)
	}
	if n := value(w.Tend(w.ctx))(w); n != 0 {
		w.Errorf("%d let in while the one before runs", n)
	}
	if n := w.swept(); n != 0 { // the task that waits is not lost
		w.Errorf("%d handed out", n)
	}
	w.move(lease, s.LastTask, fleet.Completed)
	if n := value(w.Tend(w.ctx))(w); n != 1 {
		w.Errorf("%d let in", n)
	}
	if next := <-e.taken; next.task != waits.Waiting {
		w.Errorf("taken: %+v", next)
	}
	if in := w.one(s.ID); in.LastTask != waits.Waiting || in.Waiting != 0 || in.LastOutcome != "queued" {
		w.Errorf("let in: %+v", in)
	}
	if n := value(w.Tend(w.ctx))(w); n != 0 {
		w.Errorf("%d let in twice", n)
	}

	// One that is cancelled while it waits is forgotten.
	s = w.one(s.ID)
	w.ok(second(w.Fire(w.ctx, []fleet.Firing{{Schedule: s, NextRun: s.NextRun.Add(time.Hour), Task: &n, Behind: s.LastTask}})))
	waits = w.one(s.ID)
	w.ok(second(w.Cancel(w.ctx, waits.Waiting)))
	w.ok(second(w.Cancel(w.ctx, waits.LastTask)))
	w.ok(second(w.Tend(w.ctx)))
	if in := w.one(s.ID); in.Waiting != 0 || in.LastTask != waits.LastTask {
		w.Errorf("forgotten: %+v", in)
	}
}

func scheduleRunNow(w *world) {
	s := w.due(-time.Hour)[0]
	task := value(w.RunSchedule(w.ctx, s.ID))(w)
	if task.State != fleet.Queued || task.Schedule != s.ID || task.Name != s.TaskName || task.Server != s.Server || string(task.Args) != string(s.Args) && !strings.Contains(string(task.Args), `"x"`) {
		w.Errorf("task %+v", task)
	}
	got := w.one(s.ID)
	if !got.NextRun.Equal(s.NextRun) || got.LastTask != task.ID || got.LastOutcome != "queued" || got.LastRun.IsZero() || !got.LastDue.IsZero() {
		w.Errorf("schedule %+v", got)
	}
	e := w.engine(0)
	if first := <-e.taken; first.task != task.ID {
		w.Errorf("taken: %+v", first)
	}
	w.is(second(w.RunSchedule(w.ctx, 99)), fault.NotFound)
}

func scheduleRunNowOverlaps(w *world) {
	s, _ := w.running(w.due(time.Minute)[0], "me")
	refused := second(w.RunSchedule(w.ctx, s.ID))
	w.is(refused, fault.Conflict)
	if msg := fault.Message(refused); !strings.Contains(msg, "task 1 of the same schedule is still running") || fault.Hint(refused) == "" {
		w.Errorf("refused: %s", msg)
	}
	policy := func(overlap fleet.Overlap) {
		c := config("policy "+string(overlap), "a.test")
		s.Overlap = overlap
		c.Schedules = []fleet.ConfiguredSchedule{{ServerName: "a.test", Schedule: s}}
		w.ok(second(w.Apply(w.ctx, c, true)))
	}
	policy(fleet.OverlapQueue)
	waits := value(w.RunSchedule(w.ctx, s.ID))(w)
	if got := w.one(s.ID); got.Waiting != waits.ID || got.LastTask != s.LastTask || waits.State != fleet.Queued {
		w.Errorf("waits: %+v", got)
	}
	refused = second(w.RunSchedule(w.ctx, s.ID)) // one at most waits
	w.is(refused, fault.Conflict)
	policy(fleet.OverlapCancel)
	now := value(w.RunSchedule(w.ctx, s.ID))(w)
	if got := w.one(s.ID); got.LastTask != now.ID || got.Waiting != 0 || w.task(waits.ID).State != fleet.Canceled || w.task(s.LastTask).State != fleet.Canceled {
		w.Errorf("cancelled: %+v", got)
	}
}

func schedulePauses(w *world) {
	s := w.due(time.Minute)[0]
	p := fleet.Pause{Reason: "moving house", By: "alice"}
	got := value(w.PauseSchedule(w.ctx, s.ID, p))(w)
	if got.Pause.Reason != p.Reason || got.Pause.By != p.By || got.Pause.At.IsZero() || !got.Pause.Until.IsZero() || !got.NextRun.IsZero() || got.ServerName != "a.test" {
		w.Errorf("paused: %+v", got)
	}
	n := newTask("run")
	if due, _, err := w.DueSchedules(w.ctx, 9); err != nil || len(due) != 0 || w.fire(s, s.NextRun, &n, "") {
		w.Errorf("due %+v, %v; or fired by who read it before", due, err)
	}
	// A new configuration changes nothing of it, whatever it says of when.
	for _, text := range []string{"0 7 * * *", "0 8 * * *"} {
		c := config("paused "+text, "a.test")
		again := s
		again.Cron, again.NextRun = text, time.Time{}
		c.Schedules = []fleet.ConfiguredSchedule{{ServerName: "a.test", Schedule: again}}
		w.ok(second(w.Apply(w.ctx, c, true)))
		if kept := w.one(s.ID); kept.Pause != got.Pause || !kept.NextRun.IsZero() || kept.Cron != text {
			w.Errorf("after a new configuration: %+v", kept)
		}
	}
	w.ok(second(w.RunSchedule(w.ctx, s.ID)))
	resumed := value(w.ResumeSchedule(w.ctx, s.ID))(w)
	if resumed.Pause != (fleet.Pause{}) || !resumed.NextRun.After(time.Now()) || time.Until(resumed.NextRun) > 25*time.Hour || !resumed.NextDue.Equal(resumed.NextRun) {
		w.Errorf("resumed: %+v", resumed)
	}
	if again := value(w.ResumeSchedule(w.ctx, s.ID))(w); !again.NextRun.Equal(resumed.NextRun) {
		w.Errorf("resumed twice: %+v", again)
	}
	w.is(second(w.PauseSchedule(w.ctx, 99, p)), fault.NotFound)
	w.is(second(w.ResumeSchedule(w.ctx, 99)), fault.NotFound)
	p.Until = time.Now().Add(-time.Minute)
	w.is(second(w.PauseSchedule(w.ctx, s.ID, p)), fault.Invalid)
}

func schedulePauseEnds(w *world) {
	s := w.due(time.Minute)[0]
	until := time.Now().Add(50 * time.Hour)
	got := value(w.PauseSchedule(w.ctx, s.ID, fleet.Pause{Reason: "freeze", Until: until}))(w)
	if !got.NextRun.After(until) || got.NextRun.Sub(until) > 24*time.Hour || got.Pause.Until.Sub(until).Abs() > time.Millisecond {
		w.Errorf("paused: %+v", got)
	}
	if n := value(w.Tend(w.ctx))(w); n != 0 {
		w.Errorf("%d ended", n)
	}
	soon := time.Now().Add(30 * time.Millisecond)
	got = value(w.PauseSchedule(w.ctx, s.ID, fleet.Pause{Reason: "short", Until: soon}))(w)
	w.until("the end of the pause", func() bool { return value(w.Tend(w.ctx))(w) == 1 })
	if over := w.one(s.ID); over.Pause != (fleet.Pause{}) || !over.NextRun.Equal(got.NextRun) || time.Now().Before(soon.Add(-time.Millisecond)) {
		w.Errorf("over: %+v", over)
	}
}
