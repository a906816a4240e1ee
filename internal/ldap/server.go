// SPDX-License-Identifier: Apache-2.0

package ldap

import (
	"context"
	"crypto/tls"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
)

const (
	// skip is how long a server that did not answer is asked last.
	skip = 30 * time.Second
	// stay is how long a server that answered where others did not is asked first.
	stay = 10 * time.Minute
)

// way is how a server is spoken to.
type way int

const (
	ldaps way = iota
	startTLS
	plain
)

// wayOf decides how servers are spoken to, and what to warn of. Only a clear wish of two keys gives up encryption (D47).
func wayOf(cfg Config) (way, []string) {
	switch {
	case !cfg.UseSSL && cfg.Plaintext && !cfg.StartTLS:
		return plain, []string{"[auth] ldap_plaintext is true: passwords cross the network in clear"}
	case !cfg.UseSSL:
		how, instead := ldaps, "LDAPS"
		if cfg.StartTLS {
			how, instead = startTLS, "StartTLS"
		}
		text := "[auth] use_ssl is false, but LDAP is encrypted all the same, by " + instead + ", as the Python version did: " +
			"set use_ssl = true, or ldap_plaintext = true for passwords in clear"
		if cfg.Plaintext {
			text = "[auth] ldap_plaintext and ldap_start_tls are both true: LDAP is encrypted, by StartTLS"
		}
		return how, []string{text}
	}
	var warnings []string
	if cfg.Plaintext {
		warnings = append(warnings, "[auth] ldap_plaintext changes nothing while use_ssl is true: LDAP is encrypted")
	}
	if cfg.StartTLS {
		return startTLS, warnings
	}
	return ldaps, warnings
}

// server is one server of the directory.
type server struct {
	name string // as configured
	addr string // host:port
	way  way
	tls  *tls.Config // nil: plain

	deadUntil time.Time // asked last until then; guarded by Directory.mu
	ad        *bool     // Active Directory; nil: not known yet; guarded by Directory.mu
}

func newServer(text string, w way, roots *tls.Config) (*server, error) {
	bad := fault.New(fault.Invalid, "[auth] ldap_servers: %q is not host or host:port", text).
		WithHint("name the host alone; use_ssl and ldap_start_tls say how it is spoken to")
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		host, port = strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"), "636"
		if w != ldaps {
			port = "389"
		}
		if strings.Contains(host, ":") && net.ParseIP(host) == nil {
			return nil, bad
		}
	}
	if number, err := strconv.ParseUint(port, 10, 16); err != nil || number == 0 || host == "" || strings.ContainsAny(host, "/@[] \t") {
		return nil, bad
	}
	s := &server{name: text, addr: net.JoinHostPort(host, port), way: w}
	if roots != nil {
		s.tls = roots.Clone()
		s.tls.ServerName = host
	}
	return s, nil
}

// order gives the servers as they are to be asked: the good one, then as configured; those that did not answer
// lately come last, and so are asked only where no other answers.
func (d *Directory) order() []*server {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	if !now.Before(d.goodUntil) {
		d.good = nil
	}
	rank := func(s *server) int {
		switch {
		case now.Before(s.deadUntil):
			return 2
		case s == d.good:
			return 0
		}
		return 1
	}
	order := slices.Clone(d.servers)
	slices.SortStableFunc(order, func(a, b *server) int { return rank(a) - rank(b) })
	return order
}

// answered remembers that a server can be asked.
func (d *Directory) answered(s *server) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s.deadUntil = time.Time{}
	if s != d.good {
		d.good, d.goodUntil = s, d.now().Add(stay)
	}
}

// failed remembers, where the server itself is the reason, that it cannot be asked.
func (d *Directory) failed(ctx context.Context, s *server, o outage) {
	d.log.WarnContext(ctx, "LDAP server cannot be asked", "ldap_server", s.name, "reason", o.reason)
	if !o.dead {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	s.deadUntil = d.now().Add(skip)
	if s == d.good {
		d.good = nil
	}
}
