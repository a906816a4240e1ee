// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/url"
	"strconv"
	"time"

	"github.com/pulp/pulp-manager/client"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// demoRow is a line of the table.
type demoRow struct {
	repository demoRepository
	primary    reading
	secondary  reading
	seconds    string // that its newest sync on the secondary took
	health     string // on the secondary
}

// good tells whether the repository is as it should be.
func (r demoRow) good() bool {
	return r.secondary.comparedWith(r.primary) == demoSame && r.health == string(fleet.Green)
}

// packages is how many packages clients of the secondary see.
func (r demoRow) packages() string {
	text := strconv.Itoa(len(r.secondary.view.Units))
	if n := len(r.primary.view.Units); n != len(r.secondary.view.Units) {
		text += " of " + strconv.Itoa(n)
	}
	return text
}

// watch prints the table, and again whenever it has changed, until ctx ends.
func (m *demo) watch(ctx context.Context) error {
	ca, err := m.daemon.settings().CA.PEM()
	if err != nil {
		return err
	}
	reader := newDemoReader(ca)
	defer reader.close()
	ticker := time.NewTicker(m.options.every)
	defer ticker.Stop()
	last := ""
	for {
		rows, err := m.rows(ctx, reader)
		if ctx.Err() != nil {
			return nil // as a person wants it, once there is a table
		}
		if err != nil {
			return err
		}
		text, err := demoTable(rows)
		if err != nil {
			return err
		}
		if text != last {
			m.printf("\nWhat clients read at %s:\n\n%s", time.Now().Format(time.TimeOnly), text)
		}
		if m.options.once {
			return demoVerdict(rows)
		}
		if last == "" {
			m.links(ctx, rows)
			m.printf("\nIt is read again every %s, and printed when it has changed. Ctrl-C ends all of it.\n", m.options.every)
		}
		last = text
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// demoTable writes the table.
func demoTable(rows []demoRow) (string, error) {
	var cells [][]string
	for _, r := range rows {
		cells = append(cells, []string{
			r.repository.name, string(r.repository.kind.Name), r.primary.state, r.secondary.comparedWith(r.primary), r.packages(), r.seconds, r.health,
		})
	}
	var text bytes.Buffer
	err := table(&text, []string{"REPOSITORY", "TYPE", "PRIMARY", "SECONDARY", "PACKAGES", "SECONDS", "HEALTH"}, cells)
	return text.String(), err
}

// demoVerdict is nil if every repository is as it should be.
func demoVerdict(rows []demoRow) error {
	bad := 0
	for _, r := range rows {
		if !r.good() {
			bad++
		}
	}
	if bad == 0 {
		return nil
	}
	return fault.New(fault.Internal, "%d of %d repositories are not the same on the secondary and green", bad, len(rows)).
		WithHint("the table names them; without --once the demo stays, and `pulp-manager tasks` says what each sync did")
}

// rows reads both servers as clients do, and the rest from our own API.
func (m *demo) rows(ctx context.Context, reader demoReader) ([]demoRow, error) {
	repositories, err := client.All(ctx, func(ctx context.Context, q url.Values) (client.Page[client.Repository], error) {
		return m.api.Repositories(ctx, m.secondary.id, q)
	}, nil)
	if err != nil {
		return nil, err
	}
	seconds, err := m.seconds(ctx)
	if err != nil {
		return nil, err
	}
	first, second := reader.readAll(ctx, m.wanted, m.primary.content, m.secondary.content)
	rows := make([]demoRow, len(m.wanted))
	for i, wanted := range m.wanted {
		rows[i] = demoRow{repository: wanted, primary: first[i], secondary: second[i], seconds: "-", health: "-"}
		for _, r := range repositories {
			if r.Name != wanted.name || r.Type != string(wanted.kind.Name) {
				continue
			}
			rows[i].health = dash(r.Health)
			if took, ok := seconds[r.ID]; ok {
				rows[i].seconds = took
			}
		}
	}
	return rows, nil
}

// seconds gives how long the newest finished sync of each repository took, by the repository's id. The
// API's dates have no fractions, the store's do.
func (m *demo) seconds(ctx context.Context) (map[int64]string, error) {
	page, err := m.api.Tasks(ctx, filters("task_type", string(fleet.KindRepoSync), "sort_by", "id", "order_by", "desc", "page_size", "500"))
	if err != nil {
		return nil, err
	}
	all := map[int64]string{}
	for _, t := range page.Items {
		var args struct {
			Repository int64 `json:"pulp_server_repo_id"`
		}
		if json.Unmarshal(t.Args, &args) != nil || t.DateFinished.IsZero() || all[args.Repository] != "" {
			continue
		}
		exact, err := m.daemon.store.Task(ctx, fleet.TaskID(t.ID))
		if err != nil {
			return nil, err
		}
		if !exact.Started.IsZero() {
			all[args.Repository] = strconv.FormatFloat(exact.Finished.Sub(exact.Started).Seconds(), 'f', 1, 64)
		}
	}
	return all, nil
}
