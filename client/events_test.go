// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// told is a stream as the daemon writes it.
const told = `retry: 2000

event: task
data: {"id":1,"state":"running","stages":[{"id":9,"name":"reconcile","detail":{}}]}

event: child
data: {"id":3,"state":"queued"}

event: child
id: 100
data: {"id":2,"state":"running"}

: still here

event: novelty
data: {"id":7}

event: stage
data: {"id":9,"name":"reconcile","detail":{"msg":"done"}}

event: stage
id: 200
data: {"id":10,"name":"sync","detail":{"msg":"half"}}

event: child
id: 300
data: {"id":2,"state":"completed"}

event: task
id: 400
data: {"id":1,"state":"completed","stages":[{"id":9,"name":"reconcile","detail":{"msg":"done"}},{"id":10,"name":"sync","detail":{}}]}

event: end
data: {"state":"completed"}

`

// streaming serves one stream for a task, and what else is asked.
func streaming(t *testing.T, stream func(w http.ResponseWriter, r *http.Request), other http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/events") {
			other(w, r)
			return
		}
		stream(w, r)
	}))
	t.Cleanup(server.Close)
	c, err := New(server.URL, WithHTTPClient(&http.Client{Timeout: 5 * time.Second}), WithPolling(time.Millisecond, 2*time.Millisecond, time.Second))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func tell(w http.ResponseWriter, text string) {
	w.Header().Set("Content-Type", "text/event-stream")
	_, _ = io.WriteString(w, text)
}

func unasked(t *testing.T) http.HandlerFunc {
	return func(_ http.ResponseWriter, r *http.Request) { t.Errorf("asked for %s", r.URL) }
}

func TestEvents(t *testing.T) {
	c := streaming(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Last-Event-ID") != "50" || r.Header.Get("Accept") != "text/event-stream" || r.URL.Path != "/v1/tasks/1/events" {
			t.Errorf("asked for %s with %v", r.URL, r.Header)
		}
		tell(w, told)
	}, unasked(t))
	var got []string
	for event, err := range c.Events(t.Context(), 1, "50") {
		if err != nil {
			t.Fatal(err)
		}
		text := event.Kind + " " + event.ID
		switch {
		case event.Task != nil:
			text += fmt.Sprint(" ", event.Task.State, len(event.Task.Stages))
		case event.Stage != nil:
			text += fmt.Sprint(" ", event.Stage.ID, event.Stage.Msg())
		case event.Child != nil:
			text += fmt.Sprint(" ", event.Child.ID, event.Child.State)
		}
		got = append(got, text)
	}
	want := []string{
		"task  running1", "child  3queued", "child 100 2running", "stage  9done", "stage 200 10half", "child 300 2completed", "task 400 completed2", "end ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestWaitTaskListens(t *testing.T) {
	c := streaming(t, func(w http.ResponseWriter, _ *http.Request) { tell(w, told) }, unasked(t))
	var seen []string
	task, err := c.WaitTask(t.Context(), 1, func(task TaskDetail, children []Task) {
		text := task.State
		for _, s := range task.Stages {
			text += fmt.Sprintf(" %s:%s", s.Name, s.Msg())
		}
		for _, child := range children {
			text += fmt.Sprintf(" %d:%s", child.ID, child.State)
		}
		seen = append(seen, text)
	})
	if err != nil || !task.Good() || len(task.Stages) != 2 {
		t.Errorf("task %+v, %v", task, err)
	}
	want := []string{
		"running reconcile: 2:running 3:queued", "running reconcile:done sync:half 2:running 3:queued",
		"running reconcile:done sync:half 2:completed 3:queued", "completed reconcile:done sync: 2:completed 3:queued",
	}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("progress (-want +got):\n%s", diff)
	}
}

// Where there is no stream, or it ends before the task, the task is asked for.
func TestWaitTaskAsksWhereItCannotListen(t *testing.T) {
	half, _, _ := strings.Cut(told, "event: end")
	for name, stream := range map[string]http.HandlerFunc{
		"an old daemon":         func(w http.ResponseWriter, _ *http.Request) { write(w, 404, `{"detail":"Not Found"}`) },
		"a daemon that refuses": func(w http.ResponseWriter, _ *http.Request) { write(w, 406, `{"detail":"no"}`) },
		"too many streams":      func(w http.ResponseWriter, _ *http.Request) { write(w, 503, `{"detail":"later"}`) },
		"something else":        func(w http.ResponseWriter, _ *http.Request) { write(w, 200, `{"id":1}`) },
		"a stream that breaks":  func(w http.ResponseWriter, _ *http.Request) { tell(w, half) },
		"an early break":        func(w http.ResponseWriter, _ *http.Request) { tell(w, told[:30]) },
		"nonsense":              func(w http.ResponseWriter, _ *http.Request) { tell(w, "event: task\ndata: {\n\n") },
		"an end of nothing":     func(w http.ResponseWriter, _ *http.Request) { tell(w, "event: end\ndata: {}\n\n") },
	} {
		asked := 0
		c := streaming(t, stream, func(w http.ResponseWriter, _ *http.Request) {
			asked++
			write(w, 200, `{"id":1,"state":"`+map[bool]string{false: "running", true: "failed"}[asked > 2]+`"}`)
		})
		if task, err := c.WaitTask(t.Context(), 1, nil); err != nil || task.State != StateFailed || asked != 3 {
			t.Errorf("%s: task %+v, %v after %d requests", name, task, err, asked)
		}
	}
}

func TestEventsAreStopped(t *testing.T) {
	open := make(chan struct{})
	c := streaming(t, func(w http.ResponseWriter, r *http.Request) {
		tell(w, "event: task\ndata: {\"id\":1,\"state\":\"running\"}\n\n")
		w.(http.Flusher).Flush()
		close(open)
		<-r.Context().Done()
	}, unasked(t))
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	enough := errors.New("enough")
	var last error
	for event, err := range c.Events(ctx, 1, "") {
		if last = err; err == nil && event.Kind == EventTask {
			<-open
			cancel(enough)
		}
	}
	if !errors.Is(last, enough) {
		t.Errorf("ended with %v", last)
	}
	if _, err := c.WaitTask(ctx, 1, nil); !errors.Is(err, enough) {
		t.Errorf("waiting ended with %v", err)
	}
}
