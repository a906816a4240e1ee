// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/pulp/pulp-manager/internal/cron"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// The keys that stand beside schedule.
const (
	keyTimezone  = "timezone"
	keyJitter    = "schedule_jitter"
	keyOverlap   = "schedule_overlap"
	keyMissed    = "schedule_missed"
	keyBlackouts = "schedule_blackouts"
)

// scheduleKeys are those keys at a level that has a schedule.
func scheduleKeys(level string) []yamlKey {
	jitter := textKey(level, keyJitter, "Each run is put off by a part of this, the same one whenever it is worked out and another one for each schedule and run, but never beyond "+
		"the next run. Seconds, or a number with `d`, `h`, `m` or `s`; a day at most. Default: none.").checked("a duration", checkJitter).new()
	jitter.tag2 = "!!int"
	return []yamlKey{
		textKey(level, keyTimezone, "Time zone of `schedule`, such as `Europe/Berlin`. Default: the host's, or what `TZ=` in front of the cron text says.").checked("a time zone", checkZone).new(),
		jitter,
		textKey(level, keyOverlap, "What happens when a run is due while the task of the one before is not over: `skip` leaves it out, `queue` lets its task wait until then "+
			"(one at most waits), `cancel` cancels the former. Default: `skip`.").checked("skip, queue or cancel", checkOverlap).new(),
		textKey(level, keyMissed, "What happens to runs that could not happen in time (the daemon was down) and to those in a blackout: `once` makes up for them by one run, as soon as it may; "+
			"`none` leaves them out. Default: `once`.").checked("once or none", checkMissed).new(),
		blackoutsKey(level, "Times in which nothing is queued by `schedule`, besides those of the server and of the file."),
	}
}

func blackoutsKey(level, meaning string) yamlKey {
	return yamlKey{level: level, key: keyBlackouts, kind: "a list of windows", meaning: meaning + " See [Schedules](#schedules).", added: true}
}

func checkZone(text string) error {
	if _, err := time.LoadLocation(text); err != nil || text == "" || strings.EqualFold(text, "local") {
		return fmt.Errorf("there is no time zone %q; write one such as Europe/Berlin or UTC", text)
	}
	return nil
}

const mostJitter = 24 * time.Hour

func checkJitter(text string) error {
	d, err := fleet.ParseRuntime(text)
	if err != nil || d == fleet.Unlimited || d > mostJitter {
		return fault.New(fault.Invalid, "%q is not a duration from one second to a day", text).WithHint(`write seconds ("300"), or a number with d, h, m or s ("20m")`)
	}
	return nil
}

func checkOverlap(text string) error { return oneOfThese(text, fleet.Overlaps) }

func checkMissed(text string) error { return oneOfThese(text, fleet.Misseds) }

func oneOfThese[T ~string](text string, known []T) error {
	if slices.Contains(known, T(text)) {
		return nil
	}
	words := make([]string, len(known))
	for i, k := range known {
		words[i] = string(k)
	}
	return fmt.Errorf("must be one of %s, not %q", strings.Join(words, ", "), text)
}

// blackouts reads the windows of a map; those that are wrong are reported and left out.
func (y *yamlReader) blackouts(o object) []string {
	n, given := o.nodes[keyBlackouts]
	where := o.where + ": " + keyBlackouts
	if o.where == "the file" {
		where = keyBlackouts
	}
	n = resolve(n)
	if !given || n == nil || n.Tag == "!!null" {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		y.errorf(n.Line, `write one "- Mon-Fri 08:00-18:00" a line below it`, "%s must be a list of windows, not %s", where, kindOf(n))
		return nil
	}
	var all []string
	for _, item := range n.Content {
		line := item.Line
		if item = resolve(item); item == nil || item.Kind != yaml.ScalarNode || item.Tag == "!!null" {
			y.errorf(line, "", "%s must be texts, not %s", where, kindOf(item))
			continue
		}
		w, err := cron.ParseWindow(item.Value)
		if err != nil {
			y.value(line, where, err)
			continue
		}
		all = append(all, w.String())
	}
	return all
}

// schedule reads a schedule and the keys beside it; the cron text holds the time zone. inherited are the blackouts of
// the server and of the file.
func (y *yamlReader) schedule(o object, inherited []string) fleet.Schedule {
	s := fleet.Schedule{
		Cron: strings.TrimSpace(o.values["schedule"]), Overlap: fleet.Overlap(o.values[keyOverlap]), Missed: fleet.Missed(o.values[keyMissed]),
	}
	own := y.blackouts(o)
	if !o.has("schedule") {
		for _, k := range scheduleKeys("") {
			if o.has(k.key) {
				y.warnf(o.lines[k.key], "add schedule, or remove it", "%s: %s has no effect without schedule", o.where, k.key)
			}
		}
		return s
	}
	if text := o.values[keyJitter]; text != "" {
		s.Jitter, _ = fleet.ParseRuntime(text) // checked
	}
	s.Blackouts = slices.Concat(inherited, own)
	if zone := o.values[keyTimezone]; zone != "" && s.Cron != "" {
		if strings.Contains(s.Cron, "TZ=") {
			y.errorf(o.lines[keyTimezone], "keep one of them", "%s: %s and %q both name a time zone", o.where, keyTimezone, s.Cron)
			return s
		}
		s.Cron = "TZ=" + zone + " " + s.Cron
	}
	if _, err := cron.ParsePlan(rulesOf(s)); err != nil && s.Cron != "" {
		y.value(o.lines["schedule"], o.where+": schedule", err)
	}
	return s
}

func rulesOf(s fleet.Schedule) cron.Rules {
	return cron.Rules{Cron: s.Cron, Jitter: s.Jitter, Seed: int64(s.ID), Blackouts: s.Blackouts, Drop: s.Missed == fleet.MissedNone}
}

// nextRun gives when a schedule runs next; without its id, which the store gives it, its jitter is not known.
func nextRun(s fleet.Schedule, after time.Time) (time.Time, error) {
	s.Jitter = 0
	plan, err := cron.ParsePlan(rulesOf(s))
	if err != nil {
		return time.Time{}, err
	}
	next := plan.After(after, time.Time{})
	if next.At.IsZero() {
		return time.Time{}, errors.New("it never runs")
	}
	return next.At, nil
}
