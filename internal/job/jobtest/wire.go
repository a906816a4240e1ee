// SPDX-License-Identifier: Apache-2.0

package jobtest

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job"
	"github.com/pulp/pulp-manager/internal/job/catalog"
	"github.com/pulp/pulp-manager/internal/job/groupsync"
	"github.com/pulp/pulp-manager/internal/job/register"
	"github.com/pulp/pulp-manager/internal/job/removerepositories"
	"github.com/pulp/pulp-manager/internal/job/reposync"
	"github.com/pulp/pulp-manager/internal/pulp"
	"github.com/pulp/pulp-manager/internal/reconcile"
	"github.com/pulp/pulp-manager/internal/store"
)

// Wiring is what a program around the jobs gives them.
type Wiring struct {
	Store       *store.Store
	Definitions fleet.Definitions
	Limits      *job.Limits
	Timing      job.Timing
	Request     time.Duration // a request's time limit
	Password    func() string // of every server's user
	Secret      func() string // of every definition
	Unchanged   reposync.Unchanged
	Bans        reposync.Bans
}

// Env wires the jobs as the daemon does, to servers whose names are their addresses.
func (w Wiring) Env() *job.Env {
	pulps := job.NewPulps(w.connect, w.Request)
	pulps.Timing = w.Timing
	return &job.Env{
		Servers: w.Store, Repositories: w.Store, Tasks: w.Store, Work: w.Store, Requests: w.Store, Locks: w.Store, SyncRecords: w.Store, Ownership: w.Store,
		Pulps: pulps, Limits: w.Limits, Logger: logger(),
		Catalog: catalog.All(catalog.Settings{
			Register: register.Settings{
				Definitions: w.Definitions, Rules: signed, Fingerprints: w.Store,
				Fingerprint: fingerprint,
				Secret: func(context.Context, fleet.SecretSource) (fleet.Secret, error) {
					return fleet.NewSecret(w.Secret()), nil
				},
			},
			GroupSync: groupsync.Settings{
				Rules:            func(context.Context, *job.Server) (reconcile.Rules, error) { return reconcile.Rules{}, nil },
				MirrorAddress:    func(s fleet.Server) string { return "http://" + string(s.Name) },
				FullSyncInterval: w.Unchanged.FullSyncInterval,
				Fingerprints:     w.Store, Fingerprint: fingerprint, Login: w.login,
			},
			RepoSync: reposync.Settings{Unchanged: w.Unchanged, Bans: w.Bans},
			Removal:  removerepositories.Settings{MirrorAddress: func(s fleet.Server) string { return "http://" + string(s.Name) }},
		}),
	}
}

func (w Wiring) connect(s fleet.Server) (*pulp.Client, error) {
	return pulp.New(pulp.Config{
		Base: "http://" + string(s.Name), Name: string(s.Name), Username: s.Username, RequestTimeout: w.Request,
		RetryWait: time.Millisecond, Password: func(context.Context) (string, error) { return w.Password(), nil },
	})
}

// signed gives the rules for repositories that the server signs itself.
func signed(ctx context.Context, s *job.Server) (reconcile.Rules, error) {
	var services []pulp.SigningService
	err := s.Try(ctx, nil, func(ctx context.Context) error {
		var err error
		services, err = s.Client.SigningServices(ctx, "deb-release")
		return err
	})
	if err != nil {
		return reconcile.Rules{}, err
	}
	if len(services) != 1 {
		return reconcile.Rules{}, fault.New(fault.Invalid, "server %s has %d signing services deb-release", s.Name, len(services))
	}
	return reconcile.Rules{SigningServices: map[string]string{"deb_signing_service": string(services[0].Href)}}, nil
}

// logger drops everything, unless PULPMAN_TEST_LOG is set.
func logger() *slog.Logger {
	if os.Getenv("PULPMAN_TEST_LOG") == "" {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(os.Stderr, nil))
}

// login is what secondaries log in to a primary with.
func (w Wiring) login(_ context.Context, primary fleet.Server) (map[string]fleet.Secret, error) {
	return map[string]fleet.Secret{"username": fleet.NewSecret(primary.Username), "password": fleet.NewSecret(w.Password())}, nil
}

func fingerprint(s fleet.Secret) string { return "fingerprint of " + s.Reveal() }
