// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// kind is a sort of fault.
type kind string

// The faults there are.
const (
	killed      kind = "kill"              // SIGKILL of a process of ours
	killedAt    kind = "kill at a request" // the same, the moment a request that changes something arrives, is done, or is answered
	lostReplies kind = "lost replies"      // requests are done, their replies dropped
	delays      kind = "delays"            // replies come late
	errors5xx   kind = "5xx"               // 502 and 503, done or not, and cut connections
	refused     kind = "refused"           // nobody listens
	hanging     kind = "hanging"           // requests outlast the time limit
	deadWorkers kind = "dead workers"      // Pulp workers die; their tasks stay running until they are found missing
	failing     kind = "failing tasks"     // Pulp tasks fail
	sessions    kind = "sessions"          // session cookies become invalid
	contentDown kind = "content app"       // what secondaries read from fails
	upstreamBad kind = "upstream"          // upstream fails, hangs or serves damaged files
	database    kind = "database"          // all connections to the database are cut (or the command of CHAOS_DATABASE_RESTART runs)
	paused      kind = "paused"            // a process of ours is stopped for a while (SIGSTOP), longer than a lease at times
)

// weights say how often a kind comes beside the others.
var weights = []struct {
	kind   kind
	weight int
}{
	{killed, 4},
	{killedAt, 8},
	{lostReplies, 12},
	{delays, 8},
	{errors5xx, 12},
	{refused, 6},
	{hanging, 5},
	{deadWorkers, 8},
	{failing, 10},
	{sessions, 5},
	{contentDown, 6},
	{upstreamBad, 6},
	{database, 8},
	{paused, 3},
}

// event is one planned fault.
type event struct {
	at     time.Duration // since the faults begin
	kind   kind
	server int           // index of the server it is about
	lasts  time.Duration // how long it goes on, or until a process starts again
	share  float64       // of the requests or tasks
	choice int           // between variants of the kind
}

func (e event) String() string {
	text := fmt.Sprintf("%6.1f s  %s", e.at.Seconds(), e.kind)
	switch e.kind {
	case killed, paused, database, sessions:
		return fmt.Sprintf("%s, for %.1f s (%d)", text, e.lasts.Seconds(), e.choice)
	}
	return fmt.Sprintf("%s on server %d for %.1f s, %.0f %% (%d)", text, e.server, e.lasts.Seconds(), e.share*100, e.choice)
}

// planOf makes the plan of a seed: the same for the same seed, whatever happens while it is carried out.
func planOf(seed uint64, lasts time.Duration, servers int, scaled bool) []event {
	r := rand.New(rand.NewPCG(seed, 1))
	all := 0
	for _, w := range weights {
		all += w.weight
	}
	var plan []event
	for at := between(r, 0, 2*time.Second); at < lasts; at += between(r, 100*time.Millisecond, 700*time.Millisecond) {
		e := event{
			at: at, server: r.IntN(servers), lasts: between(r, 500*time.Millisecond, 6*time.Second), share: 0.1 + 0.5*r.Float64(), choice: r.IntN(1000),
		}
		if r.IntN(4) == 0 { // the primaries are few, and everything depends on them
			e.server = r.IntN(min(primaries, servers))
		}
		n := r.IntN(all)
		for _, w := range weights {
			if n -= w.weight; n < 0 {
				e.kind = w.kind
				break
			}
		}
		switch {
		case e.kind == database && !scaled:
			e.kind = errors5xx
		case e.kind == paused && !scaled: // nobody else would go on
			e.lasts /= 2
		case e.kind == paused && e.choice%3 == 0:
			e.lasts += 30 * time.Second
		case e.kind == killed || e.kind == killedAt:
			e.lasts /= 3
		}
		e.lasts = min(e.lasts, lasts-at)
		plan = append(plan, e)
	}
	slices.SortStableFunc(plan, func(a, b event) int { return int(a.at - b.at) })
	return plan
}

// between gives a time by chance.
func between(r *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(r.Int64N(int64(most-least)))
}

// chance decides something that has a number, the same way for the same seed.
func chance(seed uint64, number uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, number)) }
