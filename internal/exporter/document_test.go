// SPDX-License-Identifier: Apache-2.0

package exporter

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the table of metrics into docs/metrics.md")

const (
	document   = "../../docs/metrics.md"
	tableBegin = "<!-- table of metrics: go test ./internal/exporter -update -->\n"
	tableEnd   = "<!-- end of the table -->\n"
)

func TestDocumentHasEveryMetric(t *testing.T) {
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, begins := strings.Cut(string(text), tableBegin)
	table, tail, ends := strings.Cut(rest, tableEnd)
	if !begins || !ends {
		t.Fatalf("%s has no place for the table", document)
	}
	if *update {
		if err := os.WriteFile(document, []byte(head+tableBegin+Table()+tableEnd+tail), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(Table(), table); diff != "" {
		t.Errorf("%s is not what the code says; -update writes it (-code +document):\n%s", document, diff)
	}
}

// Whatever is served is in the table, and what is in the table is served.
func TestTableIsWhatIsServed(t *testing.T) {
	h := Handler(Options{
		Process: busy(t), Fleet: oneOfEach(), Expect: expectDay, Settings: func() Settings { return Settings{PerRepository: On, Processes: true} },
	})
	served := parsed(t, scrape(t, h))
	var described []string
	for _, d := range descriptions() {
		described = append(described, d.name)
		f := served[d.name]
		if f == nil {
			t.Errorf("%s is not served", d.name)
			continue
		}
		if kind := strings.ToLower(f.GetType().String()); kind != d.kind {
			t.Errorf("%s is a %s, described as a %s", d.name, kind, d.kind)
		}
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if !slices.Contains(d.labels, l.GetName()) || len(m.GetLabel()) != len(d.labels) {
					t.Errorf("%s has label %s, described with %v", d.name, l.GetName(), d.labels)
				}
			}
		}
	}
	for name := range served {
		if !slices.Contains(described, name) && !strings.HasPrefix(name, "go_") && !strings.HasPrefix(name, "process_") {
			t.Errorf("%s is served and not described", name)
		}
	}
}
