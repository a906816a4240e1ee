// SPDX-License-Identifier: Apache-2.0

// Package crontest works out when cron texts run in the most stupid way: minute by minute. It is what tests
// compare package cron and the scheduler with, and uses nothing of them.
package crontest

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// field is the set of values of one of the five fields.
type field [64]bool

// text is a cron text that has been read.
type text struct {
	minute, hour, day, month, weekday field
	lastDay                           bool
	everyHour                         bool
	zone                              *time.Location
}

var named = map[string]string{
	"@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
}

// Due gives all moments from one to another, the last one excluded, when a cron text of five fields or a name, with TZ=
// in front, is due. It panics on texts that it does not know: tests choose them.
func Due(cron string, from, to time.Time) []time.Time {
	t := read(cron)
	var all []time.Time
	at := from.UTC().Truncate(time.Minute)
	for before := shown(at.Add(-time.Minute), t.zone); at.Before(to); at = at.Add(time.Minute) {
		wall := shown(at, t.zone)
		if !at.Before(from) && t.due(at, before, wall) {
			all = append(all, at)
		}
		before = wall
	}
	return all
}

func read(cron string) text {
	zone, fields, ok := strings.Cut(cron, " ")
	name, tz := strings.CutPrefix(zone, "TZ=")
	if !ok || !tz {
		panic("a cron text of a test has TZ= in front: " + cron)
	}
	location, err := time.LoadLocation(name)
	if err != nil {
		panic(err)
	}
	if long, ok := named[fields]; ok {
		fields = long
	}
	f := strings.Fields(fields)
	t := text{
		minute: set(f[0], 0, 59), hour: set(f[1], 0, 23), month: set(f[3], 1, 12), weekday: set(strings.ReplaceAll(f[4], "7", "0"), 0, 6),
		lastDay: f[2] == "L", everyHour: f[1] == "*", zone: location,
	}
	if !t.lastDay {
		t.day = set(f[2], 1, 31)
	}
	return t
}

func set(text string, least, most int) field {
	var all field
	for part := range strings.SplitSeq(text, ",") {
		span, by, _ := strings.Cut(part, "/")
		step := 1
		if by != "" {
			step = number(by)
		}
		from, to := least, most
		if span != "*" {
			first, last, two := strings.Cut(span, "-")
			from, to = number(first), number(first)
			if two {
				to = number(last)
			}
		}
		for n := from; n <= to; n += step {
			all[n] = true
		}
	}
	return all
}

func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		panic(err)
	}
	return n
}

// due tells whether a minute is due, from what clocks show then and showed the minute before.
func (t *text) due(at, before, wall time.Time) bool {
	if t.everyHour {
		return t.fits(wall)
	}
	for skipped := before.Add(time.Minute); skipped.Before(wall); skipped = skipped.Add(time.Minute) {
		if t.fits(skipped) {
			return true
		}
	}
	return t.fits(wall) && !slices.ContainsFunc([]time.Duration{30 * time.Minute, time.Hour, 2 * time.Hour}, func(ago time.Duration) bool {
		return shown(at.Add(-ago), t.zone).Equal(wall)
	})
}

func (t *text) fits(wall time.Time) bool {
	if !t.minute[wall.Minute()] || !t.hour[wall.Hour()] {
		return false
	}
	day := t.day[wall.Day()]
	if t.lastDay {
		day = wall.AddDate(0, 0, 1).Day() == 1
	}
	return day && t.month[int(wall.Month())] && t.weekday[int(wall.Weekday())]
}

// shown gives what the clocks of a zone show.
func shown(at time.Time, zone *time.Location) time.Time {
	_, offset := at.In(zone).Zone()
	return at.Add(time.Duration(offset) * time.Second)
}
