// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"sync"
	"time"

	"github.com/pulp/pulp-manager/internal/auth"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// Tokens that a door knows.
const (
	adminToken   = "token-of-alice"
	readerToken  = "token-of-bob"
	expiredToken = "token-of-yesterday"
)

// rightPassword is the one of alice, which is in the example of the document.
const rightPassword = "correct horse battery staple"

// door is Access with a few fixed users.
type door struct {
	policy auth.Policy

	mu      sync.Mutex
	revoked []string
	err     error // of all it is asked; nil: none
}

func newDoor() *door { return &door{} }

func (d *door) Policy() auth.Policy { return d.policy }

func (d *door) Login(_ context.Context, a auth.Attempt) (auth.Session, error) {
	switch {
	case d.err != nil:
		return auth.Session{}, d.err
	case a.User == "impatient":
		return auth.Session{}, fault.Wrap(fault.TooMany, &auth.TooManyError{After: 29500 * time.Millisecond}, "too many failed logins")
	case a.Password.Reveal() != rightPassword:
		return auth.Session{}, fault.New(fault.Unauthenticated, "name or password are wrong")
	case a.User == "alice":
		return auth.Session{Token: fleet.NewSecret(adminToken), Principal: d.alice()}, nil
	}
	return auth.Session{}, fault.New(fault.Forbidden, "%s is in no group that may use Pulp Manager", a.User)
}

func (d *door) alice() fleet.Principal {
	return fleet.Principal{User: "alice", Role: fleet.RoleAdmin, Groups: []string{"pulpmaster-rw"}, TokenID: "1", Expires: day.Add(10 * time.Hour)}
}

func (d *door) Principal(_ context.Context, token string) (fleet.Principal, error) {
	switch {
	case d.err != nil:
		return fleet.Principal{}, d.err
	case token == "":
		return d.policy.Anonymous(), nil
	case token == adminToken:
		return d.alice(), nil
	case token == readerToken:
		return fleet.Principal{User: "bob", Role: fleet.RoleReader, TokenID: "2", Expires: day}, nil
	}
	return fleet.Principal{}, fault.New(fault.Unauthenticated, "the login is over, or never was")
}

func (d *door) Logout(_ context.Context, p fleet.Principal) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.revoked = append(d.revoked, p.TokenID)
	return d.err
}

// diary is an audit log in memory.
type diary struct {
	mu      sync.Mutex
	entries []fleet.AuditEntry
	query   fleet.Query
	err     error
}

func (d *diary) Record(ctx context.Context, e fleet.AuditEntry) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if d.err == nil {
		e.ID, e.At = int64(len(d.entries)+1), day
		d.entries = append(d.entries, e)
	}
	return d.err
}

func (d *diary) FindAudit(_ context.Context, q fleet.Query) (fleet.Page[fleet.AuditEntry], error) {
	d.query = q
	return fleet.Page[fleet.AuditEntry]{Items: d.entries, Total: len(d.entries)}, d.err
}
