// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// figure is one measured number beside its goal.
type figure struct {
	Name     string    `json:"name"`
	Measured float64   `json:"measured"`
	Unit     string    `json:"unit,omitempty"`
	Goal     float64   `json:"goal,omitempty"` // at most, or with AtLeast at least; 0 with Free: none
	AtLeast  bool      `json:"at_least,omitempty"`
	Free     bool      `json:"no_goal,omitempty"`
	Rounds   []float64 `json:"rounds,omitempty"`   // what Measured is the median of
	Original string    `json:"original,omitempty"` // the same of the Python program this one replaces
	Note     string    `json:"note,omitempty"`
}

func (f figure) met() bool {
	if f.AtLeast {
		return f.Free || f.Measured >= f.Goal
	}
	return f.Free || f.Measured <= f.Goal
}

// result is one measurement: its figures, where and how they came about.
type result struct {
	Measurement string         `json:"measurement"`
	Command     string         `json:"command"`
	Date        time.Time      `json:"date"`
	Machine     machine        `json:"machine"`
	Figures     []figure       `json:"figures"`
	Details     map[string]any `json:"details,omitempty"`
}

func newResult(name string, o options) *result {
	command := "go run ./test/bench " + name
	if name == "real" {
		command += fmt.Sprintf(" -rounds %d", o.rounds)
	}
	if name == "fleet" {
		command += fmt.Sprintf(" -seed %d", o.seed)
	}
	if name == "wide" {
		command += fmt.Sprintf(" -seed %d", o.seed)
	}
	if (name == "lists" || name == "states" || name == "schedules") && o.postgres != "" {
		command += " -postgres URL"
	}
	return &result{
		Measurement: name, Command: command, Date: time.Now().UTC().Truncate(time.Second), Machine: thisMachine(), Details: map[string]any{},
	}
}

// add notes a figure and shows it.
func (r *result) add(f figure) {
	r.Figures = append(r.Figures, f)
	say("%-62s %10s   goal %-8s %s", f.Name, f.measured(), f.goal(), f.Note)
}

// median notes the median of the rounds as a figure.
func (r *result) median(f figure, rounds []float64) {
	f.Measured, f.Rounds = median(rounds), rounds
	r.add(f)
}

func (r *result) missed() []string {
	var missed []string
	for _, f := range r.Figures {
		if !f.met() {
			missed = append(missed, fmt.Sprintf("%s is %s, goal %s", f.Name, f.measured(), f.goal()))
		}
	}
	return missed
}

func (r *result) save(dir string) error {
	r.Machine.LoadAtEnd = load()
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, r.Measurement+".json"), append(text, '\n'), 0o644)
}

func (f figure) measured() string {
	text := number(f.Measured) + f.suffix()
	if len(f.Rounds) > 1 {
		text += fmt.Sprintf(" (%s–%s)", number(slices.Min(f.Rounds)), number(slices.Max(f.Rounds)))
	}
	return text
}

func (f figure) goal() string {
	if f.Free {
		return "–"
	}
	if f.AtLeast {
		return "≥ " + number(f.Goal) + f.suffix()
	}
	return "≤ " + number(f.Goal) + f.suffix()
}

func (f figure) suffix() string {
	switch f.Unit {
	case "":
		return ""
	case "×":
		return " ×"
	}
	return " " + f.Unit
}

func number(v float64) string {
	switch {
	case v == float64(int64(v)):
		return fmt.Sprintf("%d", int64(v))
	case v < 0.1:
		return fmt.Sprintf("%.3f", v)
	case v < 100:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.0f", v)
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// machine is what the figures depend on besides the programs.
type machine struct {
	Processor   string `json:"processor"`
	Cores       int    `json:"cores"`
	Memory      string `json:"memory"`
	System      string `json:"system"`
	LoadAtStart string `json:"load_at_start"` // other work on the machine shows here
	LoadAtEnd   string `json:"load_at_end"`
}

func thisMachine() machine {
	return machine{
		Processor: field("/proc/cpuinfo", "model name"), Cores: runtime.NumCPU(), Memory: field("/proc/meminfo", "MemTotal"),
		System: runtime.GOOS + "/" + runtime.GOARCH + ", " + runtime.Version(), LoadAtStart: load(),
	}
}

// field gives what follows a name and a colon in a file; empty where it is not there.
func field(path, name string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return ""
	}
	return strings.Join(strings.Fields(string(text))[:3], " ")
}

func say(format string, values ...any) { fmt.Fprintf(os.Stderr, format+"\n", values...) }
