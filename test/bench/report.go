// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// The lines of README.md between which the table is.
const (
	tableBegin = "<!-- figures: written by `go run ./test/bench report` -->"
	tableEnd   = "<!-- end of figures -->"
)

// report writes the table of README.md from what was measured last.
func report(o options) error {
	var b strings.Builder
	for _, m := range measurements {
		text, err := os.ReadFile(filepath.Join(o.results, m.name+".json"))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		var r result
		if err := json.Unmarshal(text, &r); err != nil {
			return fmt.Errorf("%s.json: %w", m.name, err)
		}
		r.table(&b)
	}
	path := filepath.Join(o.root, "test", "bench", "README.md")
	readme, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, ok1 := strings.Cut(string(readme), tableBegin)
	_, after, ok2 := strings.Cut(rest, tableEnd)
	if !ok1 || !ok2 {
		return fmt.Errorf("%s has no lines %q and %q", path, tableBegin, tableEnd)
	}
	return os.WriteFile(path, []byte(before+tableBegin+"\n"+b.String()+tableEnd+after), 0o644)
}

// table writes one measurement.
func (r result) table(b *strings.Builder) {
	fmt.Fprintf(b, "\n### `%s`\n\n%s · %s · %d cores (%s), %s · load %s at the start, %s at the end\n\n", r.Command, r.Date.Format("2006-01-02 15:04 MST"),
		r.Machine.System, r.Machine.Cores, r.Machine.Processor, r.Machine.Memory, r.Machine.LoadAtStart, r.Machine.LoadAtEnd)
	b.WriteString("| figure | goal | measured | | the original |\n|---|---|---|---|---|\n")
	for _, f := range r.Figures {
		mark := "ok"
		switch {
		case f.Free:
			mark = ""
		case !f.met():
			mark = "**missed**"
		}
		original := f.Original
		if original == "" {
			original = "–"
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", f.Name, f.goal(), f.measured(), mark, original)
	}
	b.WriteString("\n")
}
