// SPDX-License-Identifier: Apache-2.0

package api

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job"
)

// A retry is another task that names the one it tries again; what is refused says why.
func TestRetry(t *testing.T) {
	t.Parallel()
	m := newMemory()
	m.tasks = append(m.tasks,
		fleet.Task{ID: 3, Name: "snapshot repos", Kind: fleet.KindRepoSnapshot, State: fleet.Failed, Queued: day},
		fleet.Task{ID: 4, Name: "snapshot x", Parent: 3, Kind: fleet.KindRepoSnapshot, State: fleet.Failed, Queued: day},
		fleet.Task{ID: 5, Name: "repo sync x", Parent: 1, Kind: fleet.KindRepoSync, State: fleet.Canceled, Queued: day},
	)
	o := m.options()
	o.Jobs = append([]job.Definition{{Kind: fleet.KindRepoSnapshot, Keeps: []string{"find"}}, {Kind: fleet.KindRepoSync, Alone: true}}, o.Jobs...)
	h := New(o)
	for _, test := range []struct {
		target string
		status int
		says   string
	}{
		{"/v1/tasks/1/retry", http.StatusCreated, `"retry_of":1,`},
		{"/v1/tasks/3/retry", http.StatusCreated, `"retry_of":3,`},
		{"/v1/tasks/5/retry", http.StatusCreated, `"parent_task_id":null`}, // a repository's sync can run alone
		{"/v1/tasks/2/retry", http.StatusConflict, "it is running"},
		{"/v1/tasks/4/retry", http.StatusConflict, "task 4 is a part of task 3"},
		{"/v1/tasks/99/retry", http.StatusNotFound, "there is no task 99"},
		{"/v1/tasks/x/retry", http.StatusUnprocessableEntity, "must be an integer"},
		{"/v1/tasks/1/retry?x=1", http.StatusUnprocessableEntity, "x"},
	} {
		before := len(m.tasks)
		got := ask(t, h, http.MethodPost, test.target, "")
		if got.status != test.status || !strings.Contains(got.body, test.says) {
			t.Errorf("%s: answered %d %s", test.target, got.status, got.body)
		}
		if queued := len(m.tasks) > before; queued != (test.status == http.StatusCreated) {
			t.Errorf("%s: queued %v", test.target, queued)
		}
		if keeps := []string{"find"}; test.target == "/v1/tasks/3/retry" && !slices.Equal(m.kept, keeps) {
			t.Errorf("kept: %v", m.kept)
		}
	}
	if got := ask(t, h, http.MethodPost, "/v1/tasks/4/retry", ""); !strings.Contains(got.body, "retry task 3") {
		t.Errorf("what to do instead: %s", got.body)
	}
}

// Only admins may, and it is in the audit log.
func TestRetryIsForAdmins(t *testing.T) {
	t.Parallel()
	rt := New(newMemory().options()) // the document says who may
	var document struct {
		Paths map[string]map[string]struct{ Description string }
	}
	if err := json.Unmarshal([]byte(ask(t, rt, http.MethodGet, "/openapi.json", "").body), &document); err != nil {
		t.Fatal(err)
	}
	if _, there := document.Paths["/v1/tasks/{id}/retry"]["post"]; !there {
		t.Fatal("the document does not have the route")
	}
	if route := (&api{}).retryRoute(); route.access != admins || !route.audited() {
		t.Errorf("route: %+v", route)
	}
}

// What is told of a task beside its state.
func TestNotesOfATask(t *testing.T) {
	t.Parallel()
	m := newMemory()
	task := &m.tasks[1]
	task.Retries, task.NextAttempt, task.RetryReason, task.WaitingFor = 2, day, "no answer", "Pulp task x"
	task.RetryOf, task.DoneIn, task.CancelRequested, task.CancelConfirmed = 1, 7, day, day.Add(time.Second)
	got := ask(t, New(m.options()), http.MethodGet, "/v1/tasks/2", "")
	want := `"retry_of":1,"done_in":7,"attempt":3,"next_attempt":"2026-11-23T09:10:14.123456Z","retry_reason":"no answer","waiting_for":"Pulp task x",` +
		`"cancel_requested":"2026-11-23T09:10:14.123456Z","cancel_confirmed":"2026-11-23T09:10:15.123456Z"`
	if !strings.Contains(got.body, want) {
		t.Errorf("answered %s", got.body)
	}
}
