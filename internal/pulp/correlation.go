// SPDX-License-Identifier: Apache-2.0

package pulp

import (
	"context"
	"strings"

	"github.com/google/uuid"
)

// correlationHeader carries the id that Pulp stores on the tasks a request
// starts (logging_cid). Pulp takes a uuid only, and silently replaces anything
// else, so the answer's header is always compared.
const correlationHeader = "Correlation-ID"

type correlationKey struct{}

// NewCorrelation makes an id: a uuid of 32 hexadecimal digits.
func NewCorrelation() string {
	return strings.ReplaceAll(uuid.NewString(), "-", "")
}

// WithCorrelation sends id with every request made under the context; the tasks
// they start are found again by TasksByCorrelation. The id must be a uuid. Should
// a server use another one, a request that changes something gives an error of
// kind Internal beside its result: its task could not be found after a crash.
func WithCorrelation(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, correlationKey{}, id)
}

// correlationOf gives the id to send and whether the caller chose it.
func correlationOf(ctx context.Context) (id string, chosen bool) {
	if id, ok := ctx.Value(correlationKey{}).(string); ok {
		return id, true
	}
	return NewCorrelation(), false
}

func validCorrelation(id string) bool {
	return (len(id) == 32 || len(id) == 36) && uuid.Validate(id) == nil
}

func sameCorrelation(a, b string) bool {
	return strings.EqualFold(strings.ReplaceAll(a, "-", ""), strings.ReplaceAll(b, "-", ""))
}

type gateKey struct{}

// WithGate calls gate immediately before every attempt at a request made under
// the context, repeated ones included. If gate fails, nothing is sent and its
// error is returned, wrapped.
func WithGate(ctx context.Context, gate func(context.Context) error) context.Context {
	return context.WithValue(ctx, gateKey{}, gate)
}

func passGate(ctx context.Context) error {
	gate, _ := ctx.Value(gateKey{}).(func(context.Context) error)
	if gate == nil {
		return nil
	}
	return gate(ctx)
}
