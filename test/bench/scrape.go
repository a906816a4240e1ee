// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/pulp/pulp-manager/client"
)

const (
	scrapes      = 10
	scrapeRepos  = 125 // a server with series of its own: 100 servers, four series each, are 50,000
	scrapeConfig = "[pulp]\nprobe_interval = 0\n\n[auth]\nmethod = none\n\n[metrics]\nper_repository = %s\n"
)

// scheduled gives every repository of `lists` a schedule, so that it has all series there are, and has all tasks queued today.
var scheduled = []string{
	"INSERT INTO repo_groups (id, name, include, exclude, date_created, date_last_updated) VALUES (9001, 'all', '^(ext|int)-', 'nothing-[0-9]+$', '@now', '@now')",
	`INSERT INTO server_groups (server_id, group_id, primary_server, schedule, max_concurrent_syncs, max_runtime, date_created, date_last_updated)
		SELECT id, 9001, '', '0 3 * * *', 2, '6h', '@now', '@now' FROM servers`,
	"UPDATE tasks SET date_queued = '@now'",
}

// scrape measures the exporter in the built daemon, on the fleet of `lists`: the servers' series of 500,000 repositories, and
// 50,000 series of repositories.
func scrape(ctx context.Context, o options, r *result) error {
	dir, binary, remove, err := workspace(ctx, o, "scrape")
	if err != nil {
		return err
	}
	defer remove()
	data := filepath.Join(dir, "data")
	s, err := listStore(ctx, data, "", true)
	if err == nil {
		err = errors.Join(s.Close(), statements(ctx, data, scheduled...))
	}
	if err != nil {
		return err
	}
	few := []string{fmt.Sprintf("DELETE FROM repositories WHERE (id - 1) %% %d >= %d", listRepositories, scrapeRepos)}
	for _, c := range []struct {
		what, per string
		before    []string
		goal      float64
		series    string // counted
		want      int
		extra     float64
	}{
		{"100 servers with 500,000 repositories, series of servers alone", "auto", nil, 300, "\npulp_manager_pulp_server_repositories{", 4 * listServers, 0},
		{"50,000 series of repositories", "on", few, 1500, `repo_name="`, 4 * listServers * scrapeRepos, 60},
	} {
		if err := statements(ctx, data, c.before...); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, "config.ini"), fmt.Appendf(nil, scrapeConfig, c.per), 0o600); err != nil {
			return err
		}
		d, err := serveAlone(ctx, binary, dir)
		if err != nil {
			return err
		}
		err = d.scraped(ctx, r, c.what, c.goal, c.series, c.want, c.extra)
		if err := errors.Join(err, d.stop()); err != nil {
			return err
		}
	}
	return nil
}

// statements changes the database in a folder while no daemon uses it.
func statements(ctx context.Context, dir string, all ...string) error {
	if len(all) == 0 {
		return nil
	}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "pulp-manager.db"))
	if err != nil {
		return err
	}
	for _, text := range all {
		if _, err := db.ExecContext(ctx, strings.ReplaceAll(text, "@now", time.Now().UTC().Format("2006-01-02 15:04:05.000000-07:00"))); err != nil {
			return errors.Join(fmt.Errorf("%w: %s", err, text), db.Close())
		}
	}
	return db.Close()
}

// serveAlone starts the daemon on what is in its database, without a pulp_config.yml.
func serveAlone(ctx context.Context, binary, dir string) (*daemon, error) {
	var ports [2]string
	for i := range ports {
		port, err := freePort(ctx)
		if err != nil {
			return nil, err
		}
		ports[i] = "127.0.0.1:" + port
	}
	d := &daemon{dir: dir, url: "http://" + ports[0], meters: "http://" + ports[1] + "/metrics"}
	var err error
	if d.client, err = client.New(d.url); err != nil {
		return nil, err
	}
	if d.log, err = os.OpenFile(filepath.Join(dir, "daemon.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
		return nil, err
	}
	d.command = exec.CommandContext(context.WithoutCancel(ctx), binary, "serve", "--config", filepath.Join(dir, "config.ini"),
		"--data-dir", filepath.Join(dir, "data"), "--listen", ports[0], "--metrics-listen", ports[1])
	d.command.Env = append(environment(), "PULP_MANAGER_SKIP_PARSER_CONFIG=1")
	d.command.Stdout, d.command.Stderr = d.log, d.log
	if err := d.command.Start(); err != nil {
		return nil, err
	}
	if err := d.awaitReady(ctx, time.Now()); err != nil {
		return nil, errors.Join(err, d.stop())
	}
	return d, nil
}

// scraped measures some scrapes, one after the other, as Prometheus asks for them.
func (d *daemon) scraped(ctx context.Context, r *result, what string, goal float64, series string, want int, extra float64) error {
	before, _ := d.memory()
	used, err := d.processor()
	if err != nil {
		return err
	}
	var took []float64
	size := 0
	for range scrapes {
		began := time.Now()
		text, err := d.meter(ctx)
		if err != nil {
			return err
		}
		took = append(took, float64(time.Since(began).Microseconds())/1000)
		if n := bytes.Count(text, []byte(series)); n != want {
			return fmt.Errorf("%s: %d of %q, want %d", what, n, series, want)
		}
		size = len(text)
	}
	_, most := d.memory()
	now, err := d.processor()
	if err != nil {
		return err
	}
	spent := float64((now - used).Milliseconds()) / scrapes
	r.median(figure{Name: "a scrape of " + what, Unit: "ms", Goal: goal, Note: fmt.Sprintf("%.0f ms of processor time; %.1f MB of text, packed on the way", spent, float64(size)/1e6)}, took)
	r.add(figure{Name: "memory (RSS) at its most, beyond that before, " + what, Unit: "MB", Measured: most - before, Goal: extra, Free: extra == 0})
	r.add(figure{Name: "memory (RSS) of the whole daemon at its most, " + what, Unit: "MB", Measured: most, Goal: 100})
	return nil
}

// meter scrapes the daemon once. The answer comes packed.
func (d *daemon) meter(ctx context.Context) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, d.meters, nil)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(request) // which asks for it packed, and unpacks it
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: answered %s", d.meters, answer.Status)
	}
	return text, err
}
