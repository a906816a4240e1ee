// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/store"
)

// invariants gives what must never be, whatever was broken: a task that is not over, work that was lost or done twice, a
// verdict that is not its children's, a lock that is left, a repository that is not served.
func (w *world) invariants(ctx context.Context) []string {
	var broken []string
	fail := func(format string, args ...any) { broken = append(broken, fmt.Sprintf(format, args...)) }
	s, err := store.Open(ctx, store.Options{DatabaseURL: w.database, NoMigrate: true})
	if err != nil {
		return []string{fmt.Sprintf("the database cannot be looked at: %v", err)}
	}
	defer func() { _ = s.Close() }()
	page, err := s.FindTasks(ctx, fleet.Query{Page: 1, Size: 100_000})
	if err != nil {
		return []string{err.Error()}
	}
	recorded := map[string]fleet.PulpRequest{}
	parts := map[fleet.TaskID][]fleet.Task{}
	for _, t := range page.Items {
		if !t.State.Final() {
			fail("task %d (%s) is %s", t.ID, t.Name, t.State)
		}
		if t.Parent != 0 {
			parts[t.Parent] = append(parts[t.Parent], t)
		}
		stages, err := s.Stages(ctx, t.ID)
		if err != nil {
			return append(broken, err.Error())
		}
		for _, stage := range stages {
			rows, err := s.Requests(ctx, stage.ID)
			if err != nil {
				return append(broken, err.Error())
			}
			for _, row := range rows {
				recorded[row.Correlation] = row
				if row.State == fleet.RequestOpen {
					fail("request %q of task %d is still open", row.Step, row.Task)
				}
			}
		}
	}
	for _, t := range page.Items {
		w.verdict(t, parts[t.ID], fail)
	}
	locks, err := s.FindLocks(ctx, 0)
	if len(locks) > 0 || err != nil {
		fail("locks left: %+v %v", locks, err)
	}
	for _, site := range w.sites {
		w.servedBy(site, recorded, fail)
	}
	var atWork int
	err = w.query(ctx, `SELECT count(*) FROM river_job WHERE state NOT IN ('completed', 'discarded', 'cancelled') AND coalesce(attempted_at, scheduled_at) < now() - interval '45 seconds'`, &atWork)
	if err != nil || atWork > 0 {
		fail("%d jobs of the engine look as if they were at work: %v", atWork, err)
	}
	return broken
}

// verdict compares a task with its parts.
func (w *world) verdict(t fleet.Task, parts []fleet.Task, fail func(string, ...any)) {
	if t.Parent != 0 || t.Kind != fleet.KindRepoGroupSync || t.State == fleet.Skipped {
		return
	}
	seen, good := map[fleet.RepositoryID]int{}, true
	for _, c := range parts {
		seen[c.Repository]++
		good = good && c.State.Good()
	}
	for id, n := range seen {
		if n > 1 {
			fail("task %d has %d parts for repository %d", t.ID, n, id)
		}
	}
	want := w.repos
	if n, ok := w.parts[int64(t.ID)]; ok {
		want = n
	}
	if t.Schedule == 0 && len(parts) != want {
		fail("task %d has %d parts, want %d", t.ID, len(parts), want)
	}
	if good != (t.State == fleet.Completed) {
		fail("task %d is %s, its parts say %t", t.ID, t.State, good)
	}
	if t.State != fleet.Completed {
		fail("task %d (%s) is %s although nothing was wrong with it: %+v", t.ID, t.Name, t.State, t.Error)
	}
}

// heads are the files by which clients verify everything else, and what is in a repository besides, by type.
var heads = []struct{ head, part string }{{"PULP_MANIFEST", "two.txt"}, {"repodata/repomd.xml", "bear"}, {"dists/stable/Release", "alpha"}}

// servedBy looks at what a server was asked for and what it serves.
func (w *world) servedBy(s *site, recorded map[string]fleet.PulpRequest, fail func(string, ...any)) {
	if err := s.Check(); err != nil {
		fail("%s: %v", s.Name(), err)
	}
	started := map[string]int{}
	for _, task := range s.Tasks() {
		started[task.Correlation]++
		if _, ok := recorded[task.Correlation]; !ok && strings.HasPrefix(task.Subject, "ext-") {
			fail("%s: Pulp task %s of %s belongs to no recorded request", s.Name(), task.Name, task.Subject)
		}
	}
	for id, n := range started {
		if row := recorded[id]; n > 1 && row.ID != 0 {
			fail("%s: %d Pulp tasks for request %q of task %d", s.Name(), n, row.Step, row.Task)
		}
	}
	for i := range w.repos {
		want := heads[i%len(heads)]
		files := s.ServedFiles("m/" + repository(i))
		names := slices.Sorted(maps.Keys(files))
		if len(files[want.head]) == 0 || !slices.ContainsFunc(names, func(n string) bool { return strings.Contains(n, want.part) }) {
			fail("%s serves %v of %s", s.Name(), names, repository(i))
		}
	}
}

// lateness gives how late schedules were at most; each must have queued exactly one task.
func (w *world) lateness(ctx context.Context) (time.Duration, error) {
	var wrong string
	var late float64
	err := w.query(ctx, `SELECT coalesce(string_agg(s.id || ': ' || n, ', ') FILTER (WHERE n <> 1), ''), coalesce(max(late), 0) FROM (
		SELECT s.id, count(t.id) AS n, max(extract(epoch FROM t.date_queued - d.due))::float8 AS late
		FROM schedules AS s JOIN machines_due AS d ON d.schedule_id = s.id LEFT JOIN tasks AS t ON t.schedule_id = s.id GROUP BY s.id) AS s`, &wrong, &late)
	if err == nil && wrong != "" {
		err = fmt.Errorf("schedules that did not queue exactly one task each (schedule: tasks): %s", wrong)
	}
	return time.Duration(late * float64(time.Second)), err
}

// due makes all schedules due, one after the other, over some time from now on.
func (w *world) due(ctx context.Context, over time.Duration) error {
	var n int
	return w.query(ctx, fmt.Sprintf(`WITH due AS (UPDATE schedules SET next_run = now() + %f * interval '1 second' * (row.n::float8 / row.total)
			FROM (SELECT id AS row_id, row_number() OVER (ORDER BY id) AS n, count(*) OVER () AS total FROM schedules) AS row WHERE row.row_id = schedules.id
			RETURNING schedules.id, next_run), made AS (INSERT INTO machines_due SELECT id, next_run FROM due RETURNING 1) SELECT count(*) FROM made`, over.Seconds()), &n)
}
