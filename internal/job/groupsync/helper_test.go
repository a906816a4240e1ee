// SPDX-License-Identifier: Apache-2.0

package groupsync_test

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// hangCancels delays requests that cancel a Pulp task, until the gate opens.
func hangCancels(gate <-chan struct{}) func(*http.Request, int) pulpfake.Fault {
	return func(r *http.Request, _ int) pulpfake.Fault {
		if r.Method == http.MethodPatch {
			select {
			case <-gate:
			case <-time.After(5 * time.Second):
			case <-r.Context().Done():
			}
		}
		return pulpfake.None
	}
}

// limited is a store that gives the part about a repository a run time of its own.
type limited struct {
	fleet.Work
	name  string
	limit time.Duration
}

func (l limited) CreateChildren(ctx context.Context, lease fleet.Lease, parent fleet.TaskID, children []fleet.NewTask) ([]fleet.Task, error) {
	for i := range children {
		if strings.HasSuffix(children[i].Name, l.name) {
			children[i].MaxRuntime = l.limit
		}
	}
	return l.Work.CreateChildren(ctx, lease, parent, children)
}
