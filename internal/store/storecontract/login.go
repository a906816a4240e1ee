// SPDX-License-Identifier: Apache-2.0

package storecontract

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
)

var logins = []contract{
	{name: "a login that was ended stays so until it is over", check: loginsRevoked},
	{name: "failed logins are counted by key", check: loginsFailed},
	{name: "failed logins that were long ago are forgotten", check: loginsForgotten},
	{name: "failures at once are all counted", check: loginsFailAtOnce},
}

func loginsRevoked(w *world) {
	if value(w.Revoked(w.ctx, "t1"))(w) {
		w.Error("revoked before")
	}
	soon := time.Now().Add(time.Hour)
	for range 2 { // D53
		w.ok(w.Revoke(w.ctx, fleet.Revocation{TokenID: "t1", User: "alice\x00\xff", Until: soon}))
	}
	w.ok(w.Revoke(w.ctx, fleet.Revocation{TokenID: "over", User: "alice", Until: time.Now().Add(-time.Hour)}))
	w.ok(w.Revoke(w.ctx, fleet.Revocation{TokenID: "t2", Until: soon}))
	for id, want := range map[string]bool{"t1": true, "t2": true, "t": false, "T1": false, "": false, "over": false} {
		if got := value(w.Revoked(w.ctx, id))(w); got != want {
			w.Errorf("%q revoked: %t", id, got)
		}
	}
}

// failures gives the counts of keys.
func (w *world) failures(keys ...string) map[string]int {
	w.Helper()
	all, now, err := w.FailedLogins(w.ctx, keys)
	w.ok(err)
	counts := map[string]int{}
	for key, f := range all {
		if f.Key != key || f.Last.IsZero() || f.Last.After(now) || now.Sub(f.Last) > time.Minute {
			w.Errorf("%s: %+v, now %s", key, f, now)
		}
		counts[key] = f.Count
	}
	return counts
}

func (w *world) failed(want map[string]int) {
	w.Helper()
	if got := w.failures("u", "a", "b", "other"); !maps.Equal(got, want) {
		w.Errorf("failures %v, want %v", got, want)
	}
}

func loginsFailed(w *world) {
	w.failed(map[string]int{})
	if got := w.failures(); len(got) != 0 {
		w.Errorf("of no keys: %v", got)
	}
	w.ok(w.NoteFailedLogin(w.ctx, []string{"u", "a"}, time.Hour))
	w.ok(w.NoteFailedLogin(w.ctx, []string{"a", "b"}, time.Hour))
	w.failed(map[string]int{"u": 1, "a": 2, "b": 1})
	w.ok(w.ClearFailedLogins(w.ctx, nil))
	w.ok(w.ClearFailedLogins(w.ctx, []string{"a", "other"}))
	w.failed(map[string]int{"u": 1, "b": 1})
}

func loginsForgotten(w *world) {
	w.ok(w.NoteFailedLogin(w.ctx, []string{"u", "a"}, time.Hour))
	w.pause(20 * time.Millisecond)
	w.ok(w.NoteFailedLogin(w.ctx, []string{"u"}, 10*time.Millisecond))
	w.failed(map[string]int{"u": 1})
}

func loginsFailAtOnce(w *world) {
	const each, many = 10, 6
	var all sync.WaitGroup
	errs := make([]error, many)
	for i := range many {
		keys := []string{"u", "a", "b"}
		if i%2 == 0 {
			slices.Reverse(keys)
		}
		all.Go(func() {
			for range each {
				if err := w.NoteFailedLogin(w.ctx, keys, time.Hour); err != nil {
					errs[i] = err
				}
			}
		})
	}
	all.Wait()
	for _, err := range errs {
		w.ok(err)
	}
	w.failed(map[string]int{"u": each * many, "a": each * many, "b": each * many})
}
