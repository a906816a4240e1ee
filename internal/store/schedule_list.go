// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// listedScheduleRow is a row of schedules, with names.
type listedScheduleRow struct {
	bun.BaseModel `bun:"table:schedules,alias:sc"`
	scheduleRow

	ServerName string `bun:"server_name,scanonly"`
	GroupName  string `bun:"group_name,scanonly"`
}

// seconds is an SQL expression for a run time in whole seconds; -1: unlimited.
func seconds(column string) string {
	return "(CASE WHEN " + column + " < 0 THEN -1 ELSE " + column + " / 1000000000 END)"
}

var (
	scheduleServer = &other{table: "servers", alias: "s", key: "sc.server_id"}
	scheduleGroup  = "(SELECT g.name FROM repo_groups AS g WHERE g.id = sc.group_id)"
)

// scheduleFields are a schedule's fields in the REST API.
var scheduleFields = fields{
	"id":               {expr: "sc.id", typ: integer},
	"name":             {expr: "sc.task_name", typ: text},
	"pulp_server_id":   {expr: "sc.server_id", typ: integer},
	"pulp_server_name": {expr: "s.name", typ: text, of: scheduleServer},
	"repo_group_id":    {expr: "sc.group_id", typ: integer, nullable: true},
	"repo_group_name":  {expr: scheduleGroup, typ: text, nullable: true},
	"task_type":        {expr: "sc.kind", typ: text},
	"cron":             {expr: "sc.cron", typ: text},
	"max_runtime":      {expr: seconds("sc.max_runtime"), typ: integer},
	"next_run":         {expr: "sc.next_run", typ: moment, nullable: true},
	"last_run":         {expr: "sc.last_run", typ: moment, nullable: true},
	"last_task_id":     {expr: "sc.last_task_id", typ: integer, nullable: true},
	"last_outcome":     {expr: "sc.last_outcome", typ: text},
	"jitter":           {expr: seconds("sc.jitter"), typ: integer},
	"overlap":          {expr: "sc.overlap", typ: text},
	"missed":           {expr: "sc.missed", typ: text},
	"blackouts":        {expr: "sc.blackouts", typ: text},
	"next_due":         {expr: "sc.next_due", typ: moment, nullable: true},
	"last_due":         {expr: "sc.last_due", typ: moment, nullable: true},
	"waiting_task_id":  {expr: "sc.waiting_task_id", typ: integer, nullable: true},
	"paused":           {expr: "(sc.paused_at IS NOT NULL)", typ: boolean},
	"paused_at":        {expr: "sc.paused_at", typ: moment, nullable: true},
	"paused_until":     {expr: "sc.paused_until", typ: moment, nullable: true},
	"paused_by":        {expr: "sc.paused_by", typ: text},
	"pause_reason":     {expr: "sc.pause_reason", typ: text},
}

// listedSchedules selects schedules with names.
func listedSchedules(sel *bun.SelectQuery) *bun.SelectQuery {
	return whole(sel).ColumnExpr("s.name AS server_name, coalesce(?, '') AS group_name", bun.Safe(scheduleGroup)).Join(scheduleServer.join())
}

// FindListedSchedules implements fleet.ScheduleLists.
func (s *Store) FindListedSchedules(ctx context.Context, q fleet.Query) (fleet.Page[fleet.ListedSchedule], error) {
	return list(ctx, s, q, listed[listedScheduleRow, fleet.ListedSchedule]{
		fields: scheduleFields, id: "sc.id", show: listedSchedules, whole: true,
		key: func(r listedScheduleRow) int64 { return r.ID }, convert: listedScheduleRow.schedule,
	})
}

// ListedSchedule implements fleet.ScheduleLists.
func (s *Store) ListedSchedule(ctx context.Context, id fleet.ScheduleID) (fleet.ListedSchedule, error) {
	var row listedScheduleRow
	if err := listedSchedules(s.read.NewSelect().Model(&row)).Where("sc.id = ?", id).Scan(ctx); err != nil {
		return fleet.ListedSchedule{}, s.oneErr(ctx, err, "read a schedule", "there is no schedule %d", id)
	}
	return row.schedule(), nil
}

func (r listedScheduleRow) schedule() fleet.ListedSchedule {
	return fleet.ListedSchedule{Schedule: schedules([]scheduleRow{r.scheduleRow})[0], ServerName: fleet.ServerName(r.ServerName), GroupName: r.GroupName}
}
