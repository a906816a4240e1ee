// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"errors"
	"sync"
)

// desk is the goroutine in which all units of work are done, one after the other, as the database takes them. SQLite needs a deep
// stack: one is enough, where each of thousands of tasks would have its own grown, and keep it.
type desk struct {
	work chan *errand
	stop chan struct{}
	once sync.Once
}

// errNotDone is what a unit of work ends with that ended its goroutine.
var errNotDone = errors.New("the work on the database was broken off")

// errand is a unit of work that somebody waits for.
type errand struct {
	do    func() error
	err   error
	fault any // what it panicked with
	done  chan struct{}
}

func newDesk() *desk {
	d := &desk{work: make(chan *errand), stop: make(chan struct{})}
	go func() {
		for {
			select {
			case e := <-d.work:
				e.run()
			case <-d.stop:
				return
			}
		}
	}()
	return d
}

func (e *errand) run() {
	defer close(e.done)
	defer func() { e.fault = recover() }()
	e.err = errNotDone
	e.err = e.do()
}

// do has fn done, and waits for it. A panic in it is the caller's.
func (d *desk) do(ctx context.Context, fn func() error) error {
	e := &errand{do: fn, done: make(chan struct{})}
	select {
	case d.work <- e:
	case <-ctx.Done():
		return ctx.Err()
	case <-d.stop:
		return fn() // which says that the database is closed
	}
	<-e.done
	if e.fault != nil {
		panic(e.fault)
	}
	return e.err
}

func (d *desk) close() { d.once.Do(func() { close(d.stop) }) }
