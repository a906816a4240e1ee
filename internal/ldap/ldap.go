// SPDX-License-Identifier: Apache-2.0

// Package ldap asks an LDAP directory, Active Directory among them, whether a password is right and in which
// groups its user is (legacy section 4.1).
package ldap

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// Config says where the directory is and how people are found in it. The texts are those of section [auth] of config.ini.
type Config struct {
	Servers []string // host or host:port, in the order they are tried

	UseSSL    bool // false still encrypts, with a warning, unless Plaintext (D47)
	StartTLS  bool // on the plain port, instead of LDAPS
	Plaintext bool // with UseSSL false: passwords cross the network in clear
	CA        []byte
	OnlyCA    bool // CA alone is trusted; false: beside the system's

	BaseDN        string // where people and groups are looked for
	DefaultDomain string // of names without one
	BindName      string // template of {user}, {domain} and {base_dn}; empty: DOMAIN\user, and names with a domain as they are
	UserFilter    string // template of {user}; empty: (sAMAccountName={user})
	NestedGroups  string // auto, ad, recursive or off; empty: auto

	Timeout time.Duration // of connecting to a server, and of each of its answers; 0: 5 s
	Logger  *slog.Logger  // of servers that do not answer and logins that are refused; nil: none
}

const timeout = 5 * time.Second

// Directory is an LDAP directory on one or more servers with the same content. It is safe for use by many
// goroutines, keeps no connection and no password.
type Directory struct {
	servers  []*server
	names    names
	base     string
	nested   string
	timeout  time.Duration
	log      *slog.Logger
	warnings []string
	now      func() time.Time

	mu        sync.Mutex // guards what follows, and the changing part of servers
	good      *server    // answered where one before it did not; nil: none
	goodUntil time.Time
}

var _ fleet.Directory = (*Directory)(nil)

// New makes a directory. It connects to nothing. The error is Invalid: what is wrong in which key of [auth].
func New(cfg Config) (*Directory, error) {
	d := &Directory{base: cfg.BaseDN, nested: cfg.NestedGroups, timeout: cfg.Timeout, log: cfg.Logger, now: time.Now}
	if d.timeout <= 0 {
		d.timeout = timeout
	}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	if d.nested == "" {
		d.nested = "auto"
	}
	if !slices.Contains([]string{"auto", "ad", "recursive", "off"}, d.nested) {
		return nil, fault.New(fault.Invalid, "[auth] ldap_nested_groups is not auto, ad, recursive or off")
	}
	var err error
	if d.names, err = newNames(cfg); err != nil {
		return nil, err
	}
	w, warnings := wayOf(cfg)
	d.warnings = slices.Concat(warnings, d.names.warnings())
	var roots *tls.Config
	if w != plain {
		if roots, err = trust(cfg); err != nil {
			return nil, err
		}
	}
	if len(cfg.Servers) == 0 {
		return nil, fault.New(fault.Invalid, "no LDAP server is configured").WithHint("set [auth] ldap_servers in config.ini")
	}
	for _, text := range cfg.Servers {
		s, err := newServer(text, w, roots)
		if err != nil {
			return nil, err
		}
		d.servers = append(d.servers, s)
	}
	return d, nil
}

// Warnings are what an administrator should know about the configuration, to be shown at each start.
func (d *Directory) Warnings() []string { return slices.Clone(d.warnings) }

// Login gives who logged in. Unauthenticated where the directory says that name or password are wrong, and for what
// need not be sent to it: an empty password (D49), a name that cannot be one. Unavailable where no server can
// be asked, with the reason of each. Internal where the configuration does not fit the directory.
func (d *Directory) Login(ctx context.Context, user string, password fleet.Secret) (fleet.Identity, error) {
	n, err := d.names.parse(user)
	if err == nil {
		err = usable(password)
	}
	if err != nil {
		return fleet.Identity{}, err
	}
	var outages []outage
	for _, s := range d.order() {
		began := d.now()
		id, err := d.ask(ctx, s, n, password)
		o, failed := outageOf(err)
		if !failed {
			d.answered(s)
			return id, err
		}
		if ctx.Err() != nil {
			// The server is to blame only where it had time, and nobody left.
			if !errors.Is(ctx.Err(), context.DeadlineExceeded) || d.now().Sub(began) < d.timeout/2 {
				return fleet.Identity{}, fault.Wrap(fault.Unavailable, context.Cause(ctx), "the login was given up: it took too long")
			}
			o.reason, o.dead = "no answer before the time of the request was over", true
		}
		d.failed(ctx, s, o)
		outages = append(outages, o)
		if ctx.Err() != nil {
			break
		}
	}
	return fleet.Identity{}, unavailable(outages)
}

// ask logs in on one server.
func (d *Directory) ask(ctx context.Context, s *server, n name, password fleet.Secret) (fleet.Identity, error) {
	c, err := d.connect(ctx, s)
	if err != nil {
		return fleet.Identity{}, err
	}
	defer c.close()
	if err := c.bind(n, password); err != nil {
		return fleet.Identity{}, err
	}
	e, err := d.find(c, n)
	if err != nil {
		return fleet.Identity{}, err
	}
	groups, err := d.groups(ctx, c, e)
	if err != nil {
		return fleet.Identity{}, err
	}
	return fleet.Identity{User: e.user, Groups: groups}, nil
}
