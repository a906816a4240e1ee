// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// Service logs people in and out and tells who they are.
type Service struct {
	o     Options
	turns turns
}

// New makes a service.
func New(o Options) *Service {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Service{o: o}
}

// Everyone is a service to which everybody is an admin: for `method = none`, and tests.
func Everyone() *Service {
	return New(Options{Policy: func() Policy { return Policy{Open: true} }})
}

// Policy gives the rules in force.
func (s *Service) Policy() Policy { return s.o.Policy() }

// Longest name and password that are looked at, bytes.
const (
	longestUser     = 256
	longestPassword = 1024
)

// wrong is all that is said of a login that failed, whatever was wrong (D52).
func wrong() *fault.Error {
	return fault.New(fault.Unauthenticated, "wrong user name or password").WithHint("check both, and log in again")
}

// Login checks a name and a password. Unauthenticated where they are wrong (never saying which), Forbidden where they are
// right and no group gives a role, Unavailable where the directory cannot be asked; a *TooManyError in the chain
// (kind TooMany) where too many logins of this user or address failed.
func (s *Service) Login(ctx context.Context, a Attempt) (Session, error) {
	if s.o.Directory == nil || s.o.Tokens == nil {
		return Session{}, fault.New(fault.Unavailable, "nobody can log in here").WithHint("set [auth] method to ldap or static")
	}
	password := a.Password.Reveal()
	if a.User == "" || password == "" || len(a.User) > longestUser || len(password) > longestPassword || strings.ContainsRune(a.User, 0) {
		return Session{}, wrong() // D49: a directory may take an empty password for no login at all
	}
	keys := keysOf(a.User, a.Address)
	leave, err := s.turns.enter(ctx, keys)
	if err != nil {
		return Session{}, err
	}
	defer leave()
	if err := s.heard(ctx, keys); err != nil {
		return Session{}, err
	}
	who, err := s.o.Directory.Login(ctx, a.User, a.Password)
	if err != nil {
		return Session{}, s.failed(ctx, keys, a, err)
	}
	if err := s.o.Logins.ClearFailedLogins(ctx, []string{keys.both}); err != nil {
		return Session{}, closed(err)
	}
	return s.session(who)
}

// failed notes a login that failed. A directory that could not be asked says nothing about the password.
func (s *Service) failed(ctx context.Context, keys keys, a Attempt, err error) error {
	if !fault.Is(err, fault.Unauthenticated) {
		return err
	}
	s.o.Logger.Info("login failed", "address", a.Address, "err", err)
	ctx = context.WithoutCancel(ctx) // it counts also for who does not wait for the answer
	if noted := s.o.Logins.NoteFailedLogin(ctx, keys.all(), forget); noted != nil {
		return closed(noted)
	}
	refused := wrong()
	refused.Err = err
	return refused
}

// session makes the login of somebody whose password was right.
func (s *Service) session(who fleet.Identity) (Session, error) {
	policy := s.Policy()
	role := policy.role(who)
	if role == fleet.RoleNobody && !policy.Open {
		return Session{}, noRole(policy)
	}
	token, claims, err := s.o.Tokens.sign(who, policy)
	if err != nil {
		return Session{}, fault.Wrap(fault.Internal, err, "the login cannot be signed")
	}
	return Session{Token: fleet.NewSecret(token), Principal: s.principal(claims, role)}, nil
}

func noRole(p Policy) *fault.Error {
	e := fault.New(fault.Forbidden, "the login is right, but none of the user's groups has a role here")
	var roles []string
	if len(p.AdminGroups) > 0 {
		roles = append(roles, "admin: "+strings.Join(p.AdminGroups, ", "))
	}
	if len(p.ReaderGroups) > 0 {
		roles = append(roles, "reader: "+strings.Join(p.ReaderGroups, ", "))
	}
	return e.WithHint("ask to be put into one of the groups that have one (%s), and log in again", strings.Join(roles, "; "))
}

func (s *Service) principal(c *claims, role fleet.Role) fleet.Principal {
	if s.Policy().Open {
		role = fleet.RoleAdmin
	}
	return fleet.Principal{User: c.Subject, Role: role, Groups: c.Groups, TokenID: c.ID, Expires: c.ExpiresAt.Time}
}

// Principal tells who a token belongs to; Unauthenticated where it is wrong, expired or revoked, Unavailable where that
// cannot be found out. An empty token belongs to whom Policy.Anonymous says. The role is by the rules in force now:
// somebody whose groups lost their role is RoleNobody.
func (s *Service) Principal(ctx context.Context, token string) (fleet.Principal, error) {
	if token == "" {
		return s.Policy().Anonymous(), nil
	}
	p, err := s.owner(ctx, token)
	if err != nil && s.Policy().Open {
		return s.Policy().Anonymous(), nil
	}
	return p, err
}

// notLoggedIn is all that is said of a token that is no good.
func notLoggedIn(cause error, why string) error {
	return fault.Wrap(fault.Unauthenticated, cause, "%s", why).WithHint("log in again")
}

func (s *Service) owner(ctx context.Context, token string) (fleet.Principal, error) {
	if s.o.Tokens == nil {
		return fleet.Principal{}, notLoggedIn(nil, "the token is not one of ours")
	}
	c, err := s.o.Tokens.parse(token)
	if err != nil {
		return fleet.Principal{}, err
	}
	revoked, err := s.o.Logins.Revoked(ctx, c.ID)
	if err != nil {
		return fleet.Principal{}, closed(err) // D40
	}
	if revoked {
		return fleet.Principal{}, notLoggedIn(nil, "the login was ended")
	}
	who, err := s.standing(ctx, c)
	if err != nil {
		return fleet.Principal{}, err
	}
	return s.principal(c, s.Policy().role(who)), nil
}

// standing gives whom a token's claims speak of, unless the directory would not let them in any more.
func (s *Service) standing(ctx context.Context, c *claims) (fleet.Identity, error) {
	var now fleet.Identity
	if directory, ok := s.o.Directory.(Standing); ok {
		var err error
		if now, err = directory.Standing(ctx, c.Subject); err != nil && !fault.Is(err, fault.NotFound) {
			return fleet.Identity{}, closed(err)
		} else if err != nil {
			return fleet.Identity{}, notLoggedIn(err, "the login does not stand any more: the user is gone")
		}
	}
	if now.Stamp != c.Stamp {
		return fleet.Identity{}, notLoggedIn(nil, "the login does not stand any more: the user was changed")
	}
	if c.Stamp != "" {
		return now, nil
	}
	return fleet.Identity{User: c.Subject, Groups: c.Groups, Role: c.Role}, nil
}

// Logout ends the login of a token. One that is over already is no error. Unavailable where that cannot be stored:
// then the login goes on.
func (s *Service) Logout(ctx context.Context, p fleet.Principal) error {
	if p.TokenID == "" || s.o.Logins == nil {
		return nil
	}
	err := s.o.Logins.Revoke(ctx, fleet.Revocation{TokenID: p.TokenID, User: p.User, Until: p.Expires.Add(leeway + time.Minute)})
	return closed(err)
}

// closed makes sure that nobody gets in while the store cannot be asked (D40).
func closed(err error) error {
	if err == nil || fault.Is(err, fault.Unavailable) {
		return err
	}
	return fault.Wrap(fault.Unavailable, err, "logins cannot be checked right now").WithHint("try again; the daemon's log says why")
}

// Error tells how long to wait.
func (e *TooManyError) Error() string { return fmt.Sprintf("too many failed logins: wait %s", e.After) }
