// SPDX-License-Identifier: Apache-2.0

package storecontract

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/fleet"
)

var schedules = []contract{
	{name: "due schedules come oldest first", check: schedulesDue},
	{name: "a schedule fires once and queues its task", check: scheduleFires},
	{name: "a skipped tick is recorded", check: scheduleSkips},
	{name: "of many schedulers one fires", check: scheduleRace},
	{name: "a tick that cannot be queued stays due", check: scheduleRollback},
}

// due applies a configuration with one schedule a server and gives them.
func (w *world) due(ages ...time.Duration) []fleet.Schedule {
	w.Helper()
	names := []fleet.ServerName{"a.test", "b.test", "c.test", "d.test"}[:len(ages)]
	c := config(fmt.Sprint("due ", ages), names...)
	for i, age := range ages {
		s := fleet.Schedule{
			Kind: fleet.KindRegister, Cron: "TZ=UTC 0 3 * * *", TaskName: string(names[i]) + " repo registration", Args: []byte(`{"x":1}`),
			MaxRuntime: time.Hour,
		}
		if age == 0 {
			s.Cron = "never"
		} else {
			s.NextRun = time.Now().Add(-age).UTC().Truncate(time.Microsecond)
		}
		c.Schedules = append(c.Schedules, fleet.ConfiguredSchedule{ServerName: names[i], Schedule: s})
	}
	w.ok(second(w.Apply(w.ctx, c, true)))
	all, err := w.FindSchedules(w.ctx, 0)
	w.ok(err)
	return all
}

// fire fires one schedule, and tells whether it did.
func (w *world) fire(s fleet.Schedule, next time.Time, n *fleet.NewTask, skipped string) bool {
	w.Helper()
	return value(w.Fire(w.ctx, []fleet.Firing{{Schedule: s, NextRun: next, NextDue: next, Task: n, Skipped: skipped}}))(w)[0]
}

func schedulesDue(w *world) {
	all := w.due(time.Minute, time.Hour, -time.Hour, 0)
	got, now, err := w.DueSchedules(w.ctx, 10)
	w.ok(err)
	if diff := cmp.Diff([]fleet.Schedule{all[1], all[0]}, got); diff != "" {
		w.Errorf("due (-want +got):\n%s", diff)
	}
	if now.Location() != time.UTC || time.Since(now).Abs() > time.Minute {
		w.Errorf("now %v", now)
	}
	if got, _, err := w.DueSchedules(w.ctx, 1); err != nil || len(got) != 1 || got[0].ID != all[1].ID {
		w.Errorf("the oldest: %+v, %v", got, err)
	}
	if never := all[3]; !never.NextRun.IsZero() {
		w.Errorf("without a next run: %+v", never)
	}
}

func scheduleFires(w *world) {
	s := w.due(time.Minute)[0]
	next := s.NextRun.Add(24 * time.Hour)
	n := newTask(s.TaskName)
	n.Server = s.Server
	if !w.fire(s, next, &n, "") {
		w.Fatal("not fired")
	}
	if w.fire(s, next, &n, "") {
		w.Fatal("fired twice")
	}
	all := value(w.FindTasks(w.ctx, fleet.Query{Page: 1, Size: 9, Filters: []fleet.Filter{{Field: "schedule_id", Value: int64(s.ID)}}}))(w)
	if all.Total != 1 || all.Items[0].State != fleet.Queued || all.Items[0].Schedule != s.ID || all.Items[0].Server != s.Server {
		w.Errorf("tasks %+v", all)
	}
	got := value(w.FindSchedules(w.ctx, s.Server))(w)[0]
	if !got.NextRun.Equal(next) || got.LastTask != all.Items[0].ID || got.LastOutcome != "queued" || time.Since(got.LastRun).Abs() > time.Minute {
		w.Errorf("schedule %+v", got)
	}
	e := w.engine(0)
	if first := <-e.taken; first.task != got.LastTask {
		w.Errorf("taken: %+v", first)
	}
	if !w.fire(got, time.Time{}, &n, "") {
		w.Error("not fired for the last time")
	}
	if due, _, err := w.DueSchedules(w.ctx, 10); err != nil || len(due) != 0 {
		w.Errorf("due: %+v, %v", due, err)
	}
}

func scheduleSkips(w *world) {
	s := w.due(time.Minute)[0]
	why := "task 7 of the tick before still runs"
	if !w.fire(s, s.NextRun.Add(time.Hour), nil, why) {
		w.Fatal("not fired")
	}
	all := value(w.FindTasks(w.ctx, fleet.Query{Page: 1, Size: 9}))(w)
	if all.Total != 1 {
		w.Fatalf("tasks %+v", all)
	}
	task := all.Items[0]
	want := fleet.Task{
		ID: task.ID, Name: s.TaskName, Kind: s.Kind, Args: s.Args, State: fleet.Skipped, Error: &fleet.TaskError{Msg: why}, Server: s.Server,
		Schedule: s.ID, MaxRuntime: s.MaxRuntime, Queued: task.Queued, Finished: task.Finished, Created: task.Created, Updated: task.Updated,
	}
	if diff := cmp.Diff(want, task); diff != "" || task.Finished.IsZero() {
		w.Errorf("task (-want +got):\n%s", diff)
	}
	got := value(w.FindSchedules(w.ctx, 0))(w)[0]
	if got.LastOutcome != why || got.LastTask != 0 || got.LastRun.IsZero() {
		w.Errorf("schedule %+v", got)
	}
	if n := w.swept(); n != 0 {
		w.Errorf("%d handed out", n)
	}
}

func scheduleRace(w *world) {
	s := w.due(time.Minute)[0]
	var fired atomic.Int32
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			n := newTask("tick")
			ok, err := w.Fire(w.ctx, []fleet.Firing{{Schedule: s, NextRun: s.NextRun.Add(time.Hour), Task: &n}})
			if err != nil {
				w.Errorf("fire: %v", err)
			}
			if err == nil && ok[0] {
				fired.Add(1)
			}
		})
	}
	wait.Wait()
	if all := value(w.FindTasks(w.ctx, fleet.Query{}))(w); all.Total != 1 || fired.Load() != 1 {
		w.Errorf("%d fired, %d tasks", fired.Load(), all.Total)
	}
}

func scheduleRollback(w *world) {
	s := w.due(time.Minute)[0]
	bad := newTask("tick")
	bad.Server = 99
	fired, err := w.Fire(w.ctx, []fleet.Firing{{Schedule: s, NextRun: s.NextRun.Add(time.Hour), Task: &bad}})
	if err == nil || fired != nil {
		w.Errorf("fired %v, %v", fired, err)
	}
	if due, _, err := w.DueSchedules(w.ctx, 10); err != nil || len(due) != 1 {
		w.Errorf("due: %+v, %v", due, err)
	}
}
