// SPDX-License-Identifier: Apache-2.0

package job

import (
	"context"
	"log/slog"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// Env is what runs need from the program around them.
type Env struct {
	Servers      fleet.Servers
	Repositories fleet.Repositories
	Tasks        fleet.Tasks
	Work         fleet.Work
	Requests     fleet.PulpRequests
	Locks        fleet.Locks
	SyncRecords  fleet.SyncRecords
	Ownership    fleet.Ownership

	Catalog []Definition // by which a parent finds its children's jobs
	Pulps   *Pulps
	Limits  *Limits
	Logger  *slog.Logger
	Policy  func() Policy // in force now; nil: DefaultPolicy

	Observer Observer // told what goes on; may be nil
}

// Definition gives the job of that kind.
func (e *Env) Definition(kind fleet.Kind) (Definition, bool) {
	for _, d := range e.Catalog {
		if d.Kind == kind {
			return d, true
		}
	}
	return Definition{}, false
}

// work gives what a job of a kind does.
func (e *Env) work(kind fleet.Kind) (func(ctx context.Context, r *Run) error, error) {
	definition, ok := e.Definition(kind)
	if !ok {
		return nil, fault.New(fault.Internal, "there is no job %q", kind)
	}
	return definition.Run, nil
}
