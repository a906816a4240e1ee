// SPDX-License-Identifier: Apache-2.0

package main

import (
	"container/heap"
	"time"
)

// step is one part of syncing a repository. A Pulp task occupies a worker, a request does not.
type step struct {
	takes    time.Duration
	pulpTask bool
}

// makespan is how long an ideal scheduler takes for all chains: it starts them in order, so many at a time, loses no moment
// between the steps, and polls nothing. Each Pulp task takes one of the workers, first come first served. It knows nothing of the
// program it judges.
func makespan(chains [][]step, concurrency, workers int) time.Duration {
	s := &simulator{chains: chains, at: make([]int, len(chains)), workers: workers}
	for range min(concurrency, len(chains)) {
		s.next()
	}
	for s.events.Len() > 0 {
		e, ok := heap.Pop(&s.events).(event)
		if !ok {
			break
		}
		s.now = e.at
		s.ended(e.chain)
	}
	return s.now
}

// simulator goes from one end of a step to the next.
type simulator struct {
	chains  [][]step
	at      []int // step each chain is at
	begun   int   // chains begun
	workers int   // free ones
	queue   []int // chains that wait for a worker
	events  events
	now     time.Duration
}

// next begins the next chain, if there is one.
func (s *simulator) next() {
	if s.begun < len(s.chains) {
		s.begun++
		s.enter(s.begun - 1)
	}
}

// enter begins the step that a chain is at, or what comes after the chain.
func (s *simulator) enter(chain int) {
	switch {
	case s.at[chain] == len(s.chains[chain]):
		s.next()
	case s.chains[chain][s.at[chain]].pulpTask && s.workers == 0:
		s.queue = append(s.queue, chain)
	default:
		if s.chains[chain][s.at[chain]].pulpTask {
			s.workers--
		}
		heap.Push(&s.events, event{s.now + s.chains[chain][s.at[chain]].takes, chain})
	}
}

// ended ends the step that a chain is at.
func (s *simulator) ended(chain int) {
	if s.chains[chain][s.at[chain]].pulpTask {
		s.workers++
		if len(s.queue) > 0 {
			waiting := s.queue[0]
			s.queue = s.queue[1:]
			s.enter(waiting)
		}
	}
	s.at[chain]++
	s.enter(chain)
}

// event is the end of a chain's step.
type event struct {
	at    time.Duration
	chain int
}

type events []event

func (e events) Len() int { return len(e) }

func (e events) Less(i, j int) bool {
	return e[i].at < e[j].at || (e[i].at == e[j].at && e[i].chain < e[j].chain)
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }

// Push implements heap.Interface.
func (e *events) Push(x any) {
	if one, ok := x.(event); ok {
		*e = append(*e, one)
	}
}

// Pop implements heap.Interface.
func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}
