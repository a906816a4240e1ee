// SPDX-License-Identifier: Apache-2.0

package api

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// tape takes a stream that a handler writes meanwhile.
type tape struct {
	mu     sync.Mutex
	header http.Header
	text   strings.Builder
	err    error // of writing
}

func (p *tape) Header() http.Header { return p.header }
func (*tape) WriteHeader(int)       {}
func (*tape) Flush()                {}

func (p *tape) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return 0, p.err
	}
	return p.text.Write(b)
}

// fail makes all further writes fail.
func (p *tape) fail() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err = errors.New("connection reset")
}

// next gives what was written since it was asked last: a word an event, with what is told of it.
func (p *tape) next() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	text := p.text.String()
	p.text.Reset()
	told := []string{}
	for part := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		var event, id, data string
		for line := range strings.Lines(part) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
			switch name {
			case "event":
				event = value
			case "id":
				id = "#"
			case "data":
				data = value
			case "":
				told = append(told, ": "+value)
			}
		}
		switch event {
		case "":
		case "child":
			_, data, _ = strings.Cut(data, `"state":"`)
			data, _, _ = strings.Cut(data, `"`)
			told = append(told, "child "+data+id)
		case "stage":
			_, data, _ = strings.Cut(data, `"detail":`)
			data, _, _ = strings.Cut(data, `,"error"`)
			told = append(told, "stage "+data+id)
		case "task":
			stages := strings.Count(data, `"task_id":`)
			_, data, _ = strings.Cut(data, `"state":"`)
			data, _, _ = strings.Cut(data, `"`)
			told = append(told, fmt.Sprintf("task %s %d%s", data, stages, id))
		default:
			told = append(told, event+" "+data+id)
		}
	}
	return told
}

// play opens a stream and gives it, and what is closed at its end.
func play(ctx context.Context, h http.Handler, target string, headers ...string) (*tape, chan struct{}) {
	p, done := &tape{header: http.Header{}}, make(chan struct{})
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	go func() {
		defer close(done)
		h.ServeHTTP(p, r)
	}()
	synctest.Wait()
	return p, done
}

// change changes the memory at a moment, which it gives all that it changes.
func (m *memory) change(f func(at time.Time)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f(time.Now())
}

// tick lets the watcher look once more.
func tick() {
	<-time.After(watchEach)
	synctest.Wait()
}

// watched is a memory whose task 1 runs, with a stage and a child.
func watched() *memory {
	m, now := newMemory(), time.Now()
	m.tasks[0].State, m.tasks[0].Error, m.tasks[0].Updated, m.tasks[1].Updated = fleet.Running, nil, now, now
	m.stages = m.stages[:1]
	m.stages[0].Updated = now
	return m
}

func TestEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := watched()
		h := New(m.options())
		p, done := play(t.Context(), h, "/v1/tasks/1/events")
		expect := func(what string, want ...string) {
			t.Helper()
			if diff := cmp.Diff(append([]string{}, want...), p.next()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", what, diff)
			}
		}
		if kind := p.header.Get("Content-Type"); kind != "text/event-stream" {
			t.Errorf("content type %q", kind)
		}
		expect("at first", "task running 1", "child running#")
		tick()
		expect("nothing happened")
		m.change(func(at time.Time) { m.stages[0].Detail, m.stages[0].Updated = map[string]any{"msg": "half"}, at })
		tick()
		expect("a stage went on", `stage {"msg":"half"}#`)
		m.change(func(at time.Time) {
			m.stages = append(m.stages, fleet.Stage{ID: 11, Task: 1, Name: "sync", Updated: at})
			m.tasks[1].State, m.tasks[1].Updated = fleet.Completed, at
		})
		tick()
		expect("a stage began and a child ended", "stage {}", "child completed#")
		<-time.After(heartbeat)
		synctest.Wait()
		expect("for a while", ": still here")
		m.change(func(at time.Time) { m.tasks[0].State, m.tasks[0].Updated = fleet.Completed, at })
		tick()
		expect("it is over", "task completed 2#", `end {"state":"completed"}`)
		<-done
		if got := ask(t, h, http.MethodGet, "/v1/tasks/9/events", ""); got.status != http.StatusNotFound {
			t.Errorf("of an unknown task: %d %s", got.status, got.body)
		}
		over, _ := play(t.Context(), h, "/v1/tasks/1/events")
		if diff := cmp.Diff([]string{"task completed 2", "child completed#", `end {"state":"completed"}`}, over.next()); diff != "" {
			t.Errorf("of a task that is over (-want +got):\n%s", diff)
		}
	})
}

// A client that comes again with the id of its last event is told what is newer, and what is hardly older.
func TestEventsGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := watched()
		h := New(m.options())
		id := func(at time.Time) string { return fmt.Sprint(at.UnixMicro()) }
		first := time.Now()
		<-time.After(time.Minute)
		m.change(func(at time.Time) { m.stages[0].Detail, m.stages[0].Updated = map[string]any{"msg": "half"}, at })
		for name, c := range map[string]struct {
			id   string
			want []string
		}{
			"with all":               {id(time.Now().Add(time.Minute)), []string{}},
			"hardly with all":        {id(time.Now()), []string{`stage {"msg":"half"}#`}},
			"without the last":       {id(first.Add(30 * time.Second)), []string{`stage {"msg":"half"}#`}},
			"without anything":       {id(first.Add(-time.Minute)), []string{"task running 1", "child running#"}},
			"with nonsense":          {"x", []string{"task running 1", "child running#"}},
			"with a number below":    {"-5", []string{"task running 1", "child running#"}},
			"with a number too long": {"99999999999999999999", []string{"task running 1", "child running#"}},
		} {
			ctx, leave := context.WithCancel(t.Context())
			p, done := play(ctx, h, "/v1/tasks/1/events", "Last-Event-ID", c.id)
			if diff := cmp.Diff(c.want, p.next()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
			leave()
			<-done
		}
	})
}

// However many streams watch a task, it is looked at once a tick; a client that does not read or is gone harms no other.
func TestStreamsShareTheLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := watched()
		o := m.options()
		stopping := make(chan struct{})
		o.MaxStreams, o.Stopping = 200, stopping
		h := New(o)
		gone, leave := context.WithCancel(t.Context())
		var tapes []*tape
		var ends []chan struct{}
		for i := range o.MaxStreams {
			ctx := t.Context()
			if i == 0 {
				ctx = gone
			}
			p, done := play(ctx, h, "/v1/tasks/1/events")
			tapes, ends = append(tapes, p), append(ends, done)
		}
		m.change(func(time.Time) { m.marks = 0 })
		for range 10 {
			tick()
		}
		m.change(func(time.Time) {
			if m.marks != 10 {
				t.Errorf("looked %d times in 10 ticks", m.marks)
			}
		})
		refused := ask(t, h, http.MethodGet, "/v1/tasks/1/events", "")
		if refused.status != http.StatusServiceUnavailable || refused.header.Get("Retry-After") == "" {
			t.Errorf("one stream too many: %d %s", refused.status, refused.body)
		}
		leave()
		tapes[1].fail()
		<-ends[0]
		for _, p := range tapes {
			p.next()
		}
		m.change(func(at time.Time) { m.stages[0].Detail, m.stages[0].Updated = map[string]any{"msg": "half"}, at })
		tick()
		<-ends[1]
		for i, p := range tapes[2:] {
			if got := p.next(); len(got) != 1 || got[0] != `stage {"msg":"half"}#` {
				t.Fatalf("stream %d was told %v", i+2, got)
			}
		}
		close(stopping)
		for _, done := range ends {
			<-done
		}
	})
}

// A task that is gone, and a store that is away for a while.
func TestEventsThroughTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := watched()
		h := New(m.options())
		p, done := play(t.Context(), h, "/v1/tasks/1/events")
		p.next()
		m.change(func(at time.Time) {
			m.err = errors.New("away")
			m.stages[0].Detail, m.stages[0].Updated = map[string]any{"msg": "half"}, at
		})
		tick()
		if got := p.next(); len(got) != 0 {
			t.Errorf("while the store is away: %v", got)
		}
		m.change(func(time.Time) { m.err = nil })
		tick()
		if got := p.next(); len(got) != 1 {
			t.Errorf("when it is back: %v", got)
		}
		m.change(func(time.Time) { m.tasks = m.tasks[1:] })
		tick()
		<-done
	})
}

// A stream outlives the time limits of the server, and does not keep it from ending.
func TestStreamsAndTheServersLimits(t *testing.T) {
	m := watched()
	stopping := make(chan struct{})
	o := m.options()
	o.Stopping = stopping
	const limit = 500 * time.Millisecond
	server := &http.Server{Handler: New(o), ReadHeaderTimeout: limit, ReadTimeout: limit, WriteTimeout: limit}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	client := &http.Client{}
	open := func() *bufio.Reader {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+listener.Addr().String()+"/v1/tasks/1/events", nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = res.Body.Close() })
		return bufio.NewReader(res.Body)
	}
	until := func(r *bufio.Reader, prefix string) {
		t.Helper()
		for {
			line, err := r.ReadString('\n')
			if strings.HasPrefix(line, prefix) {
				return
			}
			if err != nil {
				t.Fatalf("waited for %q: %v", prefix, err)
			}
		}
	}
	first := open()
	until(first, "event: child")
	m.change(func(at time.Time) { m.stages[0].Detail, m.stages[0].Updated = map[string]any{"msg": "half"}, at })
	until(first, "event: stage") // at least a second later
	m.change(func(at time.Time) { m.tasks[1].State, m.tasks[1].Updated = fleet.Failed, at })
	until(first, "event: child")
	close(stopping)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		t.Errorf("shutdown: %v", err)
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		t.Errorf("served: %v", err)
	}
	client.CloseIdleConnections()
}
