// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// meters are what is looked at while the daemon runs, with how much each may grow in the whole time after the warm-up: a part of what it
// was, or so much, whichever is more.
var meters = []struct {
	name, unit string
	part, much float64
	goal       bool
}{
	{"goroutines", "", 0.05, 5, true},
	{"open files", "", 0.05, 3, true},
	{"connections", "", 0.05, 3, true},
	{"memory (RSS)", "MB", 0.10, 8, true},
	{"heap in use", "MB", 0.10, 5, true},
	{"database", "MB", 0, 0, false}, // grows with the history that is kept
}

// warmUp is the part of the samples that is left out: caches and pools fill.
const warmUp = 0.25

// sampler takes samples of a daemon.
type sampler struct {
	daemon *daemon
	at     []float64
	values [][]float64 // a sample each, in the order of meters
}

// take takes a sample at a moment, in the unit of the judgement.
func (s *sampler) take(ctx context.Context, at float64) error {
	goroutines, heap, err := s.daemon.metrics(ctx)
	if err != nil {
		return err
	}
	files, sockets, err := s.daemon.handles()
	if err != nil {
		return err
	}
	memory, _ := s.daemon.memory()
	s.at = append(s.at, at)
	s.values = append(s.values, []float64{goroutines, files, sockets, memory, heap, s.daemon.databaseSize()})
	return nil
}

// last tells the newest sample.
func (s *sampler) last() string {
	var parts []string
	for i, m := range meters {
		parts = append(parts, fmt.Sprintf("%s %s", m.name, number(s.values[len(s.values)-1][i])))
	}
	return strings.Join(parts, ", ")
}

// judge notes for each meter how much it grows by the slope of the samples after the warm-up.
func (s *sampler) judge(what, unit string, units float64, r *result) {
	skip := int(float64(len(s.at)) * warmUp)
	at := s.at[skip:]
	if len(at) < 10 {
		r.add(figure{Name: what + ": samples", Measured: float64(len(at)), Goal: 10, AtLeast: true})
		return
	}
	span := at[len(at)-1] - at[0]
	for i, m := range meters {
		values := make([]float64, len(at))
		for n := range at {
			values[n] = s.values[skip+n][i]
		}
		slope, middle := slopeOf(at, values), median(values)
		r.add(figure{
			Name: fmt.Sprintf("%s: growth of %s in the time after the warm-up, by slope", what, m.name), Measured: slope * span, Unit: m.unit,
			Goal: max(m.part*middle, m.much), Free: !m.goal,
			Note: fmt.Sprintf("median %s, least %s, most %s; %+.3f a %s", number(middle), number(slices.Min(values)), number(slices.Max(values)), slope*units, unit),
		})
	}
}

// slopeOf is the least squares' slope of values over moments.
func slopeOf(at, values []float64) float64 {
	var sumX, sumY float64
	for i := range at {
		sumX, sumY = sumX+at[i], sumY+values[i]
	}
	meanX, meanY := sumX/float64(len(at)), sumY/float64(len(at))
	var above, below float64
	for i := range at {
		above += (at[i] - meanX) * (values[i] - meanY)
		below += (at[i] - meanX) * (at[i] - meanX)
	}
	if below == 0 {
		return 0
	}
	return above / below
}

// metrics asks the daemon for its goroutines and its heap in use, in MB.
func (d *daemon) metrics(ctx context.Context) (goroutines, heap float64, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, d.meters, http.NoBody)
	if err != nil {
		return 0, 0, err
	}
	request.Close = true // not one of the connections that are counted
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, 0, err
	}
	of := func(name string) (float64, error) {
		for line := range strings.Lines(string(text)) {
			if value, ok := strings.CutPrefix(line, name+" "); ok {
				return strconv.ParseFloat(strings.TrimSpace(value), 64)
			}
		}
		return 0, fmt.Errorf("%s has no %s", d.meters, name)
	}
	goroutines, err1 := of("go_goroutines")
	bytes, err2 := of("go_memstats_heap_inuse_bytes")
	return goroutines, bytes / 1e6, errors.Join(err1, err2)
}

// handles counts the daemon's open files, and the sockets among them.
func (d *daemon) handles() (files, sockets float64, err error) {
	dir := fmt.Sprintf("/proc/%d/fd", d.command.Process.Pid)
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		files++
		if to, err := os.Readlink(filepath.Join(dir, e.Name())); err == nil && strings.HasPrefix(to, "socket:") {
			sockets++
		}
	}
	return files, sockets, err
}

// databaseSize is the size of the daemon's database with its log, in MB.
func (d *daemon) databaseSize() float64 {
	var sum float64
	for _, end := range []string{"", "-wal"} {
		if info, err := os.Stat(filepath.Join(d.dir, "data", "pulp-manager.db"+end)); err == nil {
			sum += float64(info.Size()) / 1e6
		}
	}
	return sum
}
