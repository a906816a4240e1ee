// SPDX-License-Identifier: Apache-2.0

package cron

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
)

// Window is a time in which nothing should run: some hours of some days of the week, or from one date to
// another. The zero value never is.
type Window struct {
	text     string
	zone     *time.Location // nil: the schedule's
	days     [7]bool        // of the week, by time.Weekday; of a weekly one
	from, to int            // minutes of the day; to may be on the day after
	first    time.Time      // of dates: midnight of the first day, as if in UTC
	last     time.Time      // and of the day after the last
}

const windowHint = `write days and hours such as "Mon-Fri 08:00-18:00", "Sat,Sun", "22:00-04:00", or dates such as "2026-12-20..2027-01-03", ` +
	`with a time zone at the end where it is not the schedule's: "Mon-Fri 08:00-18:00 Europe/Berlin"`

var (
	hoursPattern = regexp.MustCompile(`^(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})$`)
	weekdays     = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}
)

// ParseWindow reads a window: "[DAYS] [HH:MM-HH:MM] [ZONE]", of which one of the first two must be there, or
// "DATE[..DATE] [ZONE]", both days included. Hours that end before they begin end on the next day. Invalid.
func ParseWindow(text string) (Window, error) {
	w := Window{text: strings.Join(strings.Fields(text), " ")}
	if err := w.read(strings.Fields(text)); err != nil {
		return Window{}, fault.Wrap(fault.Invalid, err, "window %q cannot be read: %v", text, err).WithHint(windowHint)
	}
	return w, nil
}

func (w *Window) read(words []string) error {
	if len(words) == 0 {
		return errors.New("it is empty")
	}
	dates, err := w.readDates(words[0])
	if err != nil {
		return err
	}
	rest := words[1:]
	if !dates {
		if rest, err = w.readWeekly(words); err != nil {
			return err
		}
	}
	if len(rest) > 1 {
		return fmt.Errorf("%q is one word too many", rest[1])
	}
	if len(rest) == 1 {
		w.zone, err = time.LoadLocation(rest[0])
		if err != nil || strings.EqualFold(rest[0], "local") {
			return fmt.Errorf("there is no time zone %q", rest[0])
		}
	}
	return nil
}

// readDates reads one or two dates; false where the word is something else.
func (w *Window) readDates(word string) (bool, error) {
	if len(word) < 5 || word[4] != '-' {
		return false, nil
	}
	first, last, two := strings.Cut(word, "..")
	if !two {
		last = first
	}
	var err error
	if w.first, err = time.Parse(time.DateOnly, first); err != nil {
		return true, fmt.Errorf("%q is no date", first)
	}
	if w.last, err = time.Parse(time.DateOnly, last); err != nil {
		return true, fmt.Errorf("%q is no date", last)
	}
	if w.last.Before(w.first) {
		return true, errors.New("it ends before it begins")
	}
	w.last = w.last.AddDate(0, 0, 1)
	return true, nil
}

// readWeekly reads days and hours, and gives the words after them.
func (w *Window) readWeekly(words []string) ([]string, error) {
	w.days, w.to = [7]bool{true, true, true, true, true, true, true}, 24*60
	hours := hoursPattern.FindStringSubmatch(words[0])
	if hours == nil {
		if err := w.readDays(words[0]); err != nil {
			return nil, err
		}
		words = words[1:]
		if len(words) == 0 {
			return nil, nil
		}
		if hours = hoursPattern.FindStringSubmatch(words[0]); hours == nil {
			return words, nil
		}
	}
	var n [4]int
	for i := range n {
		n[i], _ = strconv.Atoi(hours[i+1]) // digits, two at most
	}
	w.from, w.to = n[0]*60+n[1], n[2]*60+n[3]
	if n[1] > 59 || n[3] > 59 || w.from >= 24*60 || w.to > 24*60 {
		return nil, fmt.Errorf("%q are no times of a day", words[0])
	}
	if w.to == w.from {
		return nil, fmt.Errorf("%q begins when it ends; the whole day is 00:00-24:00", words[0])
	}
	if w.to < w.from {
		w.to += 24 * 60
	}
	return words[1:], nil
}

func (w *Window) readDays(word string) error {
	w.days = [7]bool{}
	for part := range strings.SplitSeq(strings.ToLower(word), ",") {
		from, to, span := strings.Cut(part, "-")
		if !span {
			to = from
		}
		first, last := slices.Index(weekdays, from), slices.Index(weekdays, to)
		if first < 0 || last < 0 {
			return fmt.Errorf("%q are no days of the week, hours or dates", word)
		}
		for day := first; ; day = (day + 1) % 7 {
			w.days[day] = true
			if day == last {
				break
			}
		}
	}
	return nil
}

// String gives the text it was read from.
func (w Window) String() string { return w.text }

// Until gives when the window that a moment is in ends; false where it is in none. A moment at the very end is out.
// Where the window names no zone, zone's hours count.
func (w Window) Until(at time.Time, zone *time.Location) (time.Time, bool) {
	if w.zone != nil {
		zone = w.zone
	}
	if !w.first.IsZero() {
		first, last := local(w.first, 0, zone), local(w.last, 0, zone)
		return last.UTC(), !at.Before(first) && at.Before(last)
	}
	here := at.In(zone)
	today := time.Date(here.Year(), here.Month(), here.Day(), 0, 0, 0, 0, time.UTC)
	for _, day := range []time.Time{today.AddDate(0, 0, -1), today} { // last night's may not be over
		if !w.days[day.Weekday()] {
			continue
		}
		if end := local(day, w.to, zone); !at.Before(local(day, w.from, zone)) && at.Before(end) {
			return end.UTC(), true
		}
	}
	return time.Time{}, false
}

// local is a minute of a day on the clocks of a zone; one that daylight saving skips is as long after midnight.
func local(day time.Time, minute int, zone *time.Location) time.Time {
	return time.Date(day.Year(), day.Month(), day.Day(), 0, minute, 0, 0, zone)
}
