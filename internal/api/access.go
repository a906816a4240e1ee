// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"net/http"

	"github.com/pulp/pulp-manager/internal/auth"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// Access says who may do what. *auth.Service is one.
type Access interface {
	// Login checks a name and a password; the errors are those of auth.Service.
	Login(ctx context.Context, a auth.Attempt) (auth.Session, error)
	// Principal tells who a token belongs to, or who somebody without one is.
	Principal(ctx context.Context, token string) (fleet.Principal, error)
	// Logout ends a login.
	Logout(ctx context.Context, p fleet.Principal) error
	// Policy gives the rules in force.
	Policy() auth.Policy
}

// access says who may use a route.
type access int

// Who may. The zero value is a route that does not say, which only admins may use.
const (
	unsaid   access = iota
	everyone        // no login needed
	readers         // readers and admins
	admins
)

// role is the least role that may.
func (a access) role() fleet.Role {
	switch a {
	case everyone:
		return fleet.RoleNobody
	case readers:
		return fleet.RoleReader
	}
	return fleet.RoleAdmin
}

// unlocked tells whether somebody without a login may do something.
func (a *api) unlocked() bool {
	return a.Access != nil && a.Access.Policy().Anonymous().Role != fleet.RoleNobody
}

// admit finds out who makes a request and whether they may use a route: the only place where that is decided. What
// everyone may use is not looked at, whatever token there is. The error is Unauthenticated where a login is
// missing or over, Forbidden where it does not suffice.
func (a *api) admit(r *http.Request, rt route) (fleet.Principal, error) {
	if rt.access == everyone {
		return fleet.Principal{}, nil
	}
	if a.Access == nil {
		return fleet.Principal{}, auth.NeedLogin()
	}
	who, err := a.principal(r)
	if err != nil {
		return fleet.Principal{}, err
	}
	needed := rt.access.role()
	switch {
	case who.Role.May(needed):
		return who, nil
	case who.User == "":
		return who, auth.NeedLogin()
	}
	return who, fault.New(fault.Forbidden, "this needs the role %s, and %s", needed, holds(who)).
		WithHint("an administrator of Pulp Manager gives roles, by groups of the directory or in the users file")
}

// principal tells who makes a request. A header must be right, unless nobody needs one; a cookie that is not counts as
// none, as browsers send it by themselves.
func (a *api) principal(r *http.Request) (fleet.Principal, error) {
	ctx, open := r.Context(), a.Access.Policy().Open
	token, cookie, err := auth.Token(r)
	if err != nil && !open {
		return fleet.Principal{}, err
	}
	who, err := a.Access.Principal(ctx, token)
	if (cookie || open) && fault.Is(err, fault.Unauthenticated) {
		return a.Access.Principal(ctx, "")
	}
	return who, err
}

// holds says which role somebody has.
func holds(p fleet.Principal) string {
	if p.Role == fleet.RoleNobody {
		return p.User + " has none"
	}
	return p.User + " is " + string(p.Role)
}
