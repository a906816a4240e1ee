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

type embeddedStates = fleet.ServerStates

type memStates struct {
	embeddedStates
	all map[fleet.ServerID]fleet.ServerState
}

func (m memStates) ServerStates(context.Context) (map[fleet.ServerID]fleet.ServerState, error) {
	return m.all, nil
}

// TestServerState: what is known of a server is shown, and what is not is null.
func TestServerState(t *testing.T) {
	o := newMemory().options()
	free := int64(7)
	o.States = memStates{all: map[fleet.ServerID]fleet.ServerState{
		1: {
			Server: 1, Checked: day, Reachable: false, Since: day, Problem: "cannot connect", Versions: map[string]string{"core": "3.1"}, NoWorkerSince: day,
			TasksWaiting: 4, OldestWaiting: day, StorageFree: &free, ResponseTime: 1500 * time.Millisecond,
			Use: fleet.ServerUse{Breaker: fleet.BreakerOpen, Since: day, Why: "refused", Waiting: 3, Syncs: 2, Concurrency: 5},
		},
	}}
	h := New(o)
	got := ask(t, h, http.MethodGet, "/v1/pulp_servers/1/state", "")
	for _, part := range []string{
		`"reachable":false`, `"since":"2026-11-23T09:10:14.123456Z"`, `"problem":"cannot connect"`, `"online_workers":0`, `"no_worker_since":"2026`, `"pulp_tasks_waiting":4`,
		`"response_seconds":1.5`, `"free":7`, `"total":null`, `"versions":{"core":"3.1"}`, `"breaker":{"state":"open","since":"2026-11-23T09:10:14.123456Z","why":"refused","waiting":3}`, `"syncs":2`, `"concurrency":5`,
	} {
		if got.status != http.StatusOK || !strings.Contains(got.body, part) {
			t.Errorf("answered %d without %s: %s", got.status, part, got.body)
		}
	}
	unknown := ask(t, h, http.MethodGet, "/v1/pulp_servers/2/state", "")
	for _, part := range []string{`"checked_at":null`, `"reachable":null`, `"online_workers":null`, `"versions":{}`, `"state":"closed"`, `"concurrency":null`} {
		if unknown.status != http.StatusOK || !strings.Contains(unknown.body, part) {
			t.Errorf("answered %d without %s: %s", unknown.status, part, unknown.body)
		}
	}
	if list := ask(t, h, http.MethodGet, "/v1/pulp_servers/", ""); !strings.Contains(list.body, `"reachable":false,"online_workers":0,"pulp_tasks_waiting":4`) ||
		!strings.Contains(list.body, `"reachable":null,"online_workers":null,"pulp_tasks_waiting":null`) {
		t.Errorf("list: %s", list.body)
	}
	for _, target := range []string{"/v1/pulp_servers/3/state", "/v1/pulp_servers/99/state"} {
		if got := ask(t, h, http.MethodGet, target, ""); got.status != http.StatusNotFound {
			t.Errorf("%s answered %d", target, got.status)
		}
	}
}
