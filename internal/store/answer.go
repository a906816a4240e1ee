// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"net"
	"sync"
	"time"
)

// patience is how long the database may leave a question without an answer. A network that swallows everything refuses
// nothing, so that without it a call would wait for as long as the kernel keeps sending again: a quarter of an hour.
const patience = 30 * time.Second

// probes find out that the other end of a connection is gone on which nothing is asked.
var probes = net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 4}

// dialAnswering dials connections on which each question is answered within a time, or which fail.
func dialAnswering(within time.Duration) func(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := net.Dialer{Timeout: connectTimeout, KeepAliveConfig: probes}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &answering{Conn: conn, within: within}, nil
	}
}

// answering is a connection on which what was written must be answered within a time. Where nothing is asked, as when
// one listens, it may be silent for ever.
type answering struct {
	net.Conn
	within time.Duration

	mu    sync.Mutex
	read  time.Time // when the owner wants reading to end; zero: never
	write time.Time // the same of writing
	due   time.Time // when an answer must be there; zero: nothing is asked
}

// Write implements net.Conn.
func (a *answering) Write(b []byte) (int, error) {
	a.mu.Lock()
	a.due = time.Now().Add(a.within)
	err := a.set()
	a.mu.Unlock()
	if err != nil {
		return 0, err
	}
	return a.Conn.Write(b)
}

// Read implements net.Conn.
func (a *answering) Read(b []byte) (int, error) {
	n, err := a.Conn.Read(b)
	if n > 0 {
		a.mu.Lock()
		a.due = time.Time{}
		_ = a.set() // what is wrong with the connection shows when it is used next
		a.mu.Unlock()
	}
	return n, err
}

// SetDeadline implements net.Conn.
func (a *answering) SetDeadline(t time.Time) error { return a.setAll(&t, &t) }

// SetReadDeadline implements net.Conn.
func (a *answering) SetReadDeadline(t time.Time) error { return a.setAll(&t, nil) }

// SetWriteDeadline implements net.Conn.
func (a *answering) SetWriteDeadline(t time.Time) error { return a.setAll(nil, &t) }

func (a *answering) setAll(read, write *time.Time) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if read != nil {
		a.read = *read
	}
	if write != nil {
		a.write = *write
	}
	return a.set()
}

// set tells the connection when reading and writing end: the owner's deadline or the answer's, whichever is first.
func (a *answering) set() error {
	if err := a.Conn.SetReadDeadline(first(a.read, a.due)); err != nil {
		return err
	}
	return a.Conn.SetWriteDeadline(first(a.write, a.due))
}

// first gives the earlier of two moments; a zero one is never.
func first(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
