// SPDX-License-Identifier: Apache-2.0

package job

import (
	"context"
	"encoding/json"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/pulp"
)

// Made gives the repository versions that earlier attempts at this stage have made, as their recorded
// requests say. It is whole once Settle has been called.
func (p *Progress) Made(ctx context.Context) ([]pulp.Href, error) {
	if !p.resumed {
		return nil, nil
	}
	all, err := p.run.Env.Requests.Requests(ctx, p.id)
	if err != nil {
		return nil, err
	}
	var made []pulp.Href
	for _, row := range all {
		if row.Outcome == nil {
			continue
		}
		var task pulp.Task
		if err := json.Unmarshal(row.Outcome, &task); err != nil {
			return nil, fault.Wrap(fault.Internal, err, "outcome of Pulp task %s cannot be read", row.Href)
		}
		if version, ok := task.CreatedVersion(); ok {
			made = append(made, version)
		}
	}
	return made, nil
}
