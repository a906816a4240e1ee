// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// madeRequests are requests that task 1 made.
type madeRequests struct{ fleet.PulpRequests }

func (madeRequests) TaskRequests(_ context.Context, id fleet.TaskID) ([]fleet.PulpRequest, error) {
	if id != 1 {
		return nil, nil
	}
	return []fleet.PulpRequest{
		{Stage: 9, Server: 1, Step: "sync", Attempt: 1, Correlation: "c1", Sent: day.Add(80 * time.Minute), Href: "/t/1/", State: fleet.RequestDone},
		{Stage: 9, Server: 99, Step: "sync", Attempt: 2, Correlation: "c2", Sent: day.Add(90 * time.Minute), State: fleet.RequestOpen},
	}, nil
}

// A task's log has its stages and requests, in the order of time; no result of a stage.
func TestTaskLog(t *testing.T) {
	t.Parallel()
	m := newMemory()
	o := m.options()
	o.Requests = madeRequests{}
	m.stages[0].Created, m.stages[0].Updated = day.Add(70*time.Minute), day.Add(100*time.Minute)
	h := New(o)
	got := ask(t, h, http.MethodGet, "/v1/tasks/1/log", "")
	want := []string{
		`{"lines":[`, `"msg":"task queued"`, `"msg":"task began","task":1,"worker":"vm"`, `"msg":"stage began","task":1,"stage":"reconcile repos"`,
		`"msg":"asked Pulp, which is done","task":1,"server":"pulp1.example.com","stage":"reconcile repos","step":"sync","attempt":1,"correlation_id":"c1","pulp_task":"/t/1/"`,
		`"msg":"asked Pulp, which is not done yet"`, `"msg":"stage completed"`, `"why":"done"`, `"level":"error","msg":"task failed"`, `"why":"1 of 1 failed (look at it)"`,
	}
	at := 0
	for _, text := range want {
		i := strings.Index(got.body[at:], text)
		if got.status != http.StatusOK || i < 0 {
			t.Fatalf("answered %d, without %s in its place: %s", got.status, text, got.body)
		}
		at += i
	}
	if strings.Contains(got.body, "secret") {
		t.Errorf("a result is shown: %s", got.body)
	}
	for target, status := range map[string]int{
		"/v1/tasks/2/log": http.StatusOK, "/v1/tasks/99/log": http.StatusNotFound, "/v1/tasks/x/log": http.StatusUnprocessableEntity, "/v1/tasks/1/log?x=1": http.StatusUnprocessableEntity,
	} {
		if got := ask(t, h, http.MethodGet, target, ""); got.status != status {
			t.Errorf("%s: answered %d, want %d: %s", target, got.status, status, got.body)
		}
	}
	if got := ask(t, New(m.options()), http.MethodGet, "/v1/tasks/1/log", ""); got.status != http.StatusOK || strings.Contains(got.body, "c1") {
		t.Errorf("where nobody knows requests: %d %s", got.status, got.body)
	}
}
