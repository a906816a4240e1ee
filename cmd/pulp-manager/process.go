// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/pulp/pulp-manager/internal/api"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// heartbeatTime is how long telling that this process is there may take.
const heartbeatTime = 5 * time.Second

// String names the roles as fleet.Process does.
func (r roles) String() string {
	if r.exporter() {
		return fleet.ProcessExporter
	}
	var names []string
	for _, role := range []struct {
		name string
		is   bool
	}{{fleet.ProcessAPI, r.api}, {fleet.ProcessWorker, r.worker}, {fleet.ProcessScheduler, r.scheduler}} {
		if role.is {
			names = append(names, role.name)
		}
	}
	return strings.Join(names, " ")
}

// beat tells the store that this process is there, now and again until ctx ends, and then that it stops.
func (d *daemon) beat(ctx context.Context, r roles) {
	p := fleet.Process{Owner: d.owner, Host: d.host, PID: os.Getpid(), Roles: r.String(), Version: version}
	ticker := time.NewTicker(fleet.HeartbeatEach)
	defer ticker.Stop()
	for silent := false; ; {
		err := within(ctx, heartbeatTime, func(ctx context.Context) error { return d.store.NoteProcess(ctx, p) })
		switch {
		case err != nil && ctx.Err() == nil && !silent:
			d.log.Warn("the database does not know that this process is there", "err", err)
		case err == nil && silent:
			d.log.Info("the database knows again that this process is there")
		}
		silent = err != nil
		select {
		case <-ctx.Done():
			err := within(context.WithoutCancel(ctx), heartbeatTime, func(ctx context.Context) error { return d.store.DropProcess(ctx, d.owner) })
			if err != nil {
				d.log.Info("the database does not know that this process stops", "err", err)
			}
			return
		case <-ticker.C:
		}
	}
}

func within(ctx context.Context, limit time.Duration, fn func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return fn(ctx)
}

// others tells whether there are processes for the roles that this one leaves to others. What lacks is no reason
// to answer nothing: what is stored can be read and asked for.
func (d *daemon) others(ctx context.Context) []api.Check {
	var checks []api.Check
	for _, other := range []struct {
		check, role, work string
		ours              bool
	}{
		{"workers", fleet.ProcessWorker, "tasks wait", d.roles.worker},
		{"scheduler", fleet.ProcessScheduler, "schedules do not fire, and changed configuration is not put in force", d.roles.scheduler},
	} {
		check := api.Check{Name: other.check, OK: true}
		if !other.ours {
			switch alive, err := d.aliveIn(ctx, other.role); {
			case err != nil:
				check.Warning = "not known: " + shown(err)
			case alive == 0:
				check.Warning = fmt.Sprintf("no %s process has been seen for %.0f seconds: %s; start `pulp-manager %s` on some machine, or look why it does not reach the database (`pulp-manager processes`)",
					other.role, fleet.AliveFor.Seconds(), other.work, other.role)
			}
		}
		checks = append(checks, check)
	}
	return checks
}

// aliveIn counts the processes alive that have a role.
func (d *daemon) aliveIn(ctx context.Context, role string) (int, error) {
	page, err := d.store.FindProcesses(ctx, fleet.Query{Page: 1, Size: 1000, Sort: "last_seen", Desc: true})
	alive := 0
	for _, p := range page.Items {
		if p.Alive && slices.Contains(strings.Fields(p.Roles), role) {
			alive++
		}
	}
	return alive, err
}
