// SPDX-License-Identifier: Apache-2.0

package register

import (
	"context"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job"
)

// secretCache asks for each secret once a run, whatever the answer is (D92).
type secretCache struct {
	find  func(ctx context.Context, source fleet.SecretSource) (fleet.Secret, error)
	known map[fleet.SecretSource]answer
	// down is why Vault does not answer; it is asked for nothing more then, so that a thousand
	// definitions do not wait for a thousand time limits.
	down    error
	waiting int // definitions that lack a secret because of that
}

type answer struct {
	secret fleet.Secret
	err    error
}

func newSecretCache(find func(context.Context, fleet.SecretSource) (fleet.Secret, error)) *secretCache {
	return &secretCache{find: find, known: map[fleet.SecretSource]answer{}}
}

// of gives a definition's secrets by the remote's field they fill.
func (c *secretCache) of(ctx context.Context, d fleet.Definition) (map[string]fleet.Secret, error) {
	values := map[string]fleet.Secret{}
	for _, source := range d.Secrets {
		value, err := c.one(ctx, source)
		if fault.Is(err, fault.Unavailable) {
			c.waiting++
		}
		if err != nil {
			return nil, err
		}
		values[source.Property] = value
	}
	return values, nil
}

func (c *secretCache) one(ctx context.Context, source fleet.SecretSource) (fleet.Secret, error) {
	key := source
	key.Property = ""
	if f, ok := c.known[key]; ok {
		return f.secret, f.err
	}
	if c.down != nil && source.Ref == "" {
		return fleet.Secret{}, c.down
	}
	value, err := c.find(ctx, source)
	if fault.Is(err, fault.Unavailable) {
		c.down = err
	}
	c.known[key] = answer{value, err}
	return value, err
}

// waits tells that definitions wait for their secrets; nil: none does. Unavailable: the
// registration is tried again.
func (c *secretCache) waits() error {
	if c.down == nil {
		return nil
	}
	return fault.Wrap(fault.Unavailable, c.down, "%d definitions wait for their secrets: %s", c.waiting, fault.Message(c.down)).
		WithHint("%s", fault.Hint(c.down))
}

// applyAll makes the server match the definitions. Those whose secrets cannot be read now hold up none
// of the others; for their sake it is Unavailable at the end.
func (r *registration) applyAll(ctx context.Context, p *job.Progress) (Outcome, error) {
	made, err := r.apply(ctx, p)
	if err == nil {
		err = r.waits
	}
	return made, err
}

// withHint gives an error's text with what to do, for a list of several.
func withHint(err error) string {
	if hint := fault.Hint(err); hint != "" {
		return fault.Message(err) + " (" + hint + ")"
	}
	return fault.Message(err)
}
