// SPDX-License-Identifier: Apache-2.0

package job

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// want is what a sync needs that reads from an upstream.
func want(server, upstream string) Want {
	return Want{Server: &Server{Server: fleet.Server{Name: fleet.ServerName(server)}}, Upstream: upstream}
}

// TestLimitsHold: never more at a time than the limits say, and all get their turn.
func TestLimitsHold(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l := &Limits{PerServer: rapid.IntRange(0, 4).Draw(t, "per server"), PerUpstream: rapid.IntRange(0, 4).Draw(t, "per upstream")}
		type work struct{ server, upstream int }
		all := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) work {
			return work{rapid.IntRange(0, 2).Draw(t, "server"), rapid.IntRange(0, 2).Draw(t, "upstream")}
		}), 1, 40).Draw(t, "work")
		var servers, upstreams [3]atomic.Int64
		var most [2]atomic.Int64
		var wg sync.WaitGroup
		note := func(at *atomic.Int64, most *atomic.Int64) {
			for n := at.Add(1); ; {
				m := most.Load()
				if n <= m || most.CompareAndSwap(m, n) {
					return
				}
			}
		}
		for _, w := range all {
			wg.Go(func() {
				slot, err := l.Acquire(context.Background(), want(fmt.Sprint(w.server), fmt.Sprint(w.upstream)), nil)
				if err != nil {
					t.Errorf("acquire: %v", err)
					return
				}
				note(&servers[w.server], &most[0])
				note(&upstreams[w.upstream], &most[1])
				servers[w.server].Add(-1)
				upstreams[w.upstream].Add(-1)
				slot.Release(context.Background())
			})
		}
		wg.Wait()
		for i, limit := range []int{l.PerServer, l.PerUpstream} {
			if n := most[i].Load(); limit > 0 && n > int64(limit) {
				t.Fatalf("%d at a time, limit %d", n, limit)
			}
		}
	})
}

// TestLimitWaitEnds: one who waits for a slot ends with the cause of its context's end, and keeps no slot.
func TestLimitWaitEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &Limits{PerServer: 2, PerUpstream: 1}
		slot, err := l.Acquire(t.Context(), want("a", "up"), nil)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(fleet.ErrCanceled) })
		if _, err := l.Acquire(ctx, want("a", "up"), nil); !errors.Is(err, fleet.ErrCanceled) {
			t.Errorf("while the upstream is taken: %v", err)
		}
		other, err := l.Acquire(t.Context(), want("a", "elsewhere"), nil) // the slot at the server was given back
		if err != nil {
			t.Fatal(err)
		}
		other.Release(t.Context())
		slot.Release(context.Background())
	})
}
