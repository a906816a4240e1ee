// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestSharedCountIsNotOlderThanTheQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var counts sharedCounts
		var rows, asked atomic.Int64
		ask := func(context.Context) (int64, error) {
			asked.Add(1)
			seen := rows.Load()
			<-time.After(time.Second)
			return seen, nil
		}
		var all sync.WaitGroup
		for i := range 10 {
			all.Go(func() {
				<-time.After(time.Duration(i) * 100 * time.Millisecond)
				mine := rows.Add(1)
				if total, err := counts.count(t.Context(), "how many", ask); err != nil || total < mine {
					t.Errorf("question %d got %d, %v", mine, total, err)
				}
			})
		}
		all.Wait()
		if asked.Load() != 2 {
			t.Errorf("%d queries for ten questions within a second", asked.Load())
		}
		if len(counts.next)+len(counts.now) != 0 {
			t.Errorf("left behind: %v %v", counts.next, counts.now)
		}
	})
}

func TestSharedCountGoesOnWithoutWhoLed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var counts sharedCounts
		ask := func(ctx context.Context) (int64, error) {
			select {
			case <-ctx.Done():
				return 0, ctx.Err()
			case <-time.After(time.Second):
				return 7, nil
			}
		}
		block, done := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(done)
			_, _ = counts.count(t.Context(), "how many", func(context.Context) (int64, error) { <-block; return 0, nil })
		}()
		synctest.Wait()
		leader, leave := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := counts.count(leader, "how many", ask); !errors.Is(err, context.Canceled) {
				t.Errorf("who left got %v", err)
			}
		})
		synctest.Wait()
		for range 3 {
			all.Go(func() {
				if total, err := counts.count(t.Context(), "how many", ask); total != 7 || err != nil {
					t.Errorf("who stayed got %d, %v", total, err)
				}
			})
		}
		synctest.Wait()
		leave()
		close(block)
		all.Wait()
		<-done
	})
}

func TestBigCountIsGoodForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var counts sharedCounts
		for _, first := range []int64{bigCount - 1, bigCount} {
			rows := first
			ask := func(context.Context) (int64, error) { return rows, nil }
			want := func(want int64) {
				t.Helper()
				if total, err := counts.count(t.Context(), "how many", ask); total != want || err != nil {
					t.Errorf("got %d, %v, want %d", total, err, want)
				}
			}
			want(first)
			rows = first + 1
			if first < bigCount {
				want(first + 1)
				<-time.After(bigCountFor)
				continue
			}
			want(first)
			<-time.After(bigCountFor)
			want(first + 1)
		}
		for i := range 2 * bigCounts {
			_, _ = counts.count(t.Context(), fmt.Sprint(i), func(context.Context) (int64, error) { return bigCount, nil })
		}
		if len(counts.big) > bigCounts {
			t.Errorf("%d numbers kept", len(counts.big))
		}
	})
}
