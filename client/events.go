// SPDX-License-Identifier: Apache-2.0

package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"net/http"
	"strings"
	"time"
)

// The kinds of events.
const (
	EventTask  = "task"  // the task with its stages: at first, and when it changed
	EventStage = "stage" // one of its stages began or went on
	EventChild = "child" // one of its children, when it is new to the listener or changed
	EventEnd   = "end"   // the task is over; nothing follows
)

// Event is something that happened to a task. The field of its kind is set, the others are nil.
type Event struct {
	Kind  string
	ID    string // with which Events goes on after it; empty: more follows at once
	Task  *TaskDetail
	Stage *TaskStage
	Child *Task
}

// quietStream is after which silence a stream is taken for dead. The daemon says something every 15 seconds.
const quietStream = time.Minute

// Events gives what happens to a task, from now on or after the event with the id after, until its end. An error ends it
// too: a daemon without streams answers 404 or 406; a stream that breaks can be taken up again after the last id.
func (c *Client) Events(ctx context.Context, id int64, after string) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		alarm := time.AfterFunc(quietStream, func() { cancel(&Error{Detail: "the daemon fell silent"}) })
		defer alarm.Stop()
		body, err := c.openEvents(ctx, id, after)
		if err != nil {
			yield(Event{}, err)
			return
		}
		defer func() { _ = body.Close() }()
		lines := bufio.NewReader(body)
		for {
			event, err := readEvent(lines, func() { alarm.Reset(quietStream) })
			if err != nil {
				yield(Event{}, c.unreachable(ctx, err))
				return
			}
			if !yield(event, nil) || event.Kind == EventEnd {
				return
			}
		}
	}
}

// openEvents asks for a stream. It has no time limit as a whole.
func (c *Client) openEvents(ctx context.Context, id int64, after string) (io.ReadCloser, error) {
	req, err := c.request(ctx, http.MethodGet, taskPath(id)+"/events", nil, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "text/event-stream")
	if after != "" {
		req.Header.Set("Last-Event-ID", after)
	}
	endless := *c.http
	endless.Timeout = 0
	res, err := endless.Do(req)
	if err != nil {
		return nil, c.unreachable(ctx, err)
	}
	if res.StatusCode == http.StatusOK && strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
		return res.Body, nil
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return nil, c.unreachable(ctx, err)
	}
	if res.StatusCode == http.StatusOK {
		return nil, &Error{Status: http.StatusNotAcceptable, Detail: "the daemon has no event streams"}
	}
	return nil, errorOf(res, text)
}

// readEvent reads the next event, and tells of each line that came.
func readEvent(lines *bufio.Reader, alive func()) (Event, error) {
	var event Event
	var data []byte
	for {
		line, err := readLine(lines)
		if err != nil {
			return Event{}, err
		}
		alive()
		if len(line) == 0 {
			if event.Kind != "" && known(event.Kind) {
				return event, event.read(data)
			}
			event, data = Event{}, nil
			continue
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(name) {
		case "event":
			event.Kind = string(value)
		case "id":
			event.ID = string(value)
		case "data":
			data = append(data, value...)
		}
	}
}

// readLine reads a line of bounded length, without its end.
func readLine(lines *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, more, err := lines.ReadLine()
		if err != nil {
			return nil, err
		}
		if line = append(line, part...); len(line) > maxAnswer {
			return nil, errors.New("an event is too large")
		}
		if !more {
			return line, nil
		}
	}
}

func known(kind string) bool {
	return kind == EventTask || kind == EventStage || kind == EventChild || kind == EventEnd
}

// read reads the data of an event of its kind.
func (e *Event) read(data []byte) error {
	var into any
	switch e.Kind {
	case EventTask:
		e.Task = &TaskDetail{}
		into = e.Task
	case EventStage:
		e.Stage = &TaskStage{}
		into = e.Stage
	case EventChild:
		e.Child = &Task{}
		into = e.Child
	default:
		return nil
	}
	return json.Unmarshal(data, into)
}
