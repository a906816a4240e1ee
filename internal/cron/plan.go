// SPDX-License-Identifier: Apache-2.0

package cron

import (
	"encoding/binary"
	"hash/fnv"
	"time"

	"github.com/netresearch/go-cron"

	"github.com/pulp/pulp-manager/internal/fault"
)

// Rules are all that says when a schedule runs.
type Rules struct {
	Cron      string
	Jitter    time.Duration // each run is put off by less than this
	Seed      int64         // makes the jitter another one for each schedule: its id
	Blackouts []string      // windows
	Drop      bool          // runs within a window are dropped; else held until its end
}

// Plan are rules that have been read. The zero value never runs.
type Plan struct {
	Schedule
	rules   Rules
	windows []Window
	zone    *time.Location
}

// Run is one run of a plan.
type Run struct {
	Due      time.Time // as the cron text has it; zero: there is none
	At       time.Time // when it runs: later by its jitter, and by the window that holds it
	Blackout string    // the window that it falls into; empty: none
	Dropped  bool      // it falls into a window and does not run

	end time.Time // of the window
}

// ParsePlan reads rules. The error is Invalid.
func ParsePlan(r Rules) (Plan, error) {
	schedule, err := Parse(r.Cron)
	if err != nil {
		return Plan{}, err
	}
	p := Plan{Schedule: schedule, rules: r, zone: time.Local}
	if spec, ok := schedule.spec.(*cron.SpecSchedule); ok && spec.Location != nil {
		p.zone = spec.Location
	}
	for _, text := range r.Blackouts {
		w, err := ParseWindow(text)
		if err != nil {
			return Plan{}, err
		}
		p.windows = append(p.windows, w)
	}
	if p.After(time.Now(), time.Time{}).At.IsZero() {
		return Plan{}, fault.New(fault.Invalid, "schedule %q never runs: every run falls into a blackout", r.Cron).
			WithHint("leave some time between the windows, or choose other hours for the schedule")
	}
	return p, nil
}

// mostRuns is how many runs are looked at for one that is wanted: more than a day of jitter or a year of windows has.
const mostRuns = 20_000

// After gives the first run that happens after a moment and is not dropped, of those due after done: a run
// that was due before the moment and is put off beyond it is one.
func (p Plan) After(at, done time.Time) Run {
	return p.first(at, done, func(r Run) bool { return !r.Dropped })
}

// Coming gives the first run that is to be looked at after a moment, as After, also one that will be dropped.
func (p Plan) Coming(at, done time.Time) Run {
	return p.first(at, done, func(Run) bool { return true })
}

func (p Plan) first(at, done time.Time, wanted func(Run) bool) Run {
	due := at.Add(-p.rules.Jitter)
	if done.After(due) {
		due = done
	}
	for range mostRuns {
		if due = p.Next(due); due.IsZero() {
			break
		}
		r := p.Run(due)
		switch {
		case r.Due.IsZero():
			return Run{}
		case !r.At.After(at):
		case wanted(r):
			return r
		case r.end.Add(-p.rules.Jitter).After(due):
			due = r.end.Add(-p.rules.Jitter - time.Second) // all until then are dropped as well
		}
	}
	return Run{}
}

// Run gives what becomes of the run that is due at a moment; nothing where a window without end holds it. Its jitter
// is less than the time to the run after it, so that runs keep their order.
func (p Plan) Run(due time.Time) Run {
	r := Run{Due: due, At: due.Add(p.jitter(due))}
	r.Blackout, r.end = p.Held(r.At)
	switch {
	case r.end.IsZero():
		return Run{}
	case r.Blackout != "" && p.rules.Drop:
		r.Dropped = true
	default:
		r.At = r.end
	}
	return r
}

// jitter is a part of the rules' jitter that only the seed and the moment decide, in whole seconds.
func (p Plan) jitter(due time.Time) time.Duration {
	most := p.rules.Jitter
	if most <= 0 {
		return 0
	}
	if gap := p.Gap(due); gap > 0 {
		most = min(most, gap)
	}
	h := fnv.New64a()
	_, _ = h.Write(binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, uint64(p.rules.Seed)), uint64(due.Unix()))) // never fails
	mixed := h.Sum64()
	mixed = (mixed ^ mixed>>29) * 0xbf58476d1ce4e5b9
	part := float64((mixed^mixed>>32)>>11) / (1 << 53)
	return time.Duration(part * float64(most)).Truncate(time.Second)
}

// Gap gives the time from one run as the cron text has it to the next; 0 where there is none.
func (p Plan) Gap(due time.Time) time.Duration {
	next := p.Next(due)
	if next.IsZero() {
		return 0
	}
	return next.Sub(due)
}

// longestBlackout is how many windows that follow each other without a pause are looked at.
const longestBlackout = 1000

// Held gives the window that a moment falls into, and the end of it and of those that follow without a pause. Outside
// of windows it gives the moment itself; zero where the windows never end.
func (p Plan) Held(at time.Time) (window string, until time.Time) {
	until = at
	for range longestBlackout {
		inside := false
		for _, w := range p.windows {
			if end, in := w.Until(until, p.zone); in {
				until, inside = end, true
				if window == "" {
					window = w.String()
				}
			}
		}
		if !inside {
			return window, until
		}
	}
	return window, time.Time{}
}

// Missed tells whether a run that was to happen at a moment is found too late to count as on time: more than ten
// minutes, or half the time to the run after it.
func (p Plan) Missed(due, planned, found time.Time) bool {
	grace := 10 * time.Minute
	if gap := p.Gap(due); gap > 0 {
		grace = min(grace, gap/2)
	}
	return found.Sub(planned) > grace
}

// Count tells how many runs are due after one moment and not after another; at most so many are counted.
func (p Plan) Count(after, until time.Time, most int) int {
	n := 0
	for due := p.Next(after); n < most && !due.IsZero() && !due.After(until); due = p.Next(due) {
		n++
	}
	return n
}
