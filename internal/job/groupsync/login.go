// SPDX-License-Identifier: Apache-2.0

package groupsync

import (
	"context"

	"github.com/pulp/pulp-manager/internal/content"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job"
	"github.com/pulp/pulp-manager/internal/reconcile"
)

// logins gives what the remotes of mirrors log in to a primary with, asking for it once a run and only
// where a type needs it.
type logins struct {
	find   func(ctx context.Context, primary fleet.Server) (map[string]fleet.Secret, error)
	source *job.Server

	asked bool
	found map[string]fleet.Secret
	err   error
}

func (l *logins) of(ctx context.Context, t content.Type) (map[string]fleet.Secret, error) {
	if !t.MirrorLogin {
		return nil, nil
	}
	if !l.asked {
		l.asked = true
		l.found, l.err = l.find(ctx, l.source.Server)
		if l.err != nil {
			l.err = fault.Wrap(fault.KindOf(l.err), l.err, "no login to server %s: %s", l.source.Name, fault.Message(l.err)).WithHint("%s", fault.Hint(l.err))
		}
	}
	return l.found, l.err
}

// sent remembers the secrets that Pulp took, by what does not tell them.
func (g *group) sent(ctx context.Context, remote string, secrets map[string]fleet.Secret) error {
	for field, secret := range secrets {
		if err := g.settings.Fingerprints.SetFingerprint(ctx, g.server.ID, reconcile.SecretKey(remote, field), g.settings.Fingerprint(secret)); err != nil {
			return err
		}
	}
	return nil
}
