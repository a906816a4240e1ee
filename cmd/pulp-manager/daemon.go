// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/pulp/pulp-manager/internal/auth"
	"github.com/pulp/pulp-manager/internal/config"
	"github.com/pulp/pulp-manager/internal/exporter"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job"
	"github.com/pulp/pulp-manager/internal/job/catalog"
	"github.com/pulp/pulp-manager/internal/job/groupsync"
	"github.com/pulp/pulp-manager/internal/job/register"
	"github.com/pulp/pulp-manager/internal/job/removerepositories"
	"github.com/pulp/pulp-manager/internal/job/reposync"
	"github.com/pulp/pulp-manager/internal/job/snapshot"
	"github.com/pulp/pulp-manager/internal/listen"
	"github.com/pulp/pulp-manager/internal/reconcile"
	"github.com/pulp/pulp-manager/internal/store"
)

// daemon is what all roles of a process share. It is wired by hand, here.
type daemon struct {
	options options
	log     *slog.Logger
	current atomic.Pointer[config.Config]
	problem atomic.Pointer[string] // why the newest configuration is not in force
	onReady func(address string)   // told once where the API listens, when everything runs; may be nil

	owner, host string // this process among all that share the database
	roles       roles
	store       *store.Store
	database    config.Database
	embedded    bool
	keys        config.Keys
	jobs        []job.Definition
	env         *job.Env
	vaults      vaults
	access      *auth.Service // of a process that serves the API
	directories directories
	served      *listen.Server // the API; nil: none is
	process     *exporter.Process
}

// openDaemon reads the configuration and opens the store.
func openDaemon(ctx context.Context, o options, r roles) (*daemon, error) {
	log, err := o.logger()
	if err != nil {
		return nil, err
	}
	database, err := config.FindDatabase(o.sources)
	if err != nil {
		return nil, err
	}
	if database.Embedded() && r.exporter() {
		return nil, fault.New(fault.Invalid, "the embedded database is for one process: `pulp-manager serve`, which serves the metrics of the fleet itself").
			WithHint("scrape `pulp-manager serve` at its --metrics-listen, or give --database-url with a PostgreSQL to run the exporter apart")
	}
	if database.Embedded() && !r.all() {
		return nil, fault.New(fault.Invalid, "the embedded database is for one process that does everything: `pulp-manager serve`").
			WithHint("run `pulp-manager serve`, or give --database-url with a PostgreSQL to run api, worker and scheduler apart")
	}
	loaded, err := config.Load(o.sources)
	if err != nil {
		return nil, err
	}
	for _, p := range loaded.Problems {
		log.Warn("configuration", "problem", p.String())
	}
	var keys config.Keys
	if !r.exporter() { // it needs none, and should not have them
		if keys, err = config.FindKeys(database, o.sources); err != nil {
			return nil, err
		}
	}
	d := &daemon{options: o, log: log, database: database, embedded: database.Embedded(), keys: keys}
	d.owner, d.host = owner()
	d.roles = r
	d.current.Store(loaded)
	d.setLevel(ctx)
	if d.store, err = store.Open(ctx, store.Options{DatabaseURL: database.URL.Reveal(), DataDir: database.DataDir, Logger: log}); err != nil {
		return nil, err
	}
	if r.api {
		if err := d.openLogins(); err != nil {
			return nil, errors.Join(err, d.store.Close())
		}
	}
	d.wire()
	if r.scheduler {
		if err := d.apply(ctx, loaded); err != nil {
			return nil, errors.Join(err, d.store.Close())
		}
	}
	return d, nil
}

func (d *daemon) settings() config.Settings { return d.current.Load().Settings }

// wire makes what runs need.
func (d *daemon) wire() {
	settings := d.settings()
	d.jobs = catalog.All(catalog.Settings{
		Register: register.Settings{
			Definitions: definitions{d}, LocalDir: pointer(settings.Pulp.LocalDir), Rules: d.definitionRules,
			Secret: d.definitionSecret, Fingerprints: d.store, Fingerprint: d.fingerprint,
		},
		GroupSync: groupsync.Settings{
			Rules: d.mirrorRules, MirrorAddress: d.mirrorAddress, FullSyncInterval: d.fullSyncInterval,
			Login: d.mirrorLogin, Fingerprints: d.store, Fingerprint: d.fingerprint,
		},
		RepoSync: reposync.Settings{Unchanged: reposync.Unchanged{
			FullSyncInterval: d.fullSyncInterval, ProbeUpstream: func() bool { return d.settings().Pulp.ProbeUpstream }, Banned: d.bannedPackages,
		}, Bans: reposync.Bans{Banned: func() *fleet.Pattern { return d.settings().Pulp.BannedPackages }, Internal: d.internal}},
		Removal:  removerepositories.Settings{MirrorAddress: d.mirrorAddress},
		Snapshot: snapshot.Settings{Rename: func() fleet.Rename { return d.settings().Pulp.Rename }},
	})
	d.env = &job.Env{
		Servers: d.store, Repositories: d.store, Tasks: d.store, Work: d.store, Requests: d.store, Locks: d.store, SyncRecords: d.store, Ownership: d.store,
		Catalog: d.jobs, Logger: d.log, Policy: d.pulpTaskPolicy,
		Pulps:  job.NewPulps(d.connect, settings.Pulp.RequestTimeout),
		Limits: &job.Limits{PerServer: settings.Pulp.MaxSyncsPerServer, PerUpstream: settings.Pulp.MaxSyncsPerUpstream, Log: d.log},
	}
	d.observe()
	d.env.Pulps.Log, d.env.Pulps.Adaptive = d.log, func() bool { return settings.Pulp.AdaptiveConcurrency }
	if !d.embedded { // there may be other processes
		d.env.Limits.Shared = d.store
	}
}

func (d *daemon) pulpTaskPolicy() job.Policy {
	p := d.settings().Pulp
	return job.Policy{StageRetries: p.StageRetries, SilentWarning: p.SilentWarning, SilentLimit: p.SilentLimit}
}

func (d *daemon) fullSyncInterval() time.Duration { return d.settings().Pulp.FullSyncInterval }

// internal tells whether a feed is internal by the settings in force.
func (d *daemon) internal(feed string) bool {
	return reconcile.Rules{InternalDomains: d.settings().Pulp.InternalDomains}.Internal(feed)
}

// bannedPackages is the text of the pattern of packages that are taken out.
func (d *daemon) bannedPackages() string { return d.settings().Pulp.BannedPackages.String() }

func pointer(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// fingerprint gives what is remembered of a secret: nothing that tells it without our key.
func (d *daemon) fingerprint(s fleet.Secret) string {
	mac := hmac.New(sha256.New, []byte(d.keys.Seal.Reveal()))
	mac.Write([]byte(s.Reveal()))
	return hex.EncodeToString(mac.Sum(nil))
}

// apply puts a configuration in force.
func (d *daemon) apply(ctx context.Context, c *config.Config) error {
	if !c.HasFleet {
		return nil
	}
	applied, err := d.store.Apply(ctx, c.Fleet, d.options.allowRemovals)
	if err != nil {
		return err
	}
	d.log.Info("configuration in force", "unchanged", applied.Unchanged, "added", applied.Added, "changed", applied.Changed, "removed", applied.Removed)
	return nil
}

// watchConfig puts changed files in force; a bad one leaves what is, and /readyz says so.
func (d *daemon) watchConfig(ctx context.Context, hangup <-chan os.Signal, applies bool) {
	config.Watcher{
		Sources: d.options.sources, InForce: d.current.Load(), Hangup: hangup,
		OnChange: func(c *config.Config) {
			if d.access != nil {
				if err := d.checkLogins(c.Settings); err != nil {
					d.reject(err)
					return
				}
			}
			if applies {
				if err := d.apply(ctx, c); err != nil {
					d.reject(err)
					return
				}
			}
			d.current.Store(c)
			d.setLevel(ctx)
			d.problem.Store(nil)
		},
		OnProblem: d.reject,
	}.Watch(ctx)
}

func (d *daemon) reject(err error) {
	text := fmt.Sprintf("the changed configuration is not in force: %s", shown(err))
	d.problem.Store(&text)
	d.log.Error("configuration not changed", "err", err)
}

// owner names this process among all that share the database.
func owner() (id, host string) {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s:%d:%s", host, os.Getpid(), uuid.NewString()[:8]), host
}
