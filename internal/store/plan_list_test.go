// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// smallTables are tables that a list may be read whole from, by alias: they do not grow with repositories or tasks.
var smallTables = map[string]string{
	"s": "servers", "o": "servers", "sg": "groups of a server", "g": "groups", "sc": "schedules", "j": "the engine forgets jobs after a day",
	"pr": "processes",
}

// allowed are the places where a list of a growing table is read whole or sorted in memory, and why. What is read in order until
// a page is full, and the total of a list without filters, need no place.
var allowed = []struct{ list, fields, uses, reason string }{
	{
		"all repositories", `base_path date_created date_last_updated distribution_href drift_date drifted last_attempt last_attempt_state last_success
			latest_version managed packages remote_feed remote_href repo_href repo_sync_health_date served_publication served_version unwanted`,
		"is in range pattern sort", "looked for on all servers at once they are worth no index, which each write would pay for: the table is read once",
	},
	{"all repositories", "repo_sync_health repo_type", "pattern", "one of few values: the index is read once"},
	{"all repositories", "repo_sync_health_id", "is in range sort", "the original's number of a value; repo_sync_health has an index"},
	{"all repositories", "name", "pattern range", "names are matched before the repositories that bear them, of which there are many more; those found are sorted"},
	{
		"repositories of a server", `base_path date_created date_last_updated distribution_href drift_date drifted last_attempt last_attempt_state last_success
			latest_version managed packages remote_feed remote_href repo_href repo_sync_health_date repo_sync_health_id served_publication
			served_version unwanted`,
		"sort", "one server's repositories are few thousands",
	},
	{"repositories of a server", "name", "range", "those found are sorted"},
	{"tasks", "task_args error", "is in range pattern sort", "texts of any length: each task is looked at"},
	{"tasks", "repo_id", "is in range sort", "looked up for each task; pulp_server_repo_id has an index"},
	{"tasks", "state_id task_type_id", "is in range sort", "the original's numbers of values; state and task_type have an index"},
	{"tasks", "state task_type name worker_name worker_job_id", "pattern", "the index is read once"},
	{"tasks", "state task_type name", "range", "in the order of ids until the page is full"},
	{"tasks", "state", "in", "those found are sorted"},
	{"tasks", "date_created date_last_updated", "is in range sort", "only the original sorts by them; date_queued, date_started and date_finished have an index"},
}

// allows gives the reason for what a list does, and notes that there is need for it.
func allows(used map[string]bool, list, field, use string) bool {
	for _, a := range allowed {
		if a.list == list && slices.Contains(strings.Fields(a.fields), field) && slices.Contains(strings.Fields(a.uses), use) {
			used[a.list+a.fields+field], used[a.list+a.fields+use] = true, true
			return true
		}
	}
	return false
}

// wholeTable is a line of a plan that reads a whole table or a whole index, sorted one that sorts.
var (
	wholeTable = regexp.MustCompile(`^SCAN (\w+)`)
	sortedHere = regexp.MustCompile(`^USE TEMP B-TREE FOR ORDER BY`)
)

// Every filter and every order of every list is answered from an index, but for the places that are named.
func TestListsUseIndexes(t *testing.T) {
	s, seen := recorded(t)
	ctx := t.Context()
	server := oneServer(t, s)
	must(t, s.Mirror(ctx, server, []fleet.Repository{{Name: "r", Type: "deb"}}, nil))
	must(t, second(s.Enqueue(ctx, fleet.NewTask{Name: "x", Kind: fleet.KindRepoGroupSync, MaxRuntime: time.Hour})))
	lists := map[string]func(context.Context, fleet.Query) error{
		"servers": func(ctx context.Context, q fleet.Query) error { return second(s.FindServers(ctx, q)) },
		"groups":  func(ctx context.Context, q fleet.Query) error { return second(s.FindServerGroups(ctx, server, q)) },
		"repositories of a server": func(ctx context.Context, q fleet.Query) error {
			return second(s.FindRepositories(ctx, server, q))
		},
		"all repositories": func(ctx context.Context, q fleet.Query) error { return second(s.FindRepositories(ctx, 0, q)) },
		"tasks":            func(ctx context.Context, q fleet.Query) error { return second(s.FindTasks(ctx, q)) },
		"schedules":        func(ctx context.Context, q fleet.Query) error { return second(s.FindListedSchedules(ctx, q)) },
		"processes":        func(ctx context.Context, q fleet.Query) error { return second(s.FindProcesses(ctx, q)) },
		"jobs": func(ctx context.Context, q fleet.Query) error {
			return second(s.FindEngineJobs(ctx, "default", fleet.JobQueued, q))
		},
	}
	queries, used := 0, map[string]bool{}
	look := func(list, field, use string, q fleet.Query) bool {
		*seen = nil
		q.Page, q.Size = 1, 50
		if lists[list](ctx, q) != nil {
			return false // a value of another type
		}
		for _, query := range *seen {
			queries++
			lines := plan(t, s, query)
			sorted := slices.ContainsFunc(lines, sortedHere.MatchString)
			for _, line := range lines {
				scan := wholeTable.FindStringSubmatch(line)
				small := scan != nil && smallTables[scan[1]] != "" || !strings.Contains(query, `"tasks"`) && !strings.Contains(query, `"repositories"`)
				if small || scan == nil && !sortedHere.MatchString(line) || len(q.Filters) == 0 && !sorted {
					continue
				}
				if !allows(used, list, field, use) {
					t.Errorf("%s: %s: %s: %s\n\tin %s", list, field, use, line, query)
				}
			}
		}
		return true
	}
	for name, ask := range lists {
		err := ask(ctx, fleet.Query{Sort: "nonsense"})
		_, known, _ := strings.Cut(fault.Hint(err), "known are: ")
		look(name, "", "all", fleet.Query{})
		for field := range strings.SplitSeq(known, ", ") {
			taken := 0
			for _, value := range []any{"green", "queued", int64(3), true, time.Now()} {
				for op, what := range map[fleet.Op]string{fleet.Equal: "is", fleet.In: "in", fleet.AtLeast: "range", fleet.Match: "pattern", fleet.Like: "pattern"} {
					given := value
					if op == fleet.In {
						given = []any{value, value}
					}
					if look(name, field, what, fleet.Query{Filters: []fleet.Filter{{Field: field, Op: op, Value: given}}}) {
						taken++
					}
				}
			}
			if taken < 3 {
				t.Errorf("%s: %s takes %d values", name, field, taken)
			}
			for _, desc := range []bool{false, true} {
				look(name, field, "sort", fleet.Query{Sort: field, Desc: desc})
			}
		}
	}
	if queries < 900 {
		t.Errorf("only %d queries were seen", queries)
	}
	for _, a := range allowed {
		for _, word := range append(strings.Fields(a.fields), strings.Fields(a.uses)...) {
			if !used[a.list+a.fields+word] {
				t.Errorf("%s: %s is allowed, but not needed", a.list, word)
			}
		}
	}
}
