// SPDX-License-Identifier: Apache-2.0

// Package web is the pages for people: logging in, and the engine's pages about jobs behind a lock.
//
// routes.go is the map of it. The pages are made here and need no script. They are served behind the API's guard, which
// gives each request its id, refuses other sites' pages, and logs.
package web

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/pulp/pulp-manager/internal/auth"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// Access says who may do what. *auth.Service is one.
type Access interface {
	Login(ctx context.Context, a auth.Attempt) (auth.Session, error)
	Principal(ctx context.Context, token string) (fleet.Principal, error)
	Logout(ctx context.Context, p fleet.Principal) error
	Policy() auth.Policy
}

// Options is what the pages need.
type Options struct {
	Access  Access
	Audit   fleet.Audit  // records logins; nil: they are not recorded
	Jobs    http.Handler // the engine's pages, below JobsPrefix; nil: there are none
	Version string       // of the daemon
	Logger  *slog.Logger
}

// JobsPrefix is where the engine's pages are.
const JobsPrefix = "/jobs"

// web is the state of the pages. It does not change after New.
type web struct {
	Options
	origins *http.CrossOriginProtection
	rare    auth.Rarely // what is not recorded every time
}

// New makes the pages.
func New(o Options) *http.ServeMux {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return (&web{Options: o, origins: http.NewCrossOriginProtection()}).routes()
}

// who tells who makes a request. A token that is over counts as none.
func (w *web) who(r *http.Request) (fleet.Principal, error) {
	token, _, err := auth.Token(r)
	if err == nil && token != "" {
		who, err := w.Access.Principal(r.Context(), token)
		if !fault.Is(err, fault.Unauthenticated) {
			return who, err
		}
	}
	return w.Access.Principal(r.Context(), "")
}
