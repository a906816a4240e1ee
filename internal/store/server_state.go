// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// stateRow is a row of server_states.
type stateRow struct {
	bun.BaseModel `bun:"table:server_states,alias:ss"`

	ServerID      int64         `bun:"server_id,pk"`
	NextProbe     time.Time     `bun:"next_probe,nullzero"`
	Checked       time.Time     `bun:"checked,nullzero"`
	Reachable     bool          `bun:"reachable"`
	Since         time.Time     `bun:"since,nullzero"`
	Problem       string        `bun:"problem"`
	Versions      string        `bun:"versions"`
	Workers       int           `bun:"workers"`
	IdleSince     time.Time     `bun:"idle_since,nullzero"`
	TasksWaiting  int           `bun:"tasks_waiting"`
	TasksRunning  int           `bun:"tasks_running"`
	OldestWaiting time.Time     `bun:"oldest_waiting,nullzero"`
	StorageTotal  *int64        `bun:"storage_total"`
	StorageUsed   *int64        `bun:"storage_used"`
	StorageFree   *int64        `bun:"storage_free"`
	ResponseTime  time.Duration `bun:"response_time"`
	Database      *bool         `bun:"database_connected"`
	Redis         *bool         `bun:"redis_connected"`
}

// dueProbes is a query for the servers that are to be looked at.
const dueProbes = `SELECT s.id FROM servers AS s LEFT JOIN server_states AS ss ON ss.server_id = s.id
	WHERE s.removed IS NULL AND (ss.server_id IS NULL OR ss.next_probe <= ?) ORDER BY ss.next_probe, s.id LIMIT ?`

// ClaimProbes implements fleet.ServerStates. Where nothing is due, nothing is written.
func (s *Store) ClaimProbes(ctx context.Context, each time.Duration, most int) ([]fleet.ServerID, error) {
	const doing = "look for servers to be looked at"
	var due []int64
	if err := s.read.NewRaw(dueProbes, s.clock.now(), most).Scan(ctx, &due); err != nil || len(due) == 0 {
		return nil, s.errors.classify(ctx, err, doing)
	}
	var claimed []fleet.ServerID
	err := s.inTx(ctx, doing, func(ctx context.Context, t tx) error {
		claimed = nil
		for _, id := range due { // in the order of who is longest due; each is a compare-and-set
			n, err := changed(t.NewInsert().Model(&stateRow{ServerID: id}).Value("next_probe", "?", t.in(each)).
				On("CONFLICT (server_id) DO UPDATE").Set("next_probe = excluded.next_probe").Where("ss.next_probe <= ?", t.now()).
				Returning("NULL").Exec(ctx))
			if err != nil {
				return err
			}
			if n == 1 {
				claimed = append(claimed, fleet.ServerID(id))
			}
		}
		return nil
	})
	return claimed, err
}

// SaveProbe implements fleet.ServerStates.
func (s *Store) SaveProbe(ctx context.Context, state fleet.ServerState) error {
	versions, err := json.Marshal(state.Versions)
	if err != nil {
		return fault.Wrap(fault.Internal, err, "versions of server %d cannot be stored", state.Server)
	}
	return s.inTx(ctx, fmt.Sprintf("store how server %d is", state.Server), func(ctx context.Context, t tx) error {
		update := t.NewUpdate().Model((*stateRow)(nil)).Where("ss.server_id = ?", state.Server).
			Set("since = CASE WHEN reachable = ? AND since IS NOT NULL THEN since ELSE ? END", state.Reachable, t.now()).
			Set("checked = ?", t.now()).Set("reachable = ?", state.Reachable).Set("problem = ?", storable(state.Problem, auditText))
		if state.Reachable {
			update = update.Set("versions = ?", string(versions)).Set("workers = ?", state.Workers).
				Set("idle_since = CASE WHEN ? THEN NULL ELSE coalesce(idle_since, ?) END", state.Workers > 0, t.now()).
				Set("tasks_waiting = ?", state.TasksWaiting).Set("tasks_running = ?", state.TasksRunning).
				Set("oldest_waiting = ?", bun.NullTime{Time: state.OldestWaiting}).Set("storage_total = ?", state.StorageTotal).
				Set("storage_used = ?", state.StorageUsed).Set("storage_free = ?", state.StorageFree).Set("response_time = ?", state.ResponseTime).
				Set("database_connected = ?", state.DatabaseConnected).Set("redis_connected = ?", state.RedisConnected)
		}
		n, err := changed(update.Exec(ctx))
		if err == nil && n == 0 {
			return fault.New(fault.NotFound, "nobody was to look at server %d", state.Server)
		}
		return err
	})
}

// ServerStates implements fleet.ServerStates.
func (s *Store) ServerStates(ctx context.Context) (map[fleet.ServerID]fleet.ServerState, error) {
	const doing = "read how servers are"
	var rows []stateRow
	if err := s.read.NewSelect().Model(&rows).Join("JOIN servers AS s ON s.id = ss.server_id AND s.removed IS NULL").Scan(ctx); err != nil {
		return nil, s.errors.classify(ctx, err, doing)
	}
	all := make(map[fleet.ServerID]fleet.ServerState, len(rows))
	for _, r := range rows {
		state, err := r.state()
		if err != nil {
			return nil, fault.Wrap(fault.Internal, err, "state of server %d cannot be read", r.ServerID)
		}
		all[state.Server] = state
	}
	uses, err := s.serverUses(ctx)
	if err != nil {
		return nil, s.errors.classify(ctx, err, doing)
	}
	for _, use := range uses {
		state := all[use.Server]
		state.Server, state.Use = use.Server, use
		all[use.Server] = state
	}
	return all, nil
}

func (r stateRow) state() (fleet.ServerState, error) {
	state := fleet.ServerState{
		Server: fleet.ServerID(r.ServerID), Checked: utc(r.Checked), Reachable: r.Reachable, Since: utc(r.Since), Problem: r.Problem,
		Workers: r.Workers, NoWorkerSince: utc(r.IdleSince), TasksWaiting: r.TasksWaiting, TasksRunning: r.TasksRunning,
		OldestWaiting: utc(r.OldestWaiting), StorageTotal: r.StorageTotal, StorageUsed: r.StorageUsed, StorageFree: r.StorageFree,
		ResponseTime: r.ResponseTime, DatabaseConnected: r.Database, RedisConnected: r.Redis, Use: fleet.ServerUse{Server: fleet.ServerID(r.ServerID), Breaker: fleet.BreakerClosed},
	}
	if r.Versions == "" {
		return state, nil
	}
	return state, json.Unmarshal([]byte(r.Versions), &state.Versions)
}
