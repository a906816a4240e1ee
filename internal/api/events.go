// SPDX-License-Identifier: Apache-2.0

package api

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
)

const (
	heartbeat   = 15 * time.Second // after which something is written, so that proxies and clients know that we are there
	streamWrite = 10 * time.Second // how long a client may take to read
	resumeSlack = 5 * time.Second  // what was changed so shortly before the last event a client has is sent again: it may not have been visible
)

// eventStream is what a stream of events looks like (text/event-stream).
const eventStream = "text/event-stream"

// streamer is a value that writes its answer itself, bit by bit.
type streamer interface {
	stream(ctx context.Context, w http.ResponseWriter, r *http.Request)
}

// taskStream is a task's events for one client.
type taskStream struct {
	a    *api
	id   fleet.TaskID
	last *picture // that the client has; nil: it has none
	out  bytes.Buffer
}

// watchTask gives a task's events.
func (a *api) watchTask(ctx context.Context, r *request) (any, error) {
	id, err := r.id("id")
	if err != nil {
		return nil, err
	}
	if _, err := a.Tasks.Task(ctx, fleet.TaskID(id)); err != nil {
		return nil, err
	}
	if !a.watches.take(a.MaxStreams) {
		return nil, &answerError{
			status: http.StatusServiceUnavailable, detail: "there are too many event streams",
			hint: "try again later, ask for GET /v1/tasks/{id} now and then, or raise [http] max_streams",
		}
	}
	return &taskStream{a: a, id: fleet.TaskID(id)}, nil
}

// stream writes the events until the task is over, the client is gone, or the daemon stops.
func (s *taskStream) stream(ctx context.Context, w http.ResponseWriter, r *http.Request) {
	defer s.a.watches.give()
	h := w.Header()
	h.Set("Content-Type", eventStream)
	h.Set("X-Accel-Buffering", "no") // nginx
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return
	}
	control := http.NewResponseController(w)
	// The server's limit is for short answers; each write has its own.
	defer func() { _ = control.SetWriteDeadline(time.Time{}) }()
	send := func() bool {
		_ = control.SetWriteDeadline(time.Now().Add(streamWrite))
		_, err := w.Write(s.out.Bytes())
		s.out.Reset()
		return err == nil && control.Flush() == nil
	}
	s.out.WriteString("retry: 2000\n\n")
	if !send() {
		return
	}
	s.run(ctx, sinceEvent(r.Header.Get("Last-Event-ID")), send)
}

// run writes events as they come. What was changed since a moment, or a little before, is news to the client.
func (s *taskStream) run(ctx context.Context, since time.Time, send func() bool) {
	watched := s.a.watches.join(ctx, s.id)
	defer s.a.watches.leave(s.id, watched)
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		seen, changed, err := watched.now()
		if seen != nil && seen != s.last {
			s.tell(seen, since)
			s.last = seen
			over := seen.task.State.Final()
			if over {
				s.event("end", "", map[string]string{"state": string(seen.task.State)})
			}
			if !send() || over {
				return
			}
		}
		if err != nil { // the task is gone
			return
		}
		select {
		case <-changed:
		case <-beat.C:
			s.out.WriteString(": still here\n\n")
			if !send() {
				return
			}
		case <-ctx.Done():
			return
		case <-s.a.Stopping:
			return
		}
	}
}

// tell writes what a picture has and the last one has not. Only its last event has an id, so that who has that one has all.
func (s *taskStream) tell(seen *picture, since time.Time) {
	type news struct {
		kind  string
		value any
	}
	var all []news
	fresh := s.last == nil && since.IsZero()
	if s.last == nil { // a client that resumes has what is older
		s.last = seen.until(since)
	}
	if fresh || !reflect.DeepEqual(s.last.task, seen.task) {
		detail, _ := showTaskDetail(seen.task, seen.stages)
		all = append(all, news{"task", detail})
	} else {
		old := map[fleet.StageID]fleet.Stage{}
		for _, stage := range s.last.stages {
			old[stage.ID] = stage
		}
		for _, stage := range seen.stages {
			if had, ok := old[stage.ID]; !ok || !reflect.DeepEqual(had, stage) {
				all = append(all, news{"stage", showStage(stage)})
			}
		}
	}
	old := map[fleet.TaskID]fleet.Task{}
	for _, child := range s.last.children {
		old[child.ID] = child
	}
	for _, child := range seen.children {
		if had, ok := old[child.ID]; !ok || !reflect.DeepEqual(had, child) {
			shown, _ := showTask(child)
			all = append(all, news{"child", shown})
		}
	}
	for i, n := range all {
		id := ""
		if i == len(all)-1 {
			id = strconv.FormatInt(seen.newest().UnixMicro(), 10)
		}
		s.event(n.kind, id, n.value)
	}
}

// until gives what of the picture was so before a moment, less resumeSlack.
func (p *picture) until(moment time.Time) *picture {
	moment = moment.Add(-resumeSlack)
	before := &picture{}
	if !p.task.Updated.After(moment) {
		before.task = p.task
	}
	for _, s := range p.stages {
		if !s.Updated.After(moment) {
			before.stages = append(before.stages, s)
		}
	}
	for _, c := range p.children {
		if !c.Updated.After(moment) {
			before.children = append(before.children, c)
		}
	}
	return before
}

// sinceEvent reads the id of the last event that a client has. Nonsense is none.
func sinceEvent(id string) time.Time {
	micro, err := strconv.ParseInt(strings.TrimSpace(id), 10, 64)
	if err != nil || micro <= 0 {
		return time.Time{}
	}
	return time.UnixMicro(micro).UTC()
}

// event writes one event. JSON has no line breaks.
func (s *taskStream) event(kind, id string, value any) {
	s.out.WriteString("event: " + kind + "\n")
	if id != "" {
		s.out.WriteString("id: " + id + "\n")
	}
	s.out.WriteString("data: ")
	encoder := json.NewEncoder(&s.out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil { // stored JSON that is none: nothing can be told of it
		s.out.WriteString("null\n")
	}
	s.out.WriteString("\n")
}

// TaskEvent is one event of a stream, as the standard divides it into fields.
type TaskEvent struct {
	Event string `json:"event" enum:"task,stage,child,end" doc:"What data is about."`
	ID    string `json:"id,omitempty" doc:"To be sent as Last-Event-ID, to go on after it."`
	Data  string `json:"data" doc:"JSON: a task with its stages, a stage, a task of the list, or the state at the end."`
	Retry int    `json:"retry,omitempty" doc:"Milliseconds after which a client comes back where the stream broke."`
}

// exampleEvent is an event in the document.
var exampleEvent = TaskEvent{
	Event: "stage", ID: "1795425287000000",
	Data: `{"id":9,"task_id":5,"name":"sync repos","detail":{"msg":"2 in progress, 1/3 completed"},"error":{}}`,
}
