// SPDX-License-Identifier: Apache-2.0

package exporter

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// named finds names of metrics in a query; a histogram's parts are told by their ends.
var (
	named = regexp.MustCompile(`\b(pulp_manager|go|process)_[a-z0-9_]+`)
	part  = regexp.MustCompile(`_(bucket|sum|count)$`)
	rule  = regexp.MustCompile(`(?m)^\s+expr: (.*)$`)
)

// unknown gives the names in a query that are no metric's.
func unknown(query string, served map[string]bool) []string {
	var found []string
	for _, name := range named.FindAllString(query, -1) {
		if !served[name] && !served[part.ReplaceAllString(name, "")] {
			found = append(found, name)
		}
	}
	return found
}

func servedNames(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for name := range parsed(t, scrape(t, Handler(Options{Process: busy(t), Fleet: oneOfEach(), Expect: expectDay}))) {
		names[name] = true
	}
	return names
}

func TestAlertsAskForMetricsThatThereAre(t *testing.T) {
	text, err := os.ReadFile("../../deploy/prometheus/pulp-manager.rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	served := servedNames(t)
	rules := rule.FindAllStringSubmatch(string(text), -1)
	if alerts := strings.Count(string(text), "- alert: "); len(rules) != alerts || alerts < 5 {
		t.Errorf("%d queries of %d alerts", len(rules), alerts)
	}
	for _, r := range rules {
		if not := unknown(r[1], served); len(not) > 0 || !named.MatchString(r[1]) {
			t.Errorf("%s: there is no %v", r[1], not)
		}
	}
	if not := unknown("rate(pulp_manager_nothing_count[5m]) + pulp_manager_queue_tasks", served); len(not) != 1 {
		t.Errorf("unknown: %v", not)
	}
}

func TestDashboardsAskForMetricsThatThereAre(t *testing.T) {
	files, err := filepath.Glob("../../deploy/grafana/*.json")
	if err != nil || len(files) != 3 {
		t.Fatalf("dashboards %v, %v", files, err)
	}
	served := servedNames(t)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var board struct {
			UID    string `json:"uid"`
			Panels []struct {
				Title   string `json:"title"`
				Targets []struct {
					Expr string `json:"expr"`
				} `json:"targets"`
			} `json:"panels"`
		}
		if err := json.Unmarshal(text, &board); err != nil || board.UID == "" || len(board.Panels) < 5 {
			t.Errorf("%s: %v, %d panels", file, err, len(board.Panels))
		}
		for _, p := range board.Panels {
			if len(p.Targets) == 0 {
				t.Errorf("%s: %s asks for nothing", file, p.Title)
			}
			for _, query := range p.Targets {
				if not := unknown(query.Expr, served); len(not) > 0 || !named.MatchString(query.Expr) {
					t.Errorf("%s, %s: %q: there is no %v", file, p.Title, query.Expr, not)
				}
			}
		}
		if not := unknown(string(text), served); len(not) > 0 {
			t.Errorf("%s: there is no %v", file, not)
		}
	}
}
