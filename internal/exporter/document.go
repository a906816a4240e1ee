// SPDX-License-Identifier: Apache-2.0

package exporter

import (
	"fmt"
	"strings"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// Table gives all metrics as a table in Markdown, for docs/metrics.md.
func Table() string {
	var b strings.Builder
	b.WriteString("| metric | type | labels | meaning | since | whose |\n|---|---|---|---|---|---|\n")
	for _, d := range descriptions() {
		labels := "–"
		if len(d.labels) > 0 {
			labels = "`" + strings.Join(d.labels, "`, `") + "`"
		}
		whose := "ours"
		if d.original {
			whose = "the original's"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | first release | %s |\n", d.name, d.kind, labels, d.help, whose)
	}
	return b.String()
}

// descriptions are those of all metrics but the runtime's, which are the client library's.
func descriptions() []description {
	var all []description
	for i := range families {
		f := &families[i]
		all = append(all, description{name: f.name, kind: "gauge", help: f.help, labels: f.labels, original: f.original})
	}
	p := NewProcess("")
	p.WatchPools(func() []fleet.ConnectionPool { return nil })
	return append(all, p.described...)
}
