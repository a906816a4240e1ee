// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"sync"
	"time"

	"github.com/uptrace/bun"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// Each of these is one query over all servers: what they cost does not grow with their number.
const (
	// vitalRepositories is answered from repositories_server_health alone.
	vitalRepositories = `SELECT r.server_id AS server, r.health AS name, count(*) AS n FROM repositories AS r
		WHERE r.missing IS NULL GROUP BY r.server_id, r.health`
	// vitalTasks counts in tasks_day what is of a server and a state and of the time, and reads nothing else.
	vitalTasks = `SELECT s.id AS server, of_state.name AS name, (SELECT count(*) FROM tasks AS t
			WHERE t.server_id = s.id AND t.state = of_state.name AND t.date_queued >= ?) AS n
		FROM servers AS s CROSS JOIN (SELECT 'queued' AS name UNION ALL SELECT 'running' UNION ALL SELECT 'completed' UNION ALL SELECT 'failed'
			UNION ALL SELECT 'canceled' UNION ALL SELECT 'failed_to_start' UNION ALL SELECT 'skipped') AS of_state WHERE s.removed IS NULL`
	vitalLocks = `SELECT l.server_id AS server, '' AS name, count(*) AS n FROM repository_locks AS l GROUP BY l.server_id`
	vitalQueue = `SELECT 0 AS server, t.state AS name, count(*) AS n FROM tasks AS t
		WHERE t.parent_id IS NULL AND ` + unfinished + ` GROUP BY t.state`
	vitalJobs      = `SELECT 0 AS server, CAST(j.state AS text) AS name, count(*) AS n FROM river_job AS j GROUP BY j.state`
	vitalSchedules = `SELECT s.name AS server, coalesce(g.name, '') AS group_name, sc.kind, sc.next_run, sc.paused_at IS NOT NULL AS paused,
		` + lastState + ` AS last_state FROM schedules AS sc JOIN servers AS s ON s.id = sc.server_id AND s.removed IS NULL
		LEFT JOIN repo_groups AS g ON g.id = sc.group_id ORDER BY s.name, group_name`
	eachRepository = `SELECT r.server_id, r.name, r.remote_href <> '', r.health, r.health_date, r.last_success, r.date_created
		FROM repositories AS r JOIN servers AS s ON s.id = r.server_id AND s.removed IS NULL WHERE r.missing IS NULL ORDER BY r.id`
)

// tally is how many there are of what has a name, at a server.
type tally struct {
	Server int64  `bun:"server"`
	Name   string `bun:"name"`
	N      int    `bun:"n"`
}

// Vitals implements fleet.Monitoring.
func (s *Store) Vitals(ctx context.Context) (fleet.Vitals, error) {
	v := fleet.Vitals{Jobs: map[string]int{}}
	err := s.vitals(ctx, &v)
	return v, s.errors.classify(ctx, err, "look at the fleet as a whole")
}

func (s *Store) vitals(ctx context.Context, v *fleet.Vitals) (err error) {
	if v.Now, err = s.clock.read(ctx, s.read); err != nil {
		return err
	}
	if err := s.vitalServers(ctx, v); err != nil {
		return err
	}
	var groups []serverGroupRow
	err = serverGroups(s.read.NewSelect().Model(&groups)).Join("JOIN servers AS s ON s.id = sg.server_id AND s.removed IS NULL").
		OrderExpr("sg.server_id, sg.group_id").Scan(ctx)
	if err != nil {
		return err
	}
	for _, g := range groups {
		v.Groups = append(v.Groups, g.serverGroup())
	}
	if err := s.vitalSchedules(ctx, v); err != nil {
		return err
	}
	var processes []processRow
	err = s.read.NewSelect().Model(&processes).ColumnExpr("pr.*, pr.last_seen >= ? AS alive", s.clock.in(-fleet.AliveFor)).OrderExpr("pr.id").Scan(ctx)
	if err != nil {
		return err
	}
	for _, p := range processes {
		v.Processes = append(v.Processes, p.process())
	}
	return s.vitalQueue(ctx, v)
}

// vitalServers reads the servers, and what is counted of each.
func (s *Store) vitalServers(ctx context.Context, v *fleet.Vitals) error {
	var wait sync.WaitGroup // counting repositories takes as long as all else; one connection for each leaves some to others
	var repositories []tally
	var failed error
	wait.Go(func() { failed = s.read.NewRaw(vitalRepositories).Scan(ctx, &repositories) })
	defer wait.Wait()
	var rows []serverRow
	if err := s.read.NewSelect().Model(&rows).Where("s.removed IS NULL").OrderExpr("s.name").Scan(ctx); err != nil {
		return err
	}
	states, err := s.ServerStates(ctx)
	if err != nil {
		return err
	}
	v.Servers = make([]fleet.ServerVitals, len(rows))
	at := make(map[int64]*fleet.ServerVitals, len(rows))
	for i, r := range rows {
		server := r.server()
		v.Servers[i] = fleet.ServerVitals{
			ID: server.ID, Name: server.Name, Health: server.Health, HealthDate: server.HealthDate, State: states[server.ID],
			Repositories: map[fleet.Health]int{}, Tasks: map[fleet.TaskState]int{},
		}
		at[r.ID] = &v.Servers[i]
	}
	for _, count := range []struct {
		query string
		args  []any
		add   func(of *fleet.ServerVitals, name string, n int)
	}{
		{vitalTasks, []any{s.clock.in(-fleet.VitalTasks)}, func(of *fleet.ServerVitals, name string, n int) { of.Tasks[fleet.TaskState(name)] = n }},
		{vitalLocks, nil, func(of *fleet.ServerVitals, _ string, n int) { of.Locks = n }},
	} {
		var tallies []tally
		if err := s.read.NewRaw(count.query, count.args...).Scan(ctx, &tallies); err != nil {
			return err
		}
		for _, t := range tallies {
			if of := at[t.Server]; of != nil && t.N > 0 { // else it is a tombstone
				count.add(of, t.Name, t.N)
			}
		}
	}
	wait.Wait()
	for _, t := range repositories {
		if of := at[t.Server]; of != nil {
			of.Repositories[fleet.Health(t.Name)] = t.N
		}
	}
	return failed
}

func (s *Store) vitalSchedules(ctx context.Context, v *fleet.Vitals) error {
	var rows []struct {
		Server    string    `bun:"server"`
		Group     string    `bun:"group_name"`
		Kind      string    `bun:"kind"`
		NextRun   time.Time `bun:"next_run,nullzero"`
		Paused    bool      `bun:"paused"`
		LastState string    `bun:"last_state"`
	}
	if err := s.read.NewRaw(vitalSchedules).Scan(ctx, &rows); err != nil {
		return err
	}
	for _, r := range rows {
		v.Schedules = append(v.Schedules, fleet.ScheduleVitals{
			Server: fleet.ServerName(r.Server), Group: r.Group, Kind: fleet.Kind(r.Kind), NextRun: utc(r.NextRun), Paused: r.Paused,
			LastState: fleet.TaskState(r.LastState),
		})
	}
	return nil
}

func (s *Store) vitalQueue(ctx context.Context, v *fleet.Vitals) error {
	var tallies []tally
	if err := s.read.NewRaw(vitalQueue).Scan(ctx, &tallies); err != nil {
		return err
	}
	for _, t := range tallies {
		switch fleet.TaskState(t.Name) {
		case fleet.Queued:
			v.Queued = t.N
		case fleet.Running:
			v.Running = t.N
		}
	}
	tallies = nil
	if err := s.read.NewRaw(vitalJobs).Scan(ctx, &tallies); err != nil {
		return err
	}
	for _, t := range tallies {
		v.Jobs[t.Name] = t.N
	}
	var err error
	_, v.Waited, err = s.OldestQueued(ctx)
	return err
}

// EachRepository implements fleet.Monitoring.
func (s *Store) EachRepository(ctx context.Context, fn func(fleet.RepositoryVitals) error) error {
	const doing = "read all repositories"
	rows, err := s.read.QueryContext(ctx, eachRepository)
	if err != nil {
		return s.errors.classify(ctx, err, doing)
	}
	defer rows.Close()
	var (
		r                         fleet.RepositoryVitals
		rated, succeeded, created bun.NullTime
	)
	for rows.Next() {
		if err := rows.Scan(&r.Server, &r.Name, &r.Remote, &r.Health, &rated, &succeeded, &created); err != nil {
			return s.errors.classify(ctx, err, doing)
		}
		r.HealthDate, r.LastSuccess, r.Created = utc(rated.Time), utc(succeeded.Time), utc(created.Time)
		if err := fn(r); err != nil {
			return err
		}
	}
	return s.errors.classify(ctx, rows.Err(), doing)
}

// Pools gives how this process's pools of connections are.
func (s *Store) Pools() []fleet.ConnectionPool { return s.db.pools() }
