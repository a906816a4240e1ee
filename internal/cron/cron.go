// SPDX-License-Identifier: Apache-2.0

// Package cron reads the cron texts of schedules and says when they run.
package cron

import (
	"errors"
	"strings"
	"time"
	_ "time/tzdata" // TZ= works on machines without a zone database

	"github.com/netresearch/go-cron"

	"github.com/pulp/pulp-manager/internal/fault"
)

// Schedule is a cron text that has been read. The zero value never runs.
type Schedule struct {
	text string
	spec cron.Schedule
}

// hint says what a cron text looks like.
const hint = `write five fields: minute, hour, day of month, month, day of week, such as "30 2 * * 1-5"; or @hourly, @daily, @weekly, @monthly; "TZ=Europe/Berlin " in front sets a time zone`

// Parse reads a cron text: five fields in the host's time zone, or with TZ=Zone or
// CRON_TZ=Zone in front in that one; @hourly, @daily (@midnight), @weekly, @monthly, @yearly
// (@annually); "@every 90m", a minute at least. Where both day of month and day of
// week are given a day must match both; L is the last day of a month. Both are as the
// original reads them (legacy section 5.3). The error is Invalid; a text that
// never runs, such as February 30, is one.
func Parse(text string) (Schedule, error) {
	trimmed := strings.TrimSpace(text)
	spec, err := read(trimmed)
	if err == nil && trimmed == "" {
		err = errors.New("it is empty")
	}
	if err != nil {
		return Schedule{}, fault.Wrap(fault.Invalid, err, "schedule %q cannot be read: %v", text, err).WithHint(hint)
	}
	s := Schedule{text: trimmed, spec: spec}
	if s.Next(time.Now()).IsZero() {
		return Schedule{}, fault.New(fault.Invalid, "schedule %q never runs: there is no such day", text).WithHint(hint)
	}
	return s, nil
}

func read(text string) (cron.Schedule, error) {
	parser, err := cron.TryNewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.DomL | cron.Descriptor)
	if err != nil {
		return nil, err
	}
	// Leap days that fall on a given weekday are up to 40 years apart.
	return parser.WithMinEveryInterval(time.Minute).WithMaxSearchYears(40).Parse(text)
}

// String gives the text it was read from.
func (s Schedule) String() string { return s.text }

// Next gives the first run later than a moment, in UTC. Where hours are given, a run that daylight saving skips happens
// right after the gap (several at once), and one that it repeats counts once; runs of every hour are those on the clock.
func (s Schedule) Next(after time.Time) time.Time {
	if s.spec == nil {
		return time.Time{}
	}
	spec, ok := s.spec.(*cron.SpecSchedule)
	if !ok || spec.Hour&everyHour != 0 {
		return s.spec.Next(after.In(time.Local)).UTC()
	}
	// On a calendar without a zone, which the library knows how to read; the way back is ours.
	calendar, wall := *spec, onWall(after, spec.Location)
	calendar.Location = time.UTC
	for {
		if wall = calendar.Next(wall); wall.IsZero() {
			return time.Time{}
		}
		if at := fromWall(wall, spec.Location); at.After(after) {
			return at
		}
	}
}

// everyHour is the bit of an hour field that is "*".
const everyHour = 1 << 63

// onWall gives what the clocks of a zone show, as if it were UTC.
func onWall(at time.Time, zone *time.Location) time.Time {
	_, offset := at.In(zone).Zone()
	return at.UTC().Add(time.Duration(offset) * time.Second)
}

// fromWall gives the first moment when the clocks of a zone show a time; where they never do, the moment when they
// are put forward over it.
func fromWall(wall time.Time, zone *time.Location) time.Time {
	_, before := wall.Add(-24 * time.Hour).In(zone).Zone()
	_, after := wall.Add(24 * time.Hour).In(zone).Zone()
	early, late := wall.Add(-time.Duration(before)*time.Second), wall.Add(-time.Duration(after)*time.Second)
	for _, at := range []time.Time{early, late} {
		if onWall(at, zone).Equal(wall) {
			return at
		}
	}
	change, _ := early.In(zone).ZoneBounds()
	return change.UTC()
}

const (
	periodRuns = 10                 // looked at, at least
	periodSpan = 8 * 24 * time.Hour // looked at, at least, so that a week's longest pause is seen
	periodMost = 2000               // runs looked at, at most
)

// Period gives the longest time between two runs in the time to come: how old a
// success can get without anything being late. It is zero only for a schedule that
// does not run twice.
func (s Schedule) Period(at time.Time) time.Duration {
	var longest time.Duration
	run := s.Next(at)
	for n := 1; !run.IsZero() && n < periodMost; n++ {
		next := s.Next(run)
		if next.IsZero() {
			break
		}
		longest = max(longest, next.Sub(run))
		run = next
		if n >= periodRuns && run.Sub(at) >= periodSpan {
			break
		}
	}
	return longest
}
