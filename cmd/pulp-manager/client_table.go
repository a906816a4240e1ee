// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/pulp/pulp-manager/client"
)

// table prints rows in aligned columns under a heading.
func table(out io.Writer, heading []string, rows [][]string) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	for _, row := range append([][]string{heading}, rows...) {
		for i := range row {
			row[i] = clean(row[i])
		}
		if _, err := io.WriteString(w, strings.Join(row, "\t")+"\n"); err != nil {
			return err
		}
	}
	return w.Flush()
}

// clean keeps texts from elsewhere from moving the terminal's cursor or breaking a table.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
}

// dash shows a text, or that there is none.
func dash(text *string) string {
	if text == nil || *text == "" {
		return "-"
	}
	return *text
}

// when shows a date, or that there is none.
func when(t client.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}

// took shows how long a task has been running or ran, by the daemon's dates.
func took(t client.Task, now time.Time) string {
	if t.DateStarted.IsZero() {
		return "-"
	}
	end := now
	if !t.DateFinished.IsZero() {
		end = t.DateFinished.Time
	}
	return max(end.Sub(t.DateStarted.Time), 0).Round(time.Second).String()
}
