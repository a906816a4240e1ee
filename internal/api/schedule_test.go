// SPDX-License-Identifier: Apache-2.0

package api

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSchedules(t *testing.T) {
	const schedule2 = `"id":2,"name":"repo sync pulp2.example.com:8080","pulp_server_id":2,"pulp_server_name":"pulp2.example.com:8080","repo_group_id":1,
		"repo_group_name":"internal","task_type":"repo_group_sync","cron":"TZ=UTC 0 5 * * *","max_runtime":"3600","next_run":"2026-11-24T05:00:00Z",
		"last_run":"2026-11-23T09:10:14.123456Z","last_task_id":1,"last_outcome":"queued","jitter":0,"overlap":"skip","missed":"once","blackouts":[],"next_due":null,"last_due":null,"waiting_task_id":null,
		"paused":false,"paused_at":null,"paused_until":null,"paused_by":null,"pause_reason":null`
	var planned []string
	for _, day := range []string{"11-24", "11-25", "11-26", "11-27", "11-28", "11-29", "11-30", "12-01", "12-02", "12-03"} {
		planned = append(planned, fmt.Sprintf(`{"due":"2026-%[1]sT05:00:00Z","run":"2026-%[1]sT05:00:00Z","blackout":null}`, day))
	}
	h := New(newMemory().options())
	for target, want := range map[string]string{
		"/v1/schedules/?page=2&page_size=1": `{"items":[{` + schedule2 + `}],"total":2,"page":2,"page_size":1}`,
		"/v1/schedules/2": `{` + schedule2 + `,"task_args":{"name":"pulp2.example.com:8080","regex_include":"^int","regex_exclude":"^int-secret","max_runtime":"1h",
			"max_concurrent_syncs":2,"source_pulp_server_name":"pulp1.example.com","sync_options":null},"next_runs":["2026-11-24T05:00:00Z","2026-11-25T05:00:00Z",
			"2026-11-26T05:00:00Z","2026-11-27T05:00:00Z","2026-11-28T05:00:00Z","2026-11-29T05:00:00Z","2026-11-30T05:00:00Z","2026-12-01T05:00:00Z",
			"2026-12-02T05:00:00Z","2026-12-03T05:00:00Z"],"planned_runs":[` + strings.Join(planned, ",") + `]}`,
	} {
		got := ask(t, h, http.MethodGet, target, "")
		if got.status != http.StatusOK {
			t.Fatalf("%s: answered %d: %s", target, got.status, got.body)
		}
		if diff := cmp.Diff(plain(t, want), plain(t, got.body)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", target, diff)
		}
	}
	if got := ask(t, h, http.MethodGet, "/v1/schedules/99", ""); got.status != http.StatusNotFound {
		t.Errorf("answered %d: %s", got.status, got.body)
	}
}
