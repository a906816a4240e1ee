// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// synced is a repository with a history of finished syncs, newest first, an hour between them and
// the newest one age ago: c completed, f failed, x canceled, s skipped. Queued (q) and running (r)
// ones have not finished and leave no trace.
func synced(history string, age time.Duration) Repository {
	states := map[rune]TaskState{'c': Completed, 'f': Failed, 'x': Canceled, 's': Skipped}
	r := Repository{RemoteHref: "/remote/"}
	for i, c := range strings.TrimLeft(history, "qr") {
		end := noon.Add(-age - time.Duration(i)*time.Hour)
		if i == 0 {
			r.LastAttempt, r.LastAttemptState = end, states[c]
		}
		if c == 'c' && r.LastSuccess.IsZero() {
			r.LastSuccess = end
		}
	}
	return r
}

// The original's cases (legacy section 6.11). It looked at the newest five tasks of any kind (D88);
// what counts here is when the last success was. Each case stands for an hourly schedule
// whose newest sync just ended, and for none.
func TestHealthOfTheOriginalsCases(t *testing.T) {
	for _, test := range []struct {
		history     string
		hourly, not Health
		why         string // ours differs from the original's
	}{
		{"c", Green, Green, ""},
		{"f", Red, Red, ""},
		{"cf", Green, Green, ""},
		{"fc", Amber, Amber, ""},
		{"ffc", Amber, Amber, ""},
		{"fffc", Amber, Amber, ""},
		{"ffffc", Amber, Amber, "red there: the fourth failure in a row. Here four periods have just passed, a minute more is red"},
		{"fffffc", Red, Amber, "without a schedule nothing tells how old is too old"},
		{"fffcf", Amber, Amber, "red there: failures before the last success counted"},
		{"fccc", Amber, Amber, ""},
		{"cfffff", Green, Green, ""},
		{"xc", Amber, Amber, ""},
		{"sc", Green, Green, "amber there: a skipped one counted as failed"},
		{"qccc", Green, Green, "amber there: a sync that has not begun counted as failed"},
		{"rc", Green, Green, "amber there: a sync that runs counted as failed"},
	} {
		r := synced(test.history, 0)
		if got := RepositoryHealth(r, Expectation{Period: time.Hour}, noon); got != test.hourly {
			t.Errorf("%s, each hour: %q, want %q (%s)", test.history, got, test.hourly, test.why)
		}
		if got := RepositoryHealth(r, Expectation{}, noon); got != test.not {
			t.Errorf("%s, no schedule: %q, want %q (%s)", test.history, got, test.not, test.why)
		}
	}
}

func TestHealthByAge(t *testing.T) {
	const second = time.Second
	hourly := Expectation{Period: time.Hour, MaxRuntime: 30 * time.Minute}
	for _, test := range []struct {
		history string
		age     time.Duration
		want    Expectation
		health  Health
	}{
		{"c", 2*time.Hour + 30*time.Minute, hourly, Green},
		{"c", 2*time.Hour + 30*time.Minute + second, hourly, Amber},
		{"c", 4*time.Hour + 30*time.Minute, hourly, Amber},
		{"c", 4*time.Hour + 30*time.Minute + second, hourly, Red},
		{"fc", 0, hourly, Amber},
		{"fc", 3*time.Hour + 30*time.Minute + second, hourly, Red},
		{"f", 0, hourly, Red}, // never succeeded
		{"c", 1000 * time.Hour, Expectation{}, Green},
		{"c", 1000 * time.Hour, Expectation{MaxRuntime: time.Hour}, Green},
		{"c", 2 * time.Hour, Expectation{Period: time.Hour, MaxRuntime: Unlimited}, Green}, // -1 is no time
		{"c", 2*time.Hour + second, Expectation{Period: time.Hour, MaxRuntime: Unlimited}, Amber},
		{"c", 9 * time.Hour, Expectation{Period: time.Hour, MaxRuntime: 8 * time.Hour}, Green}, // a long run is not late
		{"c", time.Hour, Expectation{Period: time.Hour, MaxRuntime: math.MaxInt64}, Green},
		{"c", -time.Hour, hourly, Green}, // a clock that is behind
	} {
		if got := RepositoryHealth(synced(test.history, test.age), test.want, noon); got != test.health {
			t.Errorf("%s, %v ago, %+v: %q, want %q", test.history, test.age, test.want, got, test.health)
		}
	}
}

func TestNoHealth(t *testing.T) {
	uploaded := synced("c", 0)
	uploaded.RemoteHref = ""
	for what, r := range map[string]Repository{"not meant to sync": uploaded, "never synced": {RemoteHref: "/remote/"}, "nothing": {}} {
		if got := RepositoryHealth(r, Expectation{Period: time.Hour}, noon); got != "" {
			t.Errorf("%s: %q", what, got)
		}
	}
}

// Time alone never makes a repository healthier, and a success never less healthy.
func TestHealthOnlyGetsWorseWithTime(t *testing.T) {
	rank := map[Health]int{Green: 0, Amber: 1, Red: 2}
	rapid.Check(t, func(t *rapid.T) {
		r := synced(rapid.StringMatching(`[cfxs]{1,6}`).Draw(t, "history"), 0)
		want := Expectation{
			Period:     time.Duration(rapid.IntRange(0, 5).Draw(t, "period")) * time.Hour,
			MaxRuntime: time.Duration(rapid.IntRange(-1, 5).Draw(t, "run")) * time.Hour,
		}
		at := noon.Add(time.Duration(rapid.IntRange(0, 30).Draw(t, "at")) * time.Hour)
		later := at.Add(time.Duration(rapid.IntRange(0, 30).Draw(t, "later")) * time.Hour)
		before, after := RepositoryHealth(r, want, at), RepositoryHealth(r, want, later)
		if before == "" || rank[after] < rank[before] {
			t.Fatalf("%q at %v, %q at %v", before, at, after, later)
		}
		r.LastAttempt, r.LastSuccess, r.LastAttemptState = later, later, Completed
		if got := RepositoryHealth(r, want, later); got != Green {
			t.Fatalf("%q after a success", got)
		}
	})
}

func TestRollUp(t *testing.T) {
	for _, test := range []struct {
		healths []Health
		want    Health
	}{
		{nil, ""},
		{[]Health{""}, ""},
		{[]Health{Green}, Green},
		{[]Health{Green, Amber, Green}, Amber},
		{[]Health{Amber, Red, Green}, Red},
		{[]Health{Red}, Red},
		// D89: a repository without health, such as one that is uploaded to, does not colour its server.
		{[]Health{Green, "", Green}, Green},
		{[]Health{"", Amber}, Amber},
		{[]Health{"", ""}, ""},
		{[]Health{"bogus", Green}, Green},
	} {
		if got := RollUp(test.healths); got != test.want {
			t.Errorf("%q: %q, want %q", test.healths, got, test.want)
		}
	}
}

func TestSyncFailed(t *testing.T) {
	at := time.Now()
	for state, want := range map[TaskState]bool{Completed: false, Skipped: false, Failed: true, Canceled: true, FailedToStart: true} {
		if got := (Repository{LastAttempt: at, LastAttemptState: state}).SyncFailed(); got != want {
			t.Errorf("after a sync that is %s: %v", state, got)
		}
	}
	if (Repository{}).SyncFailed() {
		t.Error("a repository never synced counts as failed")
	}
}
