// SPDX-License-Identifier: Apache-2.0

package storecontract

import (
	"slices"
	"strconv"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/store"
)

var engineJobs = []contract{
	{name: "the engine's jobs are listed by state", check: engineJobStates},
	{name: "a queue or a job that is not there", check: engineJobsUnknown},
	{name: "pages of jobs keep their total", check: engineJobPages},
}

// jobs gives the ids of a state's jobs.
func (w *world) jobs(state fleet.EngineJobState) []fleet.EngineJobID {
	w.Helper()
	page := value(w.FindEngineJobs(w.ctx, "default", state, fleet.Query{Page: 1, Size: 50}))(w)
	ids := []fleet.EngineJobID{}
	for _, j := range page.Items {
		ids = append(ids, j.ID)
		if j.State != state {
			w.Errorf("job %d among the %s ones is %s", j.ID, state, j.State)
		}
		one := value(w.EngineJob(w.ctx, j.ID))(w)
		if diff := cmp.Diff(j, one); diff != "" {
			w.Errorf("job %d, listed and alone:\n%s", j.ID, diff)
		}
	}
	if page.Total != len(ids) {
		w.Errorf("total %d, %d items", page.Total, len(ids))
	}
	return ids
}

// engineJobStates follows jobs through their states; queued ones are counted right (D41).
func engineJobStates(w *world) {
	server := w.servers("a.test")[0]
	good, bad := newTask("good"), newTask("bad")
	good.Server = server
	well := value(w.Enqueue(w.ctx, good))(w)
	ill := value(w.Enqueue(w.ctx, bad))(w)
	waiting := w.queued("waiting")
	w.queued("let go as done")
	if got := w.jobs(fleet.JobQueued); len(got) != 4 || !slices.IsSorted(got) {
		w.Errorf("queued: %v", got) // D41
	}
	job := value(w.EngineJob(w.ctx, w.jobs(fleet.JobQueued)[0]))(w)
	want := fleet.EngineJob{ID: job.ID, State: fleet.JobQueued, Task: w.task(well.ID), Server: "a.test", Enqueued: job.Enqueued}
	if diff := cmp.Diff(want, job); diff != "" || time.Since(job.Enqueued).Abs() > time.Minute || job.Enqueued.Location() != time.UTC {
		w.Errorf("queued job (-want +got):\n%s", diff)
	}

	e := w.engine(0)
	for range 4 {
		<-e.taken
	}
	if got := w.jobs(fleet.JobStarted); len(got) != 4 {
		w.Errorf("started: %v", got)
	}
	// All four end, each in its way.
	for task, to := range map[fleet.TaskID]fleet.TaskState{well.ID: fleet.Completed, ill.ID: fleet.Failed} {
		_, lease := w.claim(task, "me")
		w.ok(second(w.Transition(w.ctx, lease, task, to, map[fleet.TaskState]*fleet.TaskError{fleet.Failed: {Msg: "it broke"}}[to])))
	}
	w.ok(second(w.Cancel(w.ctx, waiting.ID)))
	e.stop()
	w.until("the engine to note what ended", func() bool { return len(w.jobs(fleet.JobStarted)) == 0 })
	if got := w.jobs(fleet.JobFinished); len(got) != 2 { // that of the one that was let go is done, whatever its task is
		w.Errorf("finished: %v", got)
	}
	failed := w.jobs(fleet.JobFailed)
	if len(failed) != 2 {
		w.Fatalf("failed: %v", failed)
	}
	broken := value(w.EngineJob(w.ctx, failed[0]))(w)
	if broken.Task.ID != ill.ID || broken.Task.Error == nil || broken.Ended.IsZero() || broken.Started.IsZero() {
		w.Errorf("failed job %+v", broken)
	}
	counts := value(w.CountEngineJobs(w.ctx, "default"))(w)
	none := map[fleet.EngineJobState]int{fleet.JobQueued: 0, fleet.JobDeferred: 0, fleet.JobStarted: 0, fleet.JobFinished: 2, fleet.JobFailed: 2}
	if diff := cmp.Diff(none, counts); diff != "" {
		w.Errorf("counts (-want +got):\n%s", diff)
	}

	// One that is handed back for a while is deferred.
	again := w.engine(0)
	w.queued("handed back")
	<-again.taken
	again.finish(store.HandBack{After: time.Hour})
	w.until("the job to be deferred", func() bool { return len(w.jobs(fleet.JobDeferred)) == 1 })
}

func engineJobsUnknown(w *world) {
	w.is(second(w.CountEngineJobs(w.ctx, "other")), fault.NotFound) // D35
	w.is(second(w.FindEngineJobs(w.ctx, "other", fleet.JobQueued, fleet.Query{})), fault.NotFound)
	w.is(second(w.EngineJob(w.ctx, 99)), fault.NotFound)
	if queues := value(w.EngineQueues(w.ctx))(w); !slices.Equal(queues, []string{"default"}) {
		w.Errorf("queues %v", queues)
	}
	if counts := value(w.CountEngineJobs(w.ctx, "default"))(w); counts[fleet.JobQueued] != 0 || len(counts) != len(fleet.EngineJobStates) {
		w.Errorf("counts %v", counts)
	}
}

func engineJobPages(w *world) {
	for i := range 5 {
		w.queued("task " + strconv.Itoa(i))
	}
	page := value(w.FindEngineJobs(w.ctx, "default", fleet.JobQueued, fleet.Query{Page: 2, Size: 2, Desc: true}))(w)
	if page.Total != 5 || len(page.Items) != 2 || page.Items[0].Task.Name != "task 2" {
		w.Errorf("page %+v", page)
	}
	beyond := value(w.FindEngineJobs(w.ctx, "default", fleet.JobQueued, fleet.Query{Page: 99, Size: 2}))(w)
	if beyond.Total != 5 || len(beyond.Items) != 0 { // D42
		w.Errorf("beyond the end %+v", beyond)
	}
	later := value(w.FindEngineJobs(w.ctx, "default", fleet.JobQueued, fleet.Query{Page: 1, Size: 9, Filters: []fleet.Filter{
		{Field: "enqueued_at", Op: fleet.Less, Value: time.Now().Add(-time.Hour)},
	}}))(w)
	long := value(w.FindEngineJobs(w.ctx, "default", fleet.JobQueued, fleet.Query{Page: 1, Size: 9, Filters: []fleet.Filter{
		{Field: "timeout", Value: int64(3600)},
	}}))(w)
	if later.Total != 0 || long.Total != 5 {
		w.Errorf("%d queued an hour ago, %d that may take an hour", later.Total, long.Total)
	}
	if _, err := w.FindEngineJobs(w.ctx, "default", fleet.JobQueued, fleet.Query{Sort: "args"}); !fault.Is(err, fault.Invalid) {
		w.Errorf("sorted by args: %v", err)
	}
}
