// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// markQuery looks at a task, its stages and its children. Children are counted by state: states only go forward, so any
// change of one changes a count.
const markQuery = `SELECT 'task' AS what, t.state AS state, 1 AS n, CAST(t.date_last_updated AS text) AS moment, 0 AS size FROM tasks AS t WHERE t.id = ?0
UNION ALL SELECT 'child', c.state, count(*), '', 0 FROM tasks AS c WHERE c.parent_id = ?0 GROUP BY c.state
UNION ALL SELECT 'stage', '', count(*), coalesce(CAST(max(st.date_last_updated) AS text), ''), coalesce(sum(length(CAST(st.detail AS text))), 0)
FROM task_stages AS st WHERE st.task_id = ?0`

// TaskMark implements fleet.Tasks.
func (s *Store) TaskMark(ctx context.Context, id fleet.TaskID) (string, error) {
	var rows []struct {
		What, State, Moment string
		N, Size             int64
	}
	if err := s.read.NewRaw(markQuery, id).Scan(ctx, &rows); err != nil {
		return "", s.errors.classify(ctx, err, fmt.Sprintf("look at task %d", id))
	}
	var b strings.Builder
	found := false
	for _, r := range rows {
		found = found || r.What == "task"
		fmt.Fprintf(&b, "%s %s %d %s %d\n", r.What, r.State, r.N, r.Moment, r.Size)
	}
	if !found {
		return "", fault.New(fault.NotFound, "there is no task %d", id)
	}
	return b.String(), nil
}
