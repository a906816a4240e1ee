// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/pulp/pulp-manager/internal/api"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/health"
	"github.com/pulp/pulp-manager/internal/scheduler"
	"github.com/pulp/pulp-manager/internal/store"
	"github.com/pulp/pulp-manager/internal/worker"
)

// roles are what a process does.
type roles struct{ api, worker, scheduler bool }

func (r roles) all() bool { return r.api && r.worker && r.scheduler }

// exporter tells whether the process serves metrics and does nothing else.
func (r roles) exporter() bool { return r == roles{} }

func serveCommands() []*cobra.Command {
	return []*cobra.Command{
		roleCommand("serve", "Run everything in one process: API, worker and scheduler", roles{true, true, true}),
		roleCommand("api", "Run the REST API alone (needs PostgreSQL)", roles{api: true}),
		roleCommand("worker", "Run background work alone (needs PostgreSQL)", roles{worker: true}),
		roleCommand("scheduler", "Run the schedules alone (needs PostgreSQL)", roles{scheduler: true}),
		roleCommand("exporter", "Serve the Prometheus metrics of the fleet alone (needs PostgreSQL)", roles{}),
	}
}

func roleCommand(name, short string, r roles) *cobra.Command {
	o := &options{}
	c := &cobra.Command{Use: name, Short: short, Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		d, err := openDaemon(c.Context(), *o, r)
		if err != nil {
			return err
		}
		return d.serve(c.Context(), r)
	}}
	o.daemonFlags(c)
	if r.exporter() {
		o.exporterFlags(c)
	}
	if r.api {
		o.listenFlags(c)
	}
	if r.scheduler {
		c.Flags().BoolVar(&o.allowRemovals, "allow-removals", false, "let a configuration remove all servers, or more than a third of six or more")
	}
	return c
}

// serve runs the roles until ctx ends, then hands back what is under way and closes everything.
func (d *daemon) serve(ctx context.Context, r roles) (err error) {
	defer func() {
		limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), vaultLogout)
		defer cancel()
		if err := d.vaults.close(limit); err != nil {
			d.log.Info("not logged out of Vault", "err", err)
		}
		err = errors.Join(err, d.store.Close())
		d.log.Info("stopped", "err", err)
	}()
	began := time.Now()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	if !r.worker {
		defer d.closePulps(ctx)
	}
	var parts sync.WaitGroup
	defer parts.Wait()

	address := ""
	if r.api {
		address, err = d.serveAPI(ctx, stop, &parts)
	}
	if err == nil && d.options.metricsListen != "" {
		err = d.serveMetrics(ctx, stop, &parts)
	}
	if err != nil {
		stop(err)
		return err
	}
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	parts.Go(func() { d.watchConfig(ctx, hangup, r.scheduler) })
	parts.Go(func() { d.beat(ctx, r) })
	if r.scheduler {
		parts.Go(func() { scheduler.New(d.store, d.log).Run(ctx) })
		parts.Go(func() { d.pruner().Run(ctx) })
		parts.Go(func() { d.watchdog().Run(ctx) })
		parts.Go(func() { d.teller().Run(ctx) })
		parts.Go(func() { health.Rater{Servers: d.store, Repositories: d.store, Log: d.log}.Run(ctx) })
	}
	if r.worker {
		if err := d.work(ctx, &parts); err != nil && ctx.Err() == nil { // not because it is to stop already
			stop(err)
			return err
		}
	}
	d.log.Info("ready", "version", version, "milliseconds", time.Since(began).Milliseconds(), "listen", address)
	if d.onReady != nil {
		d.onReady(address)
	}
	<-ctx.Done()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// work runs the worker until ctx ends.
func (d *daemon) work(ctx context.Context, parts *sync.WaitGroup) error {
	w := worker.New(d.store, d.env, d.owner, d.host)
	engine, err := d.store.Engine(store.EngineConfig{
		Work: func(ctx context.Context, task fleet.TaskID, jobID string) error {
			err := w.Work(ctx, task, jobID)
			var again *worker.Again
			if errors.As(err, &again) {
				return store.HandBack{After: again.After}
			}
			return err
		},
		Keep:   d.settings().Retention.Jobs(),
		Logger: d.log,
	})
	if err != nil {
		return err
	}
	if d.embedded { // nobody else can be at work
		if _, err := d.store.Reclaim(ctx); err != nil {
			return err
		}
	}
	if _, err := d.store.Sweep(ctx); err != nil {
		return err
	}
	if err := engine.Start(ctx); err != nil {
		return err
	}
	parts.Go(func() {
		loops, endLoops := context.WithCancel(context.WithoutCancel(ctx))
		var looping sync.WaitGroup
		looping.Go(func() { w.Run(loops) })
		looping.Go(func() { d.prober(d.owner).Run(loops) })
		<-ctx.Done()
		limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), d.options.drain)
		defer cancel()
		w.Stop()
		if err := engine.Stop(limit); err != nil {
			d.log.Warn("engine not stopped in time", "err", err)
		}
		endLoops()
		looping.Wait()
		if err := d.env.Pulps.Close(limit); err != nil {
			d.log.Info("not logged out of every server", "err", err)
		}
	})
	return nil
}

// api makes the REST API. Its streams end when ctx does.
func (d *daemon) api(ctx context.Context) http.Handler {
	settings := d.settings()
	return api.New(api.Options{
		Servers: d.store, Repositories: d.store, Tasks: d.store, Queue: d.store, Jobs: d.jobs, Find: d.findContent,
		ScheduleControl: d.store,
		Schedules:       d.store, EngineJobs: d.store, Processes: d.store, MaxJobPageSize: settings.Jobs.MaxPageSize, MaxStreams: settings.HTTP.MaxStreams, Stopping: ctx.Done(),
		PageSize: settings.Paging.DefaultSize, MaxPageSize: settings.Paging.MaxSize,
		Version: version, Logger: d.log, Loopback: loopback(d.options.listen) && !d.proxied(), Ready: d.ready, Origins: settings.HTTP.CORSOrigins,
		States: d.store, Requests: d.store, WaitingFor: d.explainer().WaitingFor,
		Access: d.access, Audit: d.store, Prunings: d.store, Pages: d.pages(d.access, d.store),
	})
}

// ready tells what the daemon depends on and how that is.
func (d *daemon) ready(ctx context.Context) []api.Check {
	database := api.Check{Name: "database", OK: true}
	if err := d.store.Ping(ctx); err != nil {
		database.OK, database.Problem = false, shown(err)
	}
	configuration := api.Check{Name: "configuration", OK: true}
	if why := d.problem.Load(); why != nil {
		configuration.OK, configuration.Problem = false, *why
	}
	checks := append([]api.Check{database, configuration, d.accessCheck()}, d.serving()...)
	if !database.OK {
		return checks // the others are about what is in it
	}
	checks = append(checks, d.pruningCheck(ctx)...)
	checks = append(checks, d.noticesCheck(ctx)...)
	checks = append(checks, d.workChecks(ctx)...)
	return append(checks, d.others(ctx)...)
}

// loopback tells whether an address can be reached from this machine only.
func loopback(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}
