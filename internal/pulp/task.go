// SPDX-License-Identifier: Apache-2.0

package pulp

import (
	"context"
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

func newTask(f Fields) Task {
	failed := f.object("error")
	reason := failed.text("description")
	if reason == "" {
		reason = failed.text("reason")
	}
	t := Task{
		Href:        f.Href(),
		Name:        f.text("name"),
		State:       TaskState(f.text("state")),
		Correlation: f.text("logging_cid"),
		Reason:      shorten(strings.TrimSpace(reason), maxWords),
		ErrorCode:   failed.text("error_code"),
		Created:     f.time("pulp_created"),
		Unblocked:   f.time("unblocked_at"),
		Started:     f.time("started_at"),
		Finished:    f.time("finished_at"),
		Reserved:    f.texts("reserved_resources_record"),
	}
	for _, created := range f.texts("created_resources") {
		if !strings.HasPrefix(created, "/") {
			created = "" // "<unavailable>"
		}
		t.CreatedResources = append(t.CreatedResources, Href(created))
	}
	for _, report := range f.objects("progress_reports") {
		t.Progress = append(t.Progress, Progress{
			Message: report.text("message"),
			Code:    report.text("code"),
			State:   report.text("state"),
			Done:    report.number("done"),
			Total:   report.number("total"),
			Suffix:  report.text("suffix"),
		})
	}
	return t
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
	return newTask(f), nil
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
	list, err := c.ListIn(ctx, "tasks/", "pulp_id__in", ids, url.Values{"fields": {taskFields}})
	if err != nil {
		return nil, err
	}
	out := make(map[Href]Task, len(list))
	for _, f := range list {
		t := newTask(f)
		if href, ok := asked[t.Href.ID()]; ok {
			out[href] = t
		}
	}
	return out, nil
}

// TasksByCorrelation gives the tasks started by requests with that id, newest
// first; see WithCorrelation.
func (c *Client) TasksByCorrelation(ctx context.Context, id string) ([]Task, error) {
	list, err := c.List(ctx, "tasks/", url.Values{"logging_cid": {id}, "fields": {taskFields}})
	return each(list, newTask), err
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
	return newTask(change.Fields), nil
}

// Nudge starts a task that does nothing, the purge of tasks finished before 1970:
// a worker that came back looks at tasks that were queued meanwhile only when
// another one is started.
func (c *Client) Nudge(ctx context.Context) (Href, error) {
	r := Fields{"finished_before": "1970-01-01T00:00:00Z", "states": []string{string(Completed)}}
	return c.start(ctx, "nudge the workers", c.api+"tasks/purge/", r)
}
