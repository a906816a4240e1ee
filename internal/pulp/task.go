// SPDX-License-Identifier: Apache-2.0

package pulp

import (
	"cmp"
	"context"
	"encoding/json"
	"net/url"
	"strings"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
)

// TaskState is the state of a Pulp task.
type TaskState string

// States of a Pulp task.
const (
	Waiting   TaskState = "waiting"
	Running   TaskState = "running"
	Completed TaskState = "completed"
	Failed    TaskState = "failed"
	Canceled  TaskState = "canceled"
	Canceling TaskState = "canceling"
	Skipped   TaskState = "skipped"
)

// Final tells that the task will not change any more.
func (s TaskState) Final() bool {
	switch s {
	case Completed, Failed, Canceled, Skipped:
		return true
	}
	return false
}

// Progress is one progress report of a Pulp task.
type Progress struct {
	Message string
	Code    string
	State   string
	Done    int64
	Total   int64 // 0 when Pulp does not know
	Suffix  string
}

// Task is a Pulp task. A task of a worker that was killed stays running for up to
// 17 minutes.
type Task struct {
	Href        Href
	Name        string // Pulp's name of what runs
	State       TaskState
	Correlation string

	// CreatedResources may hold objects that were deleted since, as "".
	CreatedResources []Href

	Reason    string // why it failed, in Pulp's words; never a traceback
	ErrorCode string // such as "PLP0005", mostly ""

	Created   time.Time
	Unblocked time.Time // zero while it waits for a lock, or no worker has looked
	Started   time.Time
	Finished  time.Time

	Progress []Progress
	Reserved []string
}

// taskFields are all that Task needs: "result" may hold whole objects.
const taskFields = "pulp_href,name,state,logging_cid,created_resources,error,pulp_created," +
	"unblocked_at,started_at,finished_at,progress_reports,reserved_resources_record"

// toldTask is a Pulp task as Pulp tells it. Tasks are asked for all the time, so they are read without a map in between.
type toldTask struct {
	PulpHref    Href      `json:"pulp_href"`
	Name        string    `json:"name"`
	State       TaskState `json:"state"`
	Correlation string    `json:"logging_cid"`
	Created     []*Href   `json:"created_resources"`
	Error       struct {
		Description string `json:"description"`
		Reason      string `json:"reason"`
		Code        string `json:"error_code"`
	} `json:"error"`
	PulpCreated string         `json:"pulp_created"`
	Unblocked   string         `json:"unblocked_at"`
	Started     string         `json:"started_at"`
	Finished    string         `json:"finished_at"`
	Progress    []toldProgress `json:"progress_reports"`
	Reserved    []string       `json:"reserved_resources_record"`
}

type toldProgress struct {
	Message string  `json:"message"`
	Code    string  `json:"code"`
	State   string  `json:"state"`
	Done    float64 `json:"done"`
	Total   float64 `json:"total"`
	Suffix  string  `json:"suffix"`
}

// Href gives the task's own.
func (f toldTask) Href() Href { return f.PulpHref }

func (f toldTask) task() Task {
	t := Task{
		Href: f.PulpHref, Name: f.Name, State: f.State, Correlation: f.Correlation, Reserved: f.Reserved,
		Reason: shorten(strings.TrimSpace(cmp.Or(f.Error.Description, f.Error.Reason)), maxWords), ErrorCode: f.Error.Code,
		Created: instant(f.PulpCreated), Unblocked: instant(f.Unblocked), Started: instant(f.Started), Finished: instant(f.Finished),
	}
	for _, created := range f.Created {
		switch {
		case created == nil:
		case strings.HasPrefix(string(*created), "/"):
			t.CreatedResources = append(t.CreatedResources, *created)
		default: // "<unavailable>"
			t.CreatedResources = append(t.CreatedResources, "")
		}
	}
	for _, r := range f.Progress {
		t.Progress = append(t.Progress, Progress{Message: r.Message, Code: r.Code, State: r.State, Done: int64(r.Done), Total: int64(r.Total), Suffix: r.Suffix})
	}
	return t
}

// newTask reads a task that came as an object.
func newTask(f Fields) (Task, error) {
	var told toldTask
	text, err := json.Marshal(f)
	if err == nil {
		err = json.Unmarshal(text, &told)
	}
	if err != nil {
		return Task{}, fault.Wrap(fault.Internal, err, "Pulp task %s cannot be read", f.Href())
	}
	return told.task(), nil
}

// CreatedVersion gives the repository version the task made. A sync or modify that
// changed nothing makes none.
func (t Task) CreatedVersion() (Href, bool) {
	for _, href := range t.CreatedResources {
		if _, _, ok := href.VersionNumber(); ok {
			return href, true
		}
	}
	return "", false
}

// CreatedPublication gives the publication the task made.
func (t Task) CreatedPublication() (Href, bool) {
	for _, href := range t.CreatedResources {
		if strings.Contains(string(href), "/publications/") {
			return href, true
		}
	}
	return "", false
}

// Task reads one task. NotFound may mean that Pulp purged it after it was final.
func (c *Client) Task(ctx context.Context, href Href) (Task, error) {
	f, err := c.read(ctx, "read Pulp task", href)
	if err != nil {
		return Task{}, err
	}
	return newTask(f)
}

// Tasks reads many tasks at once, about 80 a request. Those that Pulp does not
// know, or no more, are missing from the map.
func (c *Client) Tasks(ctx context.Context, hrefs []Href) (map[Href]Task, error) {
	asked := make(map[string]Href, len(hrefs))
	ids := make([]string, 0, len(hrefs))
	for _, href := range hrefs {
		id := href.ID()
		if id == "" {
			return nil, notSent(fault.New(fault.Invalid, "%q is not the href of a Pulp task", string(href)))
		}
		asked[id] = href
		ids = append(ids, id)
	}
	list, err := listIn[toldTask](ctx, c, "tasks/", "pulp_id__in", ids, url.Values{"fields": {taskFields}})
	if err != nil {
		return nil, err
	}
	out := make(map[Href]Task, len(list))
	for _, told := range list {
		if href, ok := asked[told.PulpHref.ID()]; ok {
			out[href] = told.task()
		}
	}
	return out, nil
}

// TasksByCorrelation gives the tasks started by requests with that id, newest
// first; see WithCorrelation.
func (c *Client) TasksByCorrelation(ctx context.Context, id string) ([]Task, error) {
	list, err := listAs[toldTask](ctx, c, "tasks/", url.Values{"logging_cid": {id}, "fields": {taskFields}})
	tasks := make([]Task, 0, len(list))
	for _, told := range list {
		tasks = append(tasks, told.task())
	}
	return tasks, err
}

// CancelTask asks Pulp to cancel a task. It gives the task as it then is: maybe
// still canceling, or final before the request came.
func (c *Client) CancelTask(ctx context.Context, href Href) (Task, error) {
	change, err := c.update(ctx, "cancel Pulp task", href, Fields{"state": string(Canceled)})
	if fault.Is(err, fault.Conflict) {
		return c.Task(ctx, href)
	}
	if err != nil || change.Fields.text("state") == "" {
		return Task{}, err
	}
	return newTask(change.Fields)
}

// Nudge starts a task that does nothing, the purge of tasks finished before 1970:
// a worker that came back looks at tasks that were queued meanwhile only when
// another one is started.
func (c *Client) Nudge(ctx context.Context) (Href, error) {
	r := Fields{"finished_before": "1970-01-01T00:00:00Z", "states": []string{string(Completed)}}
	return c.start(ctx, "nudge the workers", c.api+"tasks/purge/", r)
}
