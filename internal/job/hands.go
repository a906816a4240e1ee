// SPDX-License-Identifier: Apache-2.0

package job

import (
	"context"

	"github.com/pulp/pulp-manager/internal/pulp"
)

// Hands are what a service works on a server with, within one stage: every request that starts a
// Pulp task is recorded, every repository that is changed is locked, and a server that does not
// answer is waited for.
type Hands struct {
	run      *Run
	progress *Progress
	server   *Server
}

// Hands gives the hands for a server in a stage.
func (p *Progress) Hands(s *Server) Hands { return Hands{run: p.run, progress: p, server: s} }

// Client gives the connection for requests of one's own.
func (h Hands) Client() *pulp.Client { return h.server.Client }

// Try makes requests that are safe to repeat; see Server.Try.
func (h Hands) Try(ctx context.Context, fn func(ctx context.Context) error) error {
	return h.server.Try(ctx, h.progress, fn)
}

// Task makes a request that starts a Pulp task and waits for that; see PulpTask.
func (h Hands) Task(ctx context.Context, step string, start func(ctx context.Context) (pulp.Href, error)) (pulp.Task, error) {
	task, err := PulpTask(ctx, h.progress, h.server, step, start)
	if task == nil {
		return pulp.Task{}, err
	}
	return *task, err
}

// Lock takes the right to change a repository, and gives the way to give it back.
func (h Hands) Lock(ctx context.Context, repository string) (func() error, error) {
	if err := h.run.Lock(ctx, h.progress, h.server, repository); err != nil {
		return nil, err
	}
	return func() error { return h.run.Unlock(ctx, h.server, repository) }, nil
}
