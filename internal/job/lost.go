// SPDX-License-Identifier: Apache-2.0

package job

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/pulp"
)

// underWay is how long a request that failed so may still be on its way to Pulp. A proxy that answered
// that Pulp does not is done with it.
func (s *Server) underWay(err error) time.Duration {
	var answer *pulp.Error
	if errors.As(err, &answer) && (answer.Status == http.StatusBadGateway || answer.Status == http.StatusServiceUnavailable) {
		return 0
	}
	return s.limit
}

// find looks for the Pulp task of a request whose answer did not arrive. That there is none is
// believed only once the request cannot be under way any more. It tells so in the stage, if there is one.
func (r *Run) find(ctx context.Context, p *Progress, s *Server, row *fleet.PulpRequest, underWay time.Duration) error {
	until := time.Now().Add(underWay + s.timing.InFlight)
	for pause := quickest; ; pause = min(2*pause, 2*time.Second) {
		late := time.Now().After(until)
		var tasks []pulp.Task
		err := s.Try(ctx, p, func(ctx context.Context) error {
			var err error
			tasks, err = s.Client.TasksByCorrelation(ctx, row.Correlation)
			return err
		})
		if err != nil {
			return err
		}
		if len(tasks) > 0 {
			row.Href = string(tasks[0].Href)
			return r.Env.Requests.UpdateRequest(context.WithoutCancel(ctx), *row)
		}
		if late {
			row.State = fleet.RequestNotSent
			return r.Env.Requests.UpdateRequest(context.WithoutCancel(ctx), *row)
		}
		if p != nil {
			p.Say(ctx, "the answer of server %s to %q got lost: looking for its Pulp task", s.Name, row.Step)
		}
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
}
