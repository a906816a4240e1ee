// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"context"
	"fmt"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// Service logs people in and out and tells who they are.
type Service struct{ o Options }

// New makes a service.
func New(o Options) *Service { return &Service{o} }

// Everyone is a service to which everybody is an admin: for `method = none`, and tests.
func Everyone() *Service {
	return New(Options{Policy: func() Policy { return Policy{Open: true} }})
}

// Policy gives the rules in force.
func (s *Service) Policy() Policy { return s.o.Policy() }

// Login checks a name and a password. Unauthenticated where they are wrong (never saying which), Forbidden where they are
// right and no group gives a role, Unavailable where the directory cannot be asked; a *TooManyError in the chain
// (kind TooMany) where too many logins of this user or address failed.
func (s *Service) Login(ctx context.Context, a Attempt) (Session, error) {
	return Session{}, fault.New(fault.Internal, "not there yet")
}

// Principal tells who a token belongs to; Unauthenticated where it is wrong, expired or revoked. An empty token
// belongs to whom Policy.Anonymous says.
func (s *Service) Principal(ctx context.Context, token string) (fleet.Principal, error) {
	if token == "" || s.Policy().Open {
		return s.Policy().Anonymous(), nil
	}
	return fleet.Principal{}, fault.New(fault.Internal, "not there yet")
}

// Logout ends the login of a token. One that is over already is no error.
func (s *Service) Logout(ctx context.Context, p fleet.Principal) error {
	return fault.New(fault.Internal, "not there yet")
}

// Error tells how long to wait.
func (e *TooManyError) Error() string { return fmt.Sprintf("too many failed logins: wait %s", e.After) }

// Tokens makes and reads tokens.
type Tokens struct{}
