// SPDX-License-Identifier: Apache-2.0

package scheduler

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/cron/crontest"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/store"
	"github.com/pulp/pulp-manager/internal/store/storecontract"
)

// The simulation plays eight months of a store's clock, in which every zone changes its clocks twice: three schedulers that race and crash, a clock that jumps, and a
// configuration that changes. An oracle that knows only which minutes are due says of every firing whether it had to be, and of
// every moment whether one is missing. SCHEDULES_SEED plays others.
func TestSchedulesOfAYear(t *testing.T) {
	seed := uint64(1)
	if text := os.Getenv("SCHEDULES_SEED"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed = n
	}
	y := &year{seed: seed}
	for name, open := range storecontract.Skewed(t, y.skew) {
		t.Run(name, func(t *testing.T) {
			y := y.begin(t, open)
			y.play()
			if y.runs < 800 || y.jumps < 20 || y.reloads < 50 || y.crashes < 50 || y.races < 50 || y.anew < 5 || y.left < 100 {
				t.Errorf("the year was dull: %d runs, %d left out, %d jumps, %d reloads, %d crashes, %d races, %d set anew", y.runs, y.left, y.jumps, y.reloads, y.crashes, y.races, y.anew)
			}
			t.Logf("seed %d: %d runs, %d left out, %d jumps, %d reloads, %d crashes, %d races, %d set anew", seed, y.runs, y.left, y.jumps, y.reloads, y.crashes, y.races, y.anew)
		})
	}
}

var (
	yearBegins = time.Date(2026, 3, 10, 12, 0, 0, 500e6, time.UTC) // half a second off, so that no moment is a tie
	yearTexts  = []string{
		"TZ=Europe/Berlin 30 2 * * *", "TZ=America/Santiago @daily", "TZ=Australia/Lord_Howe 15 2 * * *", "TZ=Europe/Berlin 0 */8 * * *", "TZ=Asia/Kolkata @weekly",
		"TZ=Africa/Casablanca 45 2,3 * * *", "TZ=UTC 0 3 1 * *", "TZ=Europe/Berlin 15 * * * *", "TZ=America/New_York 30 1,2 * * 1-5", "TZ=Pacific/Chatham 0 12 L * *",
	}
)

const yearSchedules = 10

// owed is what the oracle knows of one schedule.
type owed struct {
	text    string // empty: there is none
	missed  fleet.Missed
	since   time.Time // all that was due until then is dealt with
	carried bool      // a run under another text is due and has not happened
	carry   time.Time // when that was due
}

type year struct {
	seed uint64
	now  time.Time // the database's clock

	t          *testing.T
	store      *store.Store
	random     *rand.Rand
	due        map[string][]time.Time // by text
	owed       [yearSchedules]owed
	ids        map[fleet.ScheduleID]int
	schedulers []*Scheduler

	runs, left, jumps, reloads, crashes, races, anew int
}

// skew is how far the database's clock is off: it shows what the simulation wants.
func (y *year) skew() time.Duration { return time.Until(y.now) }

func (y *year) begin(t *testing.T, open storecontract.Open) *year {
	y.now = yearBegins
	*y = year{seed: y.seed, now: yearBegins, t: t, store: open(t, 0), random: rand.New(rand.NewPCG(y.seed, 7)), due: map[string][]time.Time{}}
	for _, text := range yearTexts {
		y.due[text] = crontest.Due(text, yearBegins.AddDate(0, -1, 0), yearBegins.AddDate(1, 3, 0))
	}
	for i := range y.owed {
		y.owed[i] = owed{text: yearTexts[i], missed: fleet.Misseds[i%3%2], since: y.now}
	}
	y.apply()
	for range 3 {
		y.schedulers = append(y.schedulers, New(&view{Schedules: y.store, y: y}, slog.New(slog.DiscardHandler)))
	}
	return y
}

func (y *year) play() {
	left := 240 * 24 * time.Hour
	for wrong := time.Duration(0); left > 0 && !y.t.Failed(); {
		step := time.Duration(y.random.ExpFloat64()*float64(6*time.Hour)).Truncate(time.Second) + time.Second
		if y.random.IntN(4) == 0 {
			step = time.Duration(1+y.random.IntN(90)) * time.Second
		}
		left -= step
		y.now = y.now.Add(step)
		if y.random.IntN(40) == 0 { // the clock is set wrong, or right again
			y.jumps++
			jump := time.Duration(y.random.NormFloat64() * float64(30*time.Hour)).Truncate(time.Second)
			if wrong != 0 {
				jump = -wrong
			}
			wrong += jump
			y.now = y.now.Add(jump)
		}
		if y.random.IntN(15) == 0 {
			y.reload()
		}
		y.tick()
	}
}

// tick lets a scheduler look, which may crash on the way, and mostly another one afterwards that does not.
func (y *year) tick() {
	s := y.schedulers[y.random.IntN(len(y.schedulers))]
	v := s.schedules.(*view)
	v.fault = y.random.IntN(8)
	err := s.Tick(y.t.Context())
	if crashed := v.crashed; err != nil && !crashed {
		y.t.Fatalf("tick: %v", err)
	}
	v.fault, v.crashed = 0, false
	if y.random.IntN(10) == 0 {
		return
	}
	fresh := New(&view{Schedules: y.store, y: y}, slog.New(slog.DiscardHandler))
	if err := fresh.Tick(y.t.Context()); err != nil {
		y.t.Fatalf("tick: %v", err)
	}
	for i, o := range y.owed { // nothing is owed now, and nothing far away
		if o.text == "" {
			continue
		}
		if first, late := y.pending(o, y.now); late {
			y.t.Errorf("%s: schedule %d (%s): the run due at %s is lost", y.now, i, o.text, first)
		}
		if y.astray(o) {
			y.t.Errorf("%s: schedule %d (%s) does not run before %s", y.now, i, o.text, y.next(o.text, o.since))
		}
	}
}

// next gives the first due moment after another.
func (y *year) next(text string, after time.Time) time.Time {
	all := y.due[text]
	i, _ := slices.BinarySearchFunc(all, after, func(due, after time.Time) int {
		if due.After(after) {
			return 1
		}
		return -1
	})
	return all[i]
}

// pending gives the first run of a schedule that is due and has not happened.
func (y *year) pending(o owed, now time.Time) (time.Time, bool) {
	if o.carried {
		return o.carry, true
	}
	first := y.next(o.text, o.since)
	return first, !first.After(now)
}

// astray tells whether a schedule would not run for more than a period too long.
func (y *year) astray(o owed) bool {
	soon := y.next(o.text, y.now)
	return y.next(o.text, o.since).After(soon.Add(y.next(o.text, soon).Sub(soon)))
}

// fired is told of every firing that is stored.
func (y *year) fired(f fleet.Firing) {
	i, known := y.ids[f.Schedule.ID]
	o := &y.owed[i]
	if !known || o.text == "" {
		y.t.Errorf("%s: schedule %d fired, which is not there", y.now, f.Schedule.ID)
		return
	}
	if f.Task == nil && f.Skipped == "" { // the next run was set anew
		if !y.astray(*o) || o.carried {
			y.t.Errorf("%s: schedule %d (%s) was set anew without need: %s", y.now, i, o.text, f.Outcome)
		}
		y.anew++
		o.since = y.now
		return
	}
	first, due := y.pending(*o, y.now)
	if !due {
		y.t.Errorf("%s: schedule %d (%s) fired twice, or before %s: %+v", y.now, i, o.text, first, f)
	}
	grace := min(10*time.Minute, y.next(o.text, first).Sub(first)/2)
	if late := y.now.Sub(first) > grace; !o.carried && (f.Task == nil) != (late && o.missed == fleet.MissedNone) {
		y.t.Errorf("%s: schedule %d (%s), due at %s, missed %s: %+v", y.now, i, o.text, first, o.missed, f)
	}
	if f.Task != nil {
		y.runs++
	} else {
		y.left++
	}
	o.since, o.carried = y.now, false
}

// reload changes the configuration of some schedules.
func (y *year) reload() {
	y.reloads++
	for range y.random.IntN(3) {
		o := &y.owed[y.random.IntN(yearSchedules)]
		text := yearTexts[y.random.IntN(len(yearTexts))]
		switch {
		case o.text == "": // comes back
			*o = owed{text: text, missed: o.missed, since: y.now}
		case y.random.IntN(4) == 0: // goes; what was due goes with it
			*o = owed{missed: o.missed}
		case text != o.text:
			if o.carry, o.carried = y.pending(*o, y.now); !o.carried {
				o.since = y.now
			}
			o.text = text
		}
		y.apply()
	}
	y.apply()
}

func (y *year) apply() {
	c := fleet.Configuration{Hash: fmt.Sprint(y.reloads, y.random.Uint64())}
	for i, o := range y.owed {
		name := fleet.ServerName(fmt.Sprintf("p%d", i))
		c.Servers = append(c.Servers, fleet.ConfiguredServer{Server: fleet.Server{Name: name}})
		if o.text != "" {
			c.Schedules = append(c.Schedules, fleet.ConfiguredSchedule{ServerName: name, Schedule: fleet.Schedule{
				Kind: fleet.KindRegister, Cron: o.text, TaskName: string(name), MaxRuntime: time.Hour, Missed: o.missed, Overlap: fleet.OverlapCancel,
			}})
		}
	}
	if _, err := y.store.Apply(y.t.Context(), c, true); err != nil {
		y.t.Fatalf("apply: %v", err)
	}
	all, err := y.store.FindSchedules(y.t.Context(), 0)
	if err != nil {
		y.t.Fatal(err)
	}
	y.ids = map[fleet.ScheduleID]int{}
	for _, s := range all {
		y.ids[s.ID] = int(s.TaskName[1] - '0')
	}
}

// view is a scheduler's way to the store, with what may go wrong there.
type view struct {
	fleet.Schedules
	y       *year
	fault   int
	crashed bool
}

func (v *view) Fire(ctx context.Context, all []fleet.Firing) ([]bool, error) {
	if len(all) == 0 {
		return v.Schedules.Fire(ctx, all)
	}
	switch v.fault {
	case 1: // dies between reading and firing
		v.y.crashes++
		v.crashed = true
		return nil, errBad
	case 2, 3: // another one is quicker
		v.y.races++
		other := New(&view{Schedules: v.Schedules, y: v.y}, slog.New(slog.DiscardHandler))
		if err := other.Tick(ctx); err != nil {
			return nil, err
		}
	}
	done, err := v.Schedules.Fire(ctx, all)
	for i, fired := range done {
		if fired {
			v.y.fired(all[i])
		}
	}
	if err == nil && v.fault == 4 { // dies after it was stored
		v.y.crashes++
		v.crashed = true
		return nil, errBad
	}
	return done, err
}
