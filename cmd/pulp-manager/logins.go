// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/pulp/pulp-manager/internal/api"
	"github.com/pulp/pulp-manager/internal/auth"
	"github.com/pulp/pulp-manager/internal/config"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// openLogins makes the service that says who may do what. Invalid where the settings are none to start with.
func (d *daemon) openLogins() error {
	settings := d.settings()
	if err := d.checkLogins(settings); err != nil {
		return err
	}
	key, err := settings.Auth.SigningKey()
	if err != nil {
		return err
	}
	tokens, err := auth.NewTokens(auth.TokenOptions{
		Algorithm: settings.Auth.JWTAlgorithm, Secret: d.keys.JWT, PEM: key,
		Lifetime: func() time.Duration { return d.settings().Auth.TokenLifetime },
	})
	if err != nil {
		return err
	}
	if settings.Auth.SharedKey() && len(d.keys.JWT.Reveal()) < auth.ShortestSecret {
		d.log.Warn("JWT_SECRET is so short that tokens may be forged by guessing it", "bytes", len(d.keys.JWT.Reveal()), "least", auth.ShortestSecret,
			"remedy", "make one with `openssl rand -hex 32`")
	}
	if err := d.firstUser(settings); err != nil {
		return err
	}
	d.access = auth.New(auth.Options{Directory: directory{d}, Logins: d.store, Tokens: tokens, Logger: d.log, Policy: d.policy})
	if check := d.accessCheck(); check.Warning != "" {
		d.log.Warn("access", "warning", check.Warning, "listen", d.options.listen)
	}
	return nil
}

// checkLogins refuses settings of logins that no process may serve the API with.
func (d *daemon) checkLogins(s config.Settings) error {
	method := s.Auth.LoginMethod()
	if method == config.MethodNone && !loopback(d.options.listen) {
		return fault.New(fault.Invalid, "[auth] method = none, but the API listens on %s, beyond this machine", d.options.listen).
			WithHint("listen on loopback (--listen 127.0.0.1:8080), or let people log in: method = static or ldap")
	}
	if method == config.MethodStatic && s.Auth.RequireJWT {
		_, err := s.Auth.UsersPath(d.database)
		return err
	}
	return nil
}

// policy gives the rules by the settings in force. Nothing but these two opens the door (D40).
func (d *daemon) policy() auth.Policy {
	a := d.settings().Auth
	none := a.LoginMethod() == config.MethodNone && loopback(d.options.listen)
	return auth.Policy{Open: none || !a.RequireJWT, PublicReads: a.PublicReads, AdminGroups: a.AdminGroups, ReaderGroups: a.ReaderGroups}
}

// firstUser makes the users file of an embedded daemon that nobody has configured logins for, and shows its password to
// the person who starts it: once, and never in the log.
func (d *daemon) firstUser(s config.Settings) error {
	if s.Auth.LoginMethod() != config.MethodStatic || !s.Auth.RequireJWT || s.Auth.UsersFile != "" || !d.database.Embedded() {
		return nil
	}
	path, err := s.Auth.UsersPath(d.database)
	if err != nil {
		return err
	}
	password, err := auth.FirstUsers(path)
	if err != nil || password.Empty() {
		return err
	}
	out := d.options.notices
	if out == nil {
		out = os.Stderr
	}
	_, err = fmt.Fprintf(out, firstUserText, auth.FirstUser, password.Reveal(), path)
	if err != nil { // nobody will ever know it
		return fault.Wrap(fault.Internal, err, "the password of the first user cannot be shown").WithHint("delete %s, and start again with a standard error that can be written to", path)
	}
	return nil
}

const firstUserText = `
  ┌──────────────────────────────────────────────────────────────────────┐
  │  First start: log in with this user. The password is not shown again. │
  └──────────────────────────────────────────────────────────────────────┘
      user:      %s
      password:  %s
      kept in:   %s (as a hash)
      change it: pulp-manager user passwd admin

`

// accessCheck tells whether everybody can do everything, or nobody can log in.
func (d *daemon) accessCheck() api.Check {
	check := api.Check{Name: "access", OK: true}
	s := d.settings()
	switch policy := d.policy(); {
	case policy.Open && !loopback(d.options.listen):
		check.Warning = "everybody who reaches the API may do everything: [auth] require_jwt_auth = false, and it listens beyond this machine. Set it to true, or listen on loopback"
	case !policy.Open && s.Auth.LoginMethod() == config.MethodStatic:
		users, err := d.directories.users(d, s)
		if err == nil {
			err = users.Problem()
		}
		if err != nil {
			check.Warning = shown(err)
		}
	}
	return check
}

// directories holds the directory by the settings in force, which lives as long as they do.
type directories struct {
	mu   sync.Mutex
	file *auth.UsersFile
	path string // of file
}

// users gives the users file by the settings.
func (x *directories) users(d *daemon, s config.Settings) (*auth.UsersFile, error) {
	path, err := s.Auth.UsersPath(d.database)
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "%s", fault.Message(err)).WithHint("%s", fault.Hint(err))
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.file == nil || x.path != path {
		x.file, x.path = auth.NewUsersFile(path, d.log), path
	}
	return x.file, nil
}

// directory gives who knows the users, by the settings in force.
func (d *daemon) directory() (fleet.Directory, error) {
	s := d.settings()
	switch s.Auth.LoginMethod() {
	case config.MethodStatic:
		return d.directories.users(d, s)
	case config.MethodLDAP:
		return nil, fault.New(fault.Unavailable, "logins by LDAP are not there in this build").WithHint("set [auth] method = static")
	}
	return nil, fault.New(fault.Unavailable, "nobody needs to log in here: [auth] method is none")
}

// directory is the daemon's directory, whichever that is at the moment.
type directory struct{ *daemon }

// Login implements fleet.Directory.
func (d directory) Login(ctx context.Context, user string, password fleet.Secret) (fleet.Identity, error) {
	known, err := d.directory()
	if err != nil {
		return fleet.Identity{}, err
	}
	return known.Login(ctx, user, password)
}

// Standing implements auth.Standing: tokens of a users file end when another directory is in force.
func (d directory) Standing(ctx context.Context, user string) (fleet.Identity, error) {
	if d.settings().Auth.LoginMethod() != config.MethodStatic {
		return fleet.Identity{}, nil
	}
	users, err := d.directories.users(d.daemon, d.settings())
	if err != nil {
		return fleet.Identity{}, err
	}
	return users.Standing(ctx, user)
}
