// SPDX-License-Identifier: Apache-2.0

package job

import (
	"context"
	"time"

	"github.com/pulp/pulp-manager/internal/pulp"
)

// look is what was last seen of a server's workers, shared by all who wait for its Pulp tasks: however
// many these are, it is asked once in a while.
type look struct {
	turn   chan struct{} // held by who asks
	at     time.Time
	status pulp.Status
	err    error
	nudged time.Time
}

// take waits for the turn to ask, and gives the way to give it back.
func (l *look) take(ctx context.Context) (func(), error) {
	select {
	case l.turn <- struct{}{}:
		return func() { <-l.turn }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// status gives the server's status, as it was at most half the time between two looks ago.
func (s *Server) status(ctx context.Context) (pulp.Status, error) {
	done, err := s.look.take(ctx)
	if err != nil {
		return pulp.Status{}, err
	}
	defer done()
	if s.look.at.IsZero() || time.Since(s.look.at) > s.timing.LookEach/2 {
		limited, cancel := context.WithTimeout(ctx, probeLimit)
		s.look.status, s.look.err = s.Client.Status(limited)
		cancel()
		if ctx.Err() == nil {
			s.look.at = time.Now()
		}
		if s.look.err == nil {
			s.Saw(s.look.status)
		}
	}
	return s.look.status, s.look.err
}

// nudge makes the server's workers look for work, at most once between two looks.
func (s *Server) nudge(ctx context.Context) error {
	done, err := s.look.take(ctx)
	if err != nil {
		return err
	}
	defer done()
	if !s.look.nudged.IsZero() && time.Since(s.look.nudged) < s.timing.LookEach {
		return nil
	}
	s.look.nudged = time.Now()
	_, err = s.Client.Nudge(ctx)
	return err
}
