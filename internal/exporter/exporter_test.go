// SPDX-License-Identifier: Apache-2.0

package exporter

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// scrape gets the metrics, with a header of `name: value` where one is given.
func scrape(t *testing.T, h http.Handler, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	for _, text := range header {
		name, value, _ := strings.Cut(text, ": ")
		r.Header.Set(name, value)
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	if rec.Code != http.StatusOK {
		t.Fatalf("GET /metrics = %d", rec.Code)
	}
	return rec
}

// lines gives the samples whose name begins so.
func lines(text, prefix string) []string {
	var found []string
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, prefix) {
			found = append(found, strings.TrimSpace(line))
		}
	}
	return found
}

func TestOriginalsMetrics(t *testing.T) {
	h := Handler(Options{Fleet: oneOfEach(), Expect: expectDay, Settings: func() Settings { return Settings{PerRepository: Auto, Processes: true} }})
	text := scrape(t, h).Body.String()
	var got []string
	for _, f := range originals() {
		got = append(got, lines(text, f.name+"{")...)
	}
	want := []string{
		`pulp_manager_pulp_server_repo_sync_health_rollup{pulp_server_name="pulp-primary:80",repo_sync_health_rollup="red"} 1`,
		`pulp_manager_pulp_server_repo_sync_health_rollup{pulp_server_name="down.example.com",repo_sync_health_rollup="None"} 1`,
		`pulp_manager_pulp_server_repo_sync_health_rollup{pulp_server_name="new.example.com",repo_sync_health_rollup="None"} 1`,
		`pulp_manager_pulp_server_repo_sync_health_rollup_last_run_seconds{pulp_server_name="pulp-primary:80"} 259200`, // D122
		`pulp_manager_pulp_server_repo_sync_health_rollup_last_run_seconds{pulp_server_name="down.example.com"} -1`,
		`pulp_manager_pulp_server_repo_sync_health_rollup_last_run_seconds{pulp_server_name="new.example.com"} -1`,
		`pulp_manager_pulp_server_repo_sync_health{pulp_server_name="pulp-primary:80",repo_name="ext-nodejs.org",repo_sync_health="red",has_remote="1"} 1`,
		`pulp_manager_pulp_server_repo_sync_health{pulp_server_name="pulp-primary:80",repo_name="own \"\\\n",repo_sync_health="None",has_remote="0"} 1`,
		`pulp_manager_pulp_server_repo_sync_health_last_run_seconds{pulp_server_name="pulp-primary:80",repo_name="ext-nodejs.org"} 93600`, // D27, D122
		`pulp_manager_pulp_server_repo_sync_health_last_run_seconds{pulp_server_name="pulp-primary:80",repo_name="own \"\\\n"} -1`,
	}
	for _, state := range fleet.TaskStates { // D123, D124
		n := map[fleet.TaskState]string{fleet.Completed: "5", fleet.Failed: "1"}[state]
		if n == "" {
			n = "0"
		}
		name := "pulp_manager_pulp_server_tasks_in_" + string(state) + "_state"
		want = append(want, name+`{pulp_server_name="pulp-primary:80"} `+n, name+`{pulp_server_name="down.example.com"} 0`, name+`{pulp_server_name="new.example.com"} 0`)
	}
	want = append(want,
		`pulp_manager_pulp_server_database_connection{pulp_server_name="pulp-primary:80"} 1`,
		`pulp_manager_pulp_server_database_connection{pulp_server_name="down.example.com"} 0`, // D125
		`pulp_manager_pulp_server_redis_connection{pulp_server_name="pulp-primary:80"} 0`,     // D121
		`pulp_manager_pulp_server_redis_connection{pulp_server_name="down.example.com"} 0`,
		`docker_container_status{container_name="one/api+worker"} 1`, // D126
		`docker_container_status{container_name="two/worker"} 0`,
	)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("samples (-want +got):\n%s", diff)
	}
}

func TestDockerContainersAreOffByDefault(t *testing.T) {
	if text := scrape(t, Handler(Options{Fleet: oneOfEach()})).Body.String(); strings.Contains(text, "docker_container_status") || !strings.Contains(text, "pulp_manager_store_up 1\n") {
		t.Error("docker_container_status is there, or nothing is")
	}
}

func TestOurMetrics(t *testing.T) {
	text := scrape(t, Handler(Options{Fleet: oneOfEach(), Expect: expectDay, Process: NewProcess("1.2.3")})).Body.String()
	for _, want := range []string{
		`pulp_manager_build_info{version="1.2.3"} 1`,
		`pulp_manager_processes{roles="api worker"} 1`,
		`pulp_manager_pulp_server_up{pulp_server_name="down.example.com"} 0`,
		`pulp_manager_pulp_server_oldest_pulp_task_seconds{pulp_server_name="pulp-primary:80"} 90`,
		`pulp_manager_pulp_server_pulp_tasks{pulp_server_name="pulp-primary:80",state="waiting"} 2`,
		`pulp_manager_pulp_server_storage_bytes{pulp_server_name="pulp-primary:80",kind="total"} 1099511627776`,
		`pulp_manager_pulp_server_response_seconds{pulp_server_name="pulp-primary:80"} 0.02`,
		`pulp_manager_pulp_server_breaker{pulp_server_name="pulp-primary:80"} 1`,
		`pulp_manager_pulp_server_breaker{pulp_server_name="down.example.com"} 2`,
		`pulp_manager_pulp_server_breaker{pulp_server_name="new.example.com"} 0`,
		`pulp_manager_pulp_server_repositories{pulp_server_name="pulp-primary:80",repo_sync_health="None"} 1`,
		`pulp_manager_queue_tasks 3`, `pulp_manager_queue_oldest_seconds 61`, `pulp_manager_running_tasks 2`,
		`pulp_manager_engine_jobs{state="available"} 3`, `pulp_manager_engine_jobs{state="discarded"} 0`,
		`pulp_manager_schedule_late_seconds{pulp_server_name="pulp-primary:80",repo_group="all",task_type="repo_group_sync"} 30`,
		`pulp_manager_schedule_late_seconds{pulp_server_name="pulp-primary:80",repo_group="",task_type="repo_creation_from_git"} 0`,
		`pulp_manager_schedule_failing{pulp_server_name="pulp-primary:80",repo_group="",task_type="repo_creation_from_git"} 1`,
		`pulp_manager_repository_last_success_age_seconds{pulp_server_name="pulp-primary:80",repo_name="ext-nodejs.org"} 180000`,
		`pulp_manager_repository_overdue_seconds{pulp_server_name="pulp-primary:80",repo_name="ext-nodejs.org"} 93600`,
	} {
		if !slices.Contains(lines(text, want[:20]), want) {
			t.Errorf("no %s", want)
		}
	}
	for _, not := range []string{
		`pulp_manager_pulp_server_up{pulp_server_name="new`, `schedule_failing{pulp_server_name="new`, `overdue_seconds{pulp_server_name="pulp-primary:80",repo_name="own`,
	} {
		if strings.Contains(text, not) {
			t.Errorf("there is %s", not)
		}
	}
}

func TestSeriesOfRepositories(t *testing.T) {
	for name, c := range map[string]struct {
		per   PerRepository
		fleet *told
		want  int
	}{
		"few":      {Auto, many(2, 10), 20},
		"unsaid":   {"", many(2, 10), 20},
		"as many":  {Auto, many(1, AutoMost), AutoMost},
		"too many": {Auto, many(1, AutoMost+1), 0},
		"on":       {On, many(1, AutoMost+1), AutoMost + 1},
		"off":      {Off, many(2, 10), 0},
	} {
		text := scrape(t, Handler(Options{Fleet: c.fleet, Settings: func() Settings { return Settings{PerRepository: c.per} }})).Body.String()
		if n := len(lines(text, "pulp_manager_pulp_server_repo_sync_health{")); n != c.want {
			t.Errorf("%s: %d series of repositories, want %d", name, n, c.want)
		}
		if n := len(lines(text, "pulp_manager_pulp_server_repositories{")); n != 4*len(c.fleet.vitals.Servers) {
			t.Errorf("%s: %d series of servers", name, n)
		}
	}
}

func TestStoreGone(t *testing.T) {
	text := scrape(t, Handler(Options{Fleet: &told{err: errGone}})).Body.String()
	if !strings.Contains(text, "\npulp_manager_store_up 0\n") || !strings.Contains(text, "\ngo_goroutines ") || strings.Contains(text, "pulp_manager_queue_tasks") {
		t.Errorf("metrics while the store is gone:\n%s", text)
	}
}

// The metrics of the fleet are not those of every process.
func TestProcessAlone(t *testing.T) {
	if text := scrape(t, Handler(Options{Process: NewProcess("1")})).Body.String(); strings.Contains(text, "pulp_manager_store_up") || !strings.Contains(text, "pulp_manager_build_info") {
		t.Error("a process without the fleet tells of it, or of nothing")
	}
}

func TestScrapesAtATimeShareALook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := oneOfEach()
		s.wait = make(chan struct{})
		h := Handler(Options{Fleet: s})
		gone, leave := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() {
			h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(gone, http.MethodGet, "/metrics", nil))
		})
		synctest.Wait()
		for range 5 {
			all.Go(func() {
				if text := scrape(t, h).Body.String(); !strings.Contains(text, "pulp_manager_store_up 1\n") {
					t.Error("a scrape that waited sees nothing")
				}
			})
		}
		synctest.Wait()
		leave() // who began the look goes away; the others do not notice
		synctest.Wait()
		close(s.wait)
		all.Wait()
		if n := s.asked.Load(); n != 1 {
			t.Errorf("the store was asked %d times", n)
		}
		scrape(t, h)
		if n := s.asked.Load(); n != 2 {
			t.Errorf("a scrape alone gets what an earlier one saw: asked %d times", n)
		}
	})
}

// A store that hangs holds nobody up for ever.
func TestLookTakesItsTimeAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := oneOfEach()
		s.wait = make(chan struct{})
		began := time.Now()
		text := scrape(t, Handler(Options{Fleet: s})).Body.String()
		if !strings.Contains(text, "pulp_manager_store_up 0\n") || time.Since(began) != lookTime {
			t.Errorf("after %s: %s", time.Since(began), text)
		}
	})
}

// parsed reads what was scraped.
func parsed(t *testing.T, rec *httptest.ResponseRecorder) map[string]*dto.MetricFamily {
	t.Helper()
	all := map[string]*dto.MetricFamily{}
	decoder := expfmt.NewDecoder(rec.Body, expfmt.ResponseFormat(rec.Header()))
	for {
		f := &dto.MetricFamily{}
		err := decoder.Decode(f)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("%s: %v", rec.Header().Get("Content-Type"), err)
		}
		if all[f.GetName()] != nil {
			t.Errorf("%s is there twice", f.GetName())
		}
		all[f.GetName()] = f
	}
}

// fleetText is what was scraped of the fleet, as text.
func fleetText(t *testing.T, all map[string]*dto.MetricFamily) string {
	t.Helper()
	var b strings.Builder
	for i := range families {
		if f := all[families[i].name]; f != nil && f.GetName() != "pulp_manager_store_look_seconds" {
			if _, err := expfmt.MetricFamilyToText(&b, f); err != nil {
				t.Fatal(err)
			}
		}
	}
	return b.String()
}

func TestFormatsSayTheSame(t *testing.T) {
	h := Handler(Options{Fleet: oneOfEach(), Expect: expectDay})
	plain := scrape(t, h)
	binary := scrape(t, h, "Accept: application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited")
	if got := binary.Header().Get("Content-Type"); !strings.HasPrefix(got, "application/vnd.google.protobuf") {
		t.Fatalf("Content-Type: %s", got)
	}
	ours := fleetText(t, parsed(t, binary))
	if diff := cmp.Diff(fleetText(t, parsed(t, plain)), ours); diff != "" || strings.Count(ours, "# TYPE") < 30 {
		t.Errorf("text and binary (-text +binary):\n%s", diff)
	}
	open := scrape(t, h, "Accept: application/openmetrics-text; version=1.0.0")
	if text := open.Body.String(); !strings.HasSuffix(text, "\n# EOF\n") || strings.Count(text, "# EOF") != 1 || !strings.Contains(text, "\npulp_manager_queue_tasks 3\n") {
		t.Errorf("OpenMetrics: %s", text)
	}
	packed := scrape(t, h, "Accept-Encoding: gzip")
	zip, err := gzip.NewReader(packed.Body)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(zip)
	if err != nil || !strings.Contains(string(text), "\npulp_manager_queue_tasks 3\n") {
		t.Errorf("gzip: %v", err)
	}
}
