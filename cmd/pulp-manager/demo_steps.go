// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/pulp/pulp-manager/client"
	"github.com/pulp/pulp-manager/internal/content"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// demoServer is one of the two servers.
type demoServer struct {
	id      int64
	name    string
	content string // scheme, host and path below which clients read its distributions
}

// demoRepository is a repository as its definition has it: all that a client needs to know.
type demoRepository struct {
	kind     content.Type
	name     string
	basePath string
	remote   map[string]any // fields of the primary's remote
}

// look finds the two servers and what is to be on them.
func (m *demo) look(ctx context.Context) (err error) {
	if m.primary, err = m.server(ctx, m.options.primary); err != nil {
		return err
	}
	if m.secondary, err = m.server(ctx, m.options.secondary); err != nil {
		return err
	}
	defined, _, err := definitions{m.daemon}.Definitions(ctx) // what is wrong with them is said by the registration
	if err != nil {
		return err
	}
	for _, d := range defined {
		kind, known := content.Find(d.Type)
		path, err := fleet.BasePath(d.BaseURL, d.Name, m.daemon.settings().Pulp.Rename)
		if known && err == nil && d.External() {
			m.wanted = append(m.wanted, demoRepository{kind: kind, name: d.Name, basePath: path, remote: kind.Remote(d.Options)})
		}
	}
	if len(m.wanted) == 0 {
		return fault.New(fault.Invalid, "no definition has a url to sync from").WithHint("see local_repo_config_dir in %s", m.options.sources.ConfigPath)
	}
	return nil
}

// server finds a server by its name.
func (m *demo) server(ctx context.Context, name string) (demoServer, error) {
	row, err := m.daemon.store.ServerByName(ctx, fleet.ServerName(name))
	if err != nil {
		return demoServer{}, err
	}
	origin := strings.TrimRight(row.ContentOrigin, "/")
	if origin == "" {
		origin = apiAddress(row, m.daemon.settings())
	}
	return demoServer{id: int64(row.ID), name: name, content: origin + demoContent}, nil
}

// steps registers and syncs. What does not go well is said, and shows in the table.
func (m *demo) steps(ctx context.Context) error {
	var names []string
	for _, r := range m.wanted {
		names = append(names, regexp.QuoteMeta(r.name))
	}
	only := "^(" + strings.Join(names, "|") + ")$"
	sync := map[string]any{"max_runtime": "1h", "max_concurrent_syncs": 2, "regex_include": only}
	mirror := map[string]any{"max_runtime": "1h", "max_concurrent_syncs": 2, "regex_include": only, "source_pulp_server_name": m.primary.name}
	kind := "real"
	if m.options.simulated {
		kind = "simulated"
	}
	m.printf("Pulp Manager on two %s Pulp servers\n  primary    %s\n  secondary  %s\n\n", kind, m.primary.name, m.secondary.name)
	for _, s := range []demoStep{
		{"register the definitions on the primary", m.primary, "register_repos", map[string]any{"max_runtime": "1h"}},
		{"sync the primary", m.primary, "sync_repos", sync},
		{"sync the secondary from the primary", m.secondary, "sync_repos", mirror},
	} {
		if err := m.step(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// demoStep is a task that the demo asks for.
type demoStep struct {
	title  string
	server demoServer
	path   string
	body   map[string]any
}

// step asks for a task and waits for it. The error is about asking; a task that failed is said.
func (m *demo) step(ctx context.Context, s demoStep) error {
	began := time.Now()
	line := func(detail string) string {
		return fmt.Sprintf("%-40s %6.1f s  %s", s.title, time.Since(began).Seconds(), clean(detail))
	}
	task, err := m.api.Ask(ctx, s.server.id, s.path, s.body)
	if err != nil {
		return err
	}
	var last []client.Task
	ended, err := m.api.WaitTask(ctx, task.ID, func(t client.TaskDetail, children []client.Task) {
		last = children
		if m.live && !t.Final() {
			columns, _ := terminalSize(m.out)
			m.printf("\r\x1b[K%s", cut(line(demoProgress(t, children)), columns-1))
		}
	})
	if m.live {
		m.printf("\r\x1b[K")
	}
	if err != nil {
		return err
	}
	m.printf("%s\n", line(demoProgress(ended, last)))
	if err := verdict(ended, last); err != nil {
		m.printf("  %s\n", shown(err))
		if hint := fault.Hint(err); hint != "" {
			m.printf("  what to do: %s\n", hint)
		}
	}
	return nil
}

// demoProgress tells how far a task is: its children by state, else what it says itself.
func demoProgress(t client.TaskDetail, children []client.Task) string {
	switch n := len(t.Stages); {
	case len(children) > 0:
		return tally(children)
	case n > 0 && t.Stages[n-1].Msg() != "":
		return t.Stages[n-1].Msg()
	case n > 0:
		return t.Stages[n-1].Name
	}
	return t.State
}
