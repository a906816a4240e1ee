// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"strings"

	"github.com/uptrace/bun"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// candidates is how many trees are looked at together.
const candidates = 200

// needed is a query for the roots whose trees stay whole, however old they are: something is left to do in them, they hold a lock,
// they are the newest run of their schedule or of their kind on their server, or a task that is not over tries them again.
// Once a tree is not needed it never is again, but for the last reason, which is looked at anew before anything goes.
var needed = bun.SafeQuery(needWork.Query + `
	UNION SELECT coalesce(t.root_id, t.id) FROM tasks AS t WHERE t.lease_owner IS NOT NULL
	UNION SELECT l.task_id FROM repository_locks AS l
	UNION SELECT max(t.id) FROM tasks AS t WHERE t.parent_id IS NULL AND t.state <> 'skipped' GROUP BY t.kind, t.server_id
	UNION SELECT max(t.id) FROM tasks AS t JOIN schedules AS sc ON sc.id = t.schedule_id
		WHERE t.parent_id IS NULL AND t.state <> 'skipped' GROUP BY t.schedule_id
	UNION SELECT coalesce(o.root_id, o.id) FROM tasks AS t JOIN tasks AS o ON o.id = t.retry_of WHERE ` + unfinished)

// lastSuccess is a condition: the task (alias t) is its repository's newest sync that succeeded. Older ones go first, so the look
// for a newer one finds it soon.
const lastSuccess = `(t.repository_id IS NOT NULL AND t.kind = 'repo_sync' AND t.state = 'completed' AND NOT EXISTS (
	SELECT 1 FROM tasks AS n WHERE n.repository_id = t.repository_id AND n.kind = 'repo_sync' AND n.state = 'completed'
		AND (n.date_finished > t.date_finished OR n.date_finished = t.date_finished AND n.id > t.id)))`

// tasks removes trees that are too old or too many, but for what must stay.
func (p *pruner) tasks(ctx context.Context, r fleet.Retention) error {
	old, args, err := p.oldTrees(ctx, r)
	if err != nil || old == "" {
		return err
	}
	var roots []int64
	if err := p.read.NewRaw("?", needed).Scan(ctx, &roots); err != nil {
		return err
	}
	stays := make(map[int64]bool, len(roots))
	for _, id := range roots {
		stays[id] = true
	}
	for after := int64(0); ; {
		var found []int64
		err := p.read.NewSelect().Model((*taskRow)(nil)).Column("t.id").Where("t.parent_id IS NULL AND t.id > ?", after).
			Where("NOT ("+unfinished+")").Where(old, args...).OrderExpr("t.id").Limit(candidates).Scan(ctx, &found)
		if err != nil || len(found) == 0 {
			return err
		}
		after = found[len(found)-1]
		var trees []int64
		for _, id := range found {
			if !stays[id] {
				trees = append(trees, id)
			}
		}
		if err := p.trees(ctx, trees); err != nil {
			return err
		}
	}
}

// oldTrees is a condition on roots (alias t) that are over: they are too old, or there are enough newer tasks. Empty: none is.
func (p *pruner) oldTrees(ctx context.Context, r fleet.Retention) (where string, args []any, err error) {
	var reasons []string
	if r.Tasks > 0 {
		reasons, args = append(reasons, "t.date_finished < ?"), append(args, p.clock.in(-r.Tasks))
	}
	if r.Skipped > 0 {
		reasons, args = append(reasons, "t.state = 'skipped' AND t.date_finished < ?"), append(args, p.clock.in(-r.Skipped))
	}
	if r.Count > 0 {
		first, err := p.firstWithin(ctx, r.Count)
		if err != nil {
			return "", nil, err
		}
		reasons, args = append(reasons, "t.id < ?"), append(args, first)
	}
	return strings.Join(reasons, " OR "), args, nil
}

// firstWithin gives the oldest root with which, and with all newer ones, there are no more than so many tasks. 0: there are not
// as many; beyond all ids: the newest tree has more by itself.
func (p *pruner) firstWithin(ctx context.Context, count int) (int64, error) {
	total, err := p.read.NewSelect().Table("tasks").Count(ctx)
	if err != nil || total <= int64(count) {
		return 0, err
	}
	var first int64
	err = p.read.NewRaw(`SELECT coalesce(min(root), (SELECT max(id) + 1 FROM tasks)) FROM (
		SELECT root, sum(n) OVER (ORDER BY root DESC) AS total FROM (
			SELECT coalesce(root_id, id) AS root, count(*) AS n FROM tasks GROUP BY coalesce(root_id, id)) AS trees) AS newest
		WHERE total <= ?`, count).Scan(ctx, &first)
	return first, err
}

// leaf is a task with nothing below it.
type leaf struct {
	ID     int64 `bun:"id"`
	RootID int64 `bun:"root_id"`
}

// trees removes what may go of some trees, from their leaves up, until nothing is left or what is left must stay.
func (p *pruner) trees(ctx context.Context, roots []int64) error {
	for len(roots) > 0 {
		var leaves []leaf
		err := p.read.NewSelect().TableExpr("tasks AS t").ColumnExpr("t.id, coalesce(t.root_id, t.id) AS root_id").
			Where("(t.id IN (?) OR t.root_id IN (?))", bun.List(roots), bun.List(roots)).
			Where("NOT EXISTS (SELECT 1 FROM tasks AS c WHERE c.parent_id = t.id)").Where("NOT "+lastSuccess).
			OrderExpr("t.id").Limit(mostBatch).Scan(ctx, &leaves)
		if err != nil || len(leaves) == 0 {
			return err
		}
		for len(leaves) > 0 {
			n := min(p.size, len(leaves))
			again, err := p.leaves(ctx, leaves[:n])
			if err != nil {
				return err
			}
			leaves = leaves[n:]
			if len(again) > 0 {
				roots, leaves = without(roots, again), nil
			}
		}
	}
	return nil
}

// leaves removes tasks, unless somebody began to try one of their trees again in the meantime: those trees it gives.
func (p *pruner) leaves(ctx context.Context, leaves []leaf) (again []int64, err error) {
	ids, named := make([]int64, 0, len(leaves)), make([]int64, 0, 2*len(leaves))
	for _, l := range leaves {
		ids, named = append(ids, l.ID), append(named, l.ID, l.RootID)
	}
	var n int64
	err = p.batch(ctx, func(ctx context.Context, t tx) (err error) {
		n, again = 0, nil
		err = t.NewSelect().TableExpr("tasks AS t").ColumnExpr("coalesce(o.root_id, o.id)").Join("JOIN tasks AS o ON o.id = t.retry_of").
			Where("t.retry_of IN (?)", bun.List(named)).Where(unfinished).Scan(ctx, &again)
		if err != nil || len(again) > 0 {
			return err
		}
		n, err = changed(t.NewDelete().Table("tasks").Where("id IN (?)", bun.List(ids)).Exec(ctx))
		return err
	})
	p.removed.Tasks += n
	return again, err
}

func without(all, some []int64) []int64 {
	gone := make(map[int64]bool, len(some))
	for _, id := range some {
		gone[id] = true
	}
	var rest []int64
	for _, id := range all {
		if !gone[id] {
			rest = append(rest, id)
		}
	}
	return rest
}
