// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"errors"
	"sync"
	"time"
)

// A number of at least bigCount rows, which takes long to count and which a few more or less say nothing about, is good for
// bigCountFor. No more than bigCounts are kept.
const (
	bigCount    = 10_000
	bigCountFor = 2 * time.Second
	bigCounts   = 1000
)

// sharedCounts lets requests that ask for the same number at once share one query. Unless the number is
// big, an answer is never older than the question: a query that has begun is not joined, the one after it is.
type sharedCounts struct {
	mu   sync.Mutex
	next map[string]*sharedCount // not begun yet
	now  map[string]*sharedCount // running
	big  map[string]bigTotal
}

// bigTotal is a number that is big, and when it was counted.
type bigTotal struct {
	total int64
	at    time.Time
}

// sharedCount is a query on behalf of all who wait for it.
type sharedCount struct {
	done  chan struct{}
	total int64
	err   error
}

// count gives the number that a query with this text gives.
func (s *sharedCounts) count(ctx context.Context, query string, ask func(context.Context) (int64, error)) (int64, error) {
	for {
		if total, ok := s.kept(query); ok {
			return total, nil
		}
		mine, leads, before := s.join(query)
		if leads {
			return s.lead(ctx, query, mine, before, ask)
		}
		select {
		case <-mine.done:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
		// Who led may have gone away, which says nothing about this one.
		if gone := errors.Is(mine.err, context.Canceled) || errors.Is(mine.err, context.DeadlineExceeded); !gone || ctx.Err() != nil {
			return mine.total, mine.err
		}
	}
}

// join gives the query to wait for; leads tells that the caller must ask it, once the one before has ended.
func (s *sharedCounts) join(query string) (mine *sharedCount, leads bool, before *sharedCount) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if waiting := s.next[query]; waiting != nil {
		return waiting, false, nil
	}
	if s.next == nil {
		s.next, s.now, s.big = map[string]*sharedCount{}, map[string]*sharedCount{}, map[string]bigTotal{}
	}
	mine = &sharedCount{done: make(chan struct{}), err: context.Canceled}
	s.next[query] = mine
	return mine, true, s.now[query]
}

func (s *sharedCounts) lead(ctx context.Context, query string, mine, before *sharedCount, ask func(context.Context) (int64, error)) (int64, error) {
	defer close(mine.done)
	if before != nil {
		select {
		case <-before.done:
		case <-ctx.Done():
		}
	}
	s.mu.Lock()
	delete(s.next, query)
	s.now[query] = mine
	s.mu.Unlock()
	began := time.Now()
	mine.total, mine.err = ask(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now[query] == mine {
		delete(s.now, query)
	}
	if mine.err == nil && mine.total >= bigCount {
		s.keep(query, bigTotal{mine.total, began})
	}
	return mine.total, mine.err
}

// kept gives a big number that is still good.
func (s *sharedCounts) kept(query string) (int64, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, ok := s.big[query]
	return k.total, ok && time.Since(k.at) < bigCountFor
}

// keep remembers a big number, and forgets those that are old. The caller holds mu.
func (s *sharedCounts) keep(query string, k bigTotal) {
	for other, old := range s.big {
		if time.Since(old.at) >= bigCountFor {
			delete(s.big, other)
		}
	}
	if len(s.big) < bigCounts {
		s.big[query] = k
	}
}
