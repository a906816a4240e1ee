// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"sync"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riversqlite"
)

// insertTopic is how River's notifier names the news of an inserted job.
const insertTopic = "river_insert"

// kickedDriver is River's driver for SQLite, told about new jobs by a channel within
// the process instead of asking a table twenty times a second.
type kickedDriver struct {
	*riversqlite.Driver
	mu        sync.Mutex
	listeners map[*kickedListener]bool
}

func newKickedDriver(d *riversqlite.Driver) *kickedDriver {
	return &kickedDriver{Driver: d, listeners: map[*kickedListener]bool{}}
}

// kick tells all engines that a job is there.
func (d *kickedDriver) kick() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for l := range d.listeners {
		select {
		case l.kicks <- struct{}{}:
		default: // it will look anyway
		}
	}
}

// SupportsListenNotify keeps River from writing notifications that nobody reads.
func (*kickedDriver) SupportsListenNotify() bool { return false }

// GetListener gives an engine's ear.
func (d *kickedDriver) GetListener(params *riverdriver.GetListenenerParams) riverdriver.Listener {
	return &kickedListener{driver: d, schema: params.Schema, kicks: make(chan struct{}, 1)}
}

// kickedListener implements riverdriver.Listener within the process.
type kickedListener struct {
	driver *kickedDriver
	schema string
	kicks  chan struct{}
}

func (l *kickedListener) Connect(context.Context) error {
	l.driver.mu.Lock()
	defer l.driver.mu.Unlock()
	l.driver.listeners[l] = true
	return nil
}

func (l *kickedListener) Close(context.Context) error {
	l.driver.mu.Lock()
	defer l.driver.mu.Unlock()
	delete(l.driver.listeners, l)
	return nil
}

func (l *kickedListener) WaitForNotification(ctx context.Context) (*riverdriver.Notification, error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-l.kicks:
		return &riverdriver.Notification{Topic: insertTopic, Payload: `{"queue":"` + river.QueueDefault + `"}`}, nil
	}
}

func (*kickedListener) Listen(context.Context, string) error   { return nil }
func (*kickedListener) Unlisten(context.Context, string) error { return nil }
func (*kickedListener) Ping(context.Context) error             { return nil }
func (l *kickedListener) Schema() string                       { return l.schema }
func (*kickedListener) SetAfterConnectExec(string)             {}
