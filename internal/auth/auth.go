// SPDX-License-Identifier: Apache-2.0

// Package auth decides who somebody is and what role they have.
//
// A login is a name and a password that a directory (LDAP, or a users file) finds right. It gives a token, which
// every further request carries. What a role may do is said at each route of the API.
package auth

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// Options is what logins need. It is asked anew for each request, so that changed settings count at once.
type Options struct {
	Directory fleet.Directory // nil: nobody can log in
	Logins    fleet.Logins
	Tokens    *Tokens
	Logger    *slog.Logger

	// Policy gives the rules in force.
	Policy func() Policy
}

// Policy says who may what, by settings that may change while the daemon runs.
type Policy struct {
	Open         bool     // nobody needs a login: everybody is admin (method = none, require_jwt_auth = false)
	PublicReads  bool     // reading needs no login
	AdminGroups  []string // being in one of them makes an admin; names compare in any case
	ReaderGroups []string // being in one of them makes a reader; none given: everybody whom the directory knows is
}

// Attempt is a try to log in.
type Attempt struct {
	User     string
	Password fleet.Secret
	Address  string // of the client, as far as it is trusted
}

// Session is a login that succeeded.
type Session struct {
	Token     fleet.Secret
	Principal fleet.Principal
}

// TooManyError refuses a login because too many have failed.
type TooManyError struct {
	After time.Duration // until the next try is heard
}

// Standing is a Directory that can tell, at any time, whether a login it let in still stands.
type Standing interface {
	// Standing gives who a user is now, as Login would with the right password; NotFound where it is nobody any more.
	// A zero Identity: it cannot tell, as LDAP, and let nobody in by a stamp.
	Standing(ctx context.Context, user string) (fleet.Identity, error)
}

// Role gives what somebody with these groups may do. RoleNobody: none of them gives a role.
func (p Policy) Role(groups []string) fleet.Role {
	in := func(named []string) bool {
		return slices.ContainsFunc(named, func(name string) bool {
			return slices.ContainsFunc(groups, func(group string) bool { return name != "" && strings.EqualFold(name, group) })
		})
	}
	switch {
	case in(p.AdminGroups):
		return fleet.RoleAdmin
	case len(p.ReaderGroups) == 0, in(p.ReaderGroups):
		return fleet.RoleReader
	}
	return fleet.RoleNobody
}

// role gives the role of an identity: the directory's own, else by its groups.
func (p Policy) role(who fleet.Identity) fleet.Role {
	if who.Role != fleet.RoleNobody {
		return who.Role
	}
	return p.Role(who.Groups)
}

// Anonymous gives who somebody without a token is.
func (p Policy) Anonymous() fleet.Principal {
	switch {
	case p.Open:
		return fleet.Principal{Role: fleet.RoleAdmin}
	case p.PublicReads:
		return fleet.Principal{Role: fleet.RoleReader}
	}
	return fleet.Principal{}
}

// contextKey is of Principal in contexts.
type contextKey struct{}

// NewContext gives a context in which p makes the request.
func NewContext(ctx context.Context, p fleet.Principal) context.Context {
	return context.WithValue(ctx, contextKey{}, p)
}

// FromContext gives who makes the request; the zero Principal where nobody said.
func FromContext(ctx context.Context) fleet.Principal {
	p, _ := ctx.Value(contextKey{}).(fleet.Principal)
	return p
}
