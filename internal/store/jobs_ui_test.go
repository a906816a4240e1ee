// SPDX-License-Identifier: Apache-2.0

package store_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/store/storecontract"
)

func TestJobsUIShowsJobsAndChangesNone(t *testing.T) {
	for name, open := range storecontract.Databases(t) {
		t.Run(name, func(t *testing.T) {
			s := open(t, 0)
			task, err := s.Enqueue(t.Context(), fleet.NewTask{Name: "shown", Kind: fleet.KindRepoGroupSync, Args: map[string]int{"a": 1}, MaxRuntime: time.Hour})
			if err != nil {
				t.Fatal(err)
			}
			var log bytes.Buffer
			ui, err := s.JobsUI("/jobs", slog.New(slog.NewTextHandler(&log, nil)))
			if err != nil {
				t.Fatal(err)
			}
			ask := func(method, target, body string) *httptest.ResponseRecorder {
				r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
				r.Header.Set("Accept", "text/html,application/json")
				w := httptest.NewRecorder()
				ui.ServeHTTP(w, r)
				return w
			}

			page := ask(http.MethodGet, "/jobs/", "")
			assets := regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllStringSubmatch(page.Body.String(), -1)
			if page.Code != http.StatusOK || len(assets) < 4 {
				t.Fatalf("page: answered %d: %s", page.Code, page.Body)
			}
			for _, asset := range assets {
				if got := ask(http.MethodGet, asset[1], ""); got.Code != http.StatusOK || !strings.HasPrefix(asset[1], "/jobs/") {
					t.Errorf("%s: answered %d", asset[1], got.Code)
				}
			}
			if script := regexp.MustCompile(`<script[^>]*>`).FindAllString(page.Body.String(), -1); len(script) != 2 ||
				script[0] != `<script type="application/json" id="config__json">` || !strings.Contains(script[1], "src=") {
				t.Errorf("scripts in the page's text, which its policy forbids: %q", script)
			}

			jobs := func() string {
				got := ask(http.MethodGet, "/jobs/api/jobs?state=available", "")
				if got.Code != http.StatusOK {
					t.Fatalf("jobs: answered %d: %s", got.Code, got.Body)
				}
				return got.Body.String()
			}
			var list struct {
				Data []struct {
					ID   int64
					Args string
				}
			}
			before := jobs()
			if err := json.Unmarshal([]byte(before), &list); err != nil || len(list.Data) != 1 || !strings.Contains(list.Data[0].Args, strconv.FormatInt(int64(task.ID), 10)) {
				t.Fatalf("jobs: %s, %v; want the one of task %d", before, err, task.ID)
			}
			id := strconv.FormatInt(list.Data[0].ID, 10)
			for _, target := range []string{"/jobs/api/jobs/" + id, "/jobs/api/states", "/jobs/api/queues", "/jobs/api/features", "/jobs/api/autocomplete?facet=job_kind", "/jobs/jobs/" + id} {
				if got := ask(http.MethodGet, target, ""); got.Code != http.StatusOK {
					t.Errorf("%s: answered %d: %s", target, got.Code, got.Body)
				}
			}
			for _, change := range [][2]string{
				{"POST", "/jobs/api/jobs/cancel"},
				{"POST", "/jobs/api/jobs/delete"},
				{"POST", "/jobs/api/jobs/retry"},
				{"PUT", "/jobs/api/queues/default/pause"},
				{"PUT", "/jobs/api/queues/default/resume"},
				{"PATCH", "/jobs/api/queues/default"},
				{"DELETE", "/jobs/"},
			} {
				if got := ask(change[0], change[1], `{"ids":[`+id+`]}`); got.Code != http.StatusMethodNotAllowed || !strings.Contains(got.Body.String(), "PATCH /v1/tasks/{id}") {
					t.Errorf("%v: answered %d %s", change, got.Code, got.Body)
				}
			}
			if after := jobs(); after != before {
				t.Errorf("before:\n%s\nafter:\n%s", before, after)
			}
			if log.Len() > 0 {
				t.Errorf("log: %s", &log)
			}
		})
	}
}
