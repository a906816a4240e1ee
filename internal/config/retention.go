// SPDX-License-Identifier: Apache-2.0

package config

import (
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// Retention is section [retention]: how long what is over is kept. Zero means for ever, or any number.
type Retention struct {
	TasksDays   int
	TasksCount  int
	SkippedDays int
	AuditDays   int
	AuditCount  int
	JobsDays    int // of the queue
	Every       time.Duration
}

// Keep gives it as the store wants it.
func (r Retention) Keep() fleet.Retention {
	return fleet.Retention{
		Tasks: days(r.TasksDays), Skipped: days(r.SkippedDays), Count: r.TasksCount, Audit: days(r.AuditDays), Entries: r.AuditCount,
	}
}

// Jobs is how long jobs of the queue are kept.
func (r Retention) Jobs() time.Duration { return days(r.JobsDays) }

func days(n int) time.Duration { return time.Duration(n) * 24 * time.Hour }

// mostDays is a hundred years.
const mostDays = 36500

// retentionFields are the keys of section [retention], which the original has not.
func retentionFields() []field {
	fields := []field{
		{
			key: "tasks_days", value: whole(func(s *Settings) *int { return &s.Retention.TasksDays }, 0, mostDays), fallback: "90",
			meaning: "Days after which a task that is over is removed, with its children, stages and requests. 0: never. What stays in any case: [Keeping the database small](operations.md#keeping-the-database-small).",
		},
		{
			key: "tasks_count", value: whole(func(s *Settings) *int { return &s.Retention.TasksCount }, 0, 1_000_000_000), fallback: "100000",
			meaning: "How many tasks are kept, those of single repositories counted: older ones are removed with all that belongs to them, whatever `tasks_days` says. 0: any number.",
		},
		{
			key: "skipped_days", value: whole(func(s *Settings) *int { return &s.Retention.SkippedDays }, 0, mostDays), fallback: "7",
			meaning: "The same as `tasks_days` for runs that a schedule skipped. 0: as `tasks_days`.",
		},
		{
			key: "audit_days", value: whole(func(s *Settings) *int { return &s.Retention.AuditDays }, 0, mostDays), fallback: "365",
			meaning: "Days after which an entry of the audit log is removed. 0: never.",
		},
		{
			key: "audit_count", value: whole(func(s *Settings) *int { return &s.Retention.AuditCount }, 0, 1_000_000_000), fallback: "1000000",
			meaning: "How many entries of the audit log are kept. 0: any number.",
		},
		{
			key: "jobs_days", value: whole(func(s *Settings) *int { return &s.Retention.JobsDays }, 1, mostDays), fallback: "1",
			meaning: "Days after which a finished job of the queue (`/v1/rq_jobs`, `/jobs/`) is removed. Its task stays. Counts from the next start.",
		},
		{
			key: "every", value: duration(func(s *Settings) *time.Duration { return &s.Retention.Every }), fallback: "1h",
			meaning: "How often what is too old is looked for. One scheduler of all does it.",
		},
	}
	for i := range fields {
		fields[i].section, fields[i].added = "retention", true
	}
	return fields
}
