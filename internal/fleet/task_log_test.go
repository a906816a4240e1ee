// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTaskLog(t *testing.T) {
	at := func(second int) time.Time { return time.Date(2026, 3, 1, 12, 0, second, 0, time.UTC) }
	task := Task{
		ID: 7, State: Failed, Server: 1, WorkerName: "w1", Queued: at(0), Started: at(1), Finished: at(9),
		Error: &TaskError{Msg: "1 of 2 failed", Detail: "look\nthere"},
	}
	stages := []Stage{
		{ID: 1, Name: "first", State: StageCompleted, Created: at(2), Updated: at(4), Detail: map[string]any{"msg": "done", "task_href": "/t/1/"}},
		{ID: 2, Name: "second", State: StageFailed, Created: at(5), Updated: at(8), Error: &TaskError{Msg: "404"}},
	}
	requests := []PulpRequest{
		{Stage: 1, Server: 1, Step: "sync", Attempt: 1, Correlation: "c1", Sent: at(3), Href: "/t/1/", State: RequestDone},
		{Stage: 2, Server: 1, Step: "sync", Attempt: 2, Correlation: "c2", Sent: at(6), State: RequestNotSent},
		{Stage: 2, Server: 1, Step: "sync", Attempt: 3, Correlation: "c3", Sent: at(7), State: RequestOpen},
	}
	parts := []Task{
		{ID: 8, Parent: 7, Name: "a", State: Canceled, Started: at(2), Finished: at(7), CancelRequested: at(6), CancelConfirmed: at(8)},
		{ID: 9, Parent: 7, Name: "b", State: Queued, Queued: at(2)},
	}
	want := []LogLine{
		{At: at(0), Level: "info", Msg: "task queued", Task: 7, Server: 1},
		{At: at(1), Level: "info", Msg: "task began", Task: 7, Server: 1, Worker: "w1"},
		{At: at(2), Level: "info", Msg: "stage began", Task: 7, Stage: "first"},
		{At: at(2), Level: "info", Msg: "part began", Task: 8, Name: "a"},
		{At: at(3), Level: "info", Msg: "asked Pulp, which is done", Task: 7, Stage: "first", Step: "sync", Attempt: 1, Server: 1, Correlation: "c1", PulpTask: "/t/1/"},
		{At: at(4), Level: "info", Msg: "stage completed", Task: 7, Stage: "first", PulpTask: "/t/1/", Why: "done"},
		{At: at(5), Level: "info", Msg: "stage began", Task: 7, Stage: "second"},
		{At: at(6), Level: "warn", Msg: "wanted to ask Pulp, which did not get it", Task: 7, Stage: "second", Step: "sync", Attempt: 2, Server: 1, Correlation: "c2"},
		{At: at(6), Level: "warn", Msg: "part is to be canceled", Task: 8, Name: "a"},
		{At: at(7), Level: "info", Msg: "asked Pulp, which is not done yet", Task: 7, Stage: "second", Step: "sync", Attempt: 3, Server: 1, Correlation: "c3"},
		{At: at(7), Level: "warn", Msg: "part canceled", Task: 8, Name: "a"},
		{At: at(8), Level: "error", Msg: "stage failed", Task: 7, Stage: "second", Why: "404"},
		{At: at(8), Level: "info", Msg: "part is over on Pulp too", Task: 8, Name: "a"},
		{At: at(9), Level: "error", Msg: "task failed", Task: 7, Server: 1, Worker: "w1", Why: "1 of 2 failed (look there)"},
	}
	if diff := cmp.Diff(want, TaskLog(task, stages, requests, parts)); diff != "" {
		t.Error(diff)
	}
	waits := Task{ID: 1, State: Running, Queued: at(0), Started: at(1), Updated: at(5), NextAttempt: at(60), RetryReason: "no answer"}
	lines := TaskLog(waits, []Stage{{Name: "s", State: StageRunning, Created: at(2), Updated: at(3)}}, nil, nil)
	if last := lines[len(lines)-1]; last.Msg != "task is tried again later" || last.Why != "no answer" || lines[len(lines)-2].Msg != "stage changed last" {
		t.Errorf("%+v", lines)
	}
}
