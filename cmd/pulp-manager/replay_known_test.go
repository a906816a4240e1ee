// SPDX-License-Identifier: Apache-2.0

package main

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the generated parts of docs/")

// migratingPath is the document that lists all differences, between the two marks.
const (
	migratingPath  = "../../docs/migrating.md"
	migratingBegin = "<!-- replayed: made by `go test ./cmd/pulp-manager -run TestRecordedRequests -update` -->\n"
	migratingEnd   = "<!-- /replayed -->\n"
)

// replayRow is a difference that we want, in some cases.
type replayRow struct {
	cases          string // names, or a name of replayGroups
	at             string // one or more, separated by spaces… a header is "header name"
	original, ours string // empty: whatever they are
	shown          string // the difference in words, for the document
	why            string
}

// replayGroups are sets of cases that have a difference in common.
func replayGroups(cases map[string]replayCase) map[string][]string {
	groups := map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		c := cases[name]
		if c.Response.Status >= 400 && c.Response.Status < 500 && name != "root-404" && name != "task-patch-wrong-group" { // other answers here
			groups["every error"] = append(groups["every error"], name)
		}
		refused := strings.Contains(name, "-bad-") || strings.Contains(name, "-unknown") || strings.Contains(name, "no-regex") || strings.Contains(name, "unsupported")
		if !refused && c.Response.Status < 300 && strings.Contains(fmt.Sprint(c.Response.Body), "worker_job_id:") {
			groups["every task"] = append(groups["every task"], name)
		}
	}
	return groups
}

// names gives the cases of a row.
func (r replayRow) names(groups map[string][]string) []string {
	if all, ok := groups[r.cases]; ok {
		return all
	}
	return strings.Fields(r.cases)
}

// fields gives where the row's difference is.
func (r replayRow) fields() []string {
	if strings.HasPrefix(r.at, "header ") || strings.HasSuffix(r.at, "(number)") {
		return []string{r.at}
	}
	return strings.Fields(r.at)
}

// covers tells whether a row is about a difference.
func (r replayRow) covers(d replayDifference, groups map[string][]string) bool {
	return slices.Contains(r.names(groups), d.name) && slices.Contains(r.fields(), d.at) &&
		(r.original == "" || r.original == d.original) && (r.ours == "" || r.ours == d.ours)
}

// checkReplayKnown complains about differences that no row has, about rows without their difference, and about
// a document that does not have the rows.
func checkReplayKnown(t *testing.T, cases map[string]replayCase, found []replayDifference) {
	t.Helper()
	groups := replayGroups(cases)
	for _, d := range found {
		if !slices.ContainsFunc(replayKnown, func(r replayRow) bool { return r.covers(d, groups) }) {
			t.Errorf("not listed: %s", d)
		}
	}
	for _, r := range replayKnown {
		for _, name := range r.names(groups) {
			for _, at := range r.fields() {
				one := replayRow{cases: name, at: at, original: r.original, ours: r.ours}
				if !slices.ContainsFunc(found, func(d replayDifference) bool {
					return d.at == at && one.covers(replayDifference{name, one.fields()[0], d.original, d.ours}, nil) && d.name == name
				}) {
					t.Errorf("listed, but not so: %s: %s: %s → %s (%s)", name, at, r.original, r.ours, r.why)
				}
			}
		}
	}
	checkMigrating(t)
}

// checkMigrating compares the document's list with replayKnown, or writes it.
func checkMigrating(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile(migratingPath)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begins := strings.Cut(string(text), migratingBegin)
	have, after, ends := strings.Cut(rest, migratingEnd)
	if !begins || !ends {
		t.Fatalf("%s has no part between %s and %s", migratingPath, strings.TrimSpace(migratingBegin), strings.TrimSpace(migratingEnd))
	}
	var want strings.Builder
	want.WriteString("| recorded requests | difference | why |\n|---|---|---|\n")
	for _, r := range replayKnown {
		names := strings.Fields(r.cases)
		if strings.HasPrefix(r.cases, "every ") {
			names = []string{r.cases}
		} else {
			for i := range names {
				names[i] = "`" + names[i] + "`"
			}
		}
		fmt.Fprintf(&want, "| %s | %s | %s |\n", strings.Join(names, ", "), r.shown, r.why)
	}
	if *update {
		if err := os.WriteFile(migratingPath, []byte(before+migratingBegin+want.String()+migratingEnd+after), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if have != want.String() {
		t.Errorf("%s does not list the differences of replayKnown: run with -update", migratingPath)
	}
}
