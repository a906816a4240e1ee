// SPDX-License-Identifier: Apache-2.0

package pulpfake

import (
	"context"
	"strings"
	"time"
)

// Pulp task states.
const (
	stateWaiting   = "waiting"
	stateRunning   = "running"
	stateCompleted = "completed"
	stateFailed    = "failed"
	stateCanceled  = "canceled"
	stateCanceling = "canceling"
)

func final(state string) bool {
	return state == stateCompleted || state == stateFailed || state == stateCanceled
}

// task is one Pulp task.
type task struct {
	id        string
	name      string
	cid       string
	state     string
	subject   string // name of the repository or object it is about
	about     string // that object's href
	created   time.Time
	updated   time.Time
	unblocked time.Time
	started   time.Time
	finished  time.Time
	err       obj
	progress  []*progress
	resources []resource
	result    any

	exclusive, shared []string // prns

	// fetch does what takes time and needs no lock; body does the work and holds mu.
	fetch func(ctx context.Context, t *task) error
	body  func(t *task) (any, error)

	blockedOn map[string]bool // resources it has not got yet
	worker    *worker
	cancel    context.CancelFunc
	unseen    bool // dispatched while no worker was online, not looked at yet
}

type resource struct{ href, prn string }

type progress struct {
	message, code string
	total         any
	done          int
	running       bool
}

func (t *task) href() string { return apiPrefix + "tasks/" + t.id + "/" }
func (t *task) prn() string  { return "prn:core.task:" + t.id }

func (t *task) made(href, prn string) { t.resources = append(t.resources, resource{href, prn}) }

// report adds a finished progress report. The caller holds mu.
func (t *task) report(message, code string, total any, done int) {
	t.progress = append(t.progress, &progress{message: message, code: code, total: total, done: done})
}

const skipMessage = "Skipping Sync (no change from previous sync)"

func (s *Server) taskValue(t *task, field string) any {
	switch field {
	case "pulp_href":
		return t.href()
	case "prn":
		return t.prn()
	case "pulp_created":
		return stamp(t.created)
	case "pulp_last_updated":
		return stamp(t.updated)
	case "state":
		return t.state
	case "name":
		return t.name
	case "logging_cid":
		return t.cid
	case "created_by":
		return apiPrefix + "users/1/"
	case "unblocked_at":
		return stamp(t.unblocked)
	case "started_at":
		return stamp(t.started)
	case "finished_at":
		return stamp(t.finished)
	case "error":
		if t.err == nil {
			return nil
		}
		return t.err
	case "child_tasks":
		return []any{}
	case "progress_reports":
		return t.reports()
	case "created_resources":
		res := make([]any, 0, len(t.resources))
		for _, r := range t.resources {
			if strings.Contains(r.href, "/versions/") && s.findVersion(r.href) == nil {
				res = append(res, "<unavailable>")
			} else { // a deleted distribution's href stays, a deleted publication's record is gone (see unmade)
				res = append(res, r.href)
			}
		}
		return res
	case "created_resource_prns":
		res := make([]any, 0, len(t.resources))
		for _, r := range t.resources {
			res = append(res, r.prn)
		}
		return res
	case "reserved_resources_record":
		return t.reserved()
	case "result":
		return t.result
	case "pulp_api_version":
		return "v3"
	}
	return nil
}

func (t *task) reports() []any {
	res := make([]any, 0, len(t.progress))
	for _, p := range t.progress {
		state := stateCompleted
		if p.running {
			state = stateRunning
			if final(t.state) {
				state = t.state
			}
		}
		res = append(res, obj{"message": p.message, "code": p.code, "state": state, "total": p.total, "done": p.done, "suffix": nil})
	}
	return res
}

const domainPRN = "prn:core.domain:00000000-0000-7000-8000-000000000001"

func (t *task) reserved() []any {
	res := make([]any, 0, len(t.exclusive)+len(t.shared)+1)
	for _, r := range t.exclusive {
		res = append(res, r)
	}
	for _, r := range t.shared {
		res = append(res, "shared:"+r)
	}
	return append(res, "shared:"+domainPRN)
}

// unmade forgets that a task created something, as Pulp does when a publication itself is deleted.
func (p *pool) unmade(href string) {
	for _, t := range p.all {
		for i, r := range t.resources {
			if r.href == href {
				t.resources = append(t.resources[:i:i], t.resources[i+1:]...)
				return
			}
		}
	}
}

func (s *Server) taskView(t *task) obj {
	res := obj{}
	for _, f := range schema.answerOf("tasks") {
		res[f] = s.taskValue(t, f)
	}
	return res
}
