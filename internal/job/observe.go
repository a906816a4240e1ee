// SPDX-License-Identifier: Apache-2.0

package job

import (
	"strings"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/pulp"
)

// Observer is told what goes on in this process, for metrics. Its methods are called from many goroutines, and return at once.
type Observer interface {
	// Request is told of each exchange with a server. Operation is one of few; status is 0 where there was no answer.
	Request(server fleet.ServerName, operation string, status int, took time.Duration)
	// Stage is told of each stage that ended. Of names that differ from task to task it gets what they have in common.
	Stage(kind fleet.Kind, name string, state fleet.StageState, took time.Duration)
	// TaskRequests is told how many requests an attempt at a task sent on its behalf, those of its parts included. Looking
	// after Pulp tasks is for many tasks at once and not counted.
	TaskRequests(kind fleet.Kind, n int)
	// LockWait is told how long somebody waited for a repository that another one changed.
	LockWait(took time.Duration)
	// Synced is told what a sync brought, as far as Pulp tells: units associated, files downloaded.
	Synced(server fleet.ServerName, units, files int)
	// Banned is told how many packages were taken out.
	Banned(server fleet.ServerName, packages int)
}

// observe gives who is told; nobody listens where the environment has none.
func (e *Env) observe() Observer {
	if e.Observer == nil {
		return nobody{}
	}
	return e.Observer
}

// Observe gives who is told what goes on.
func (r *Run) Observe() Observer { return r.Env.observe() }

// TellRequests tells how many requests the attempt sent. Call it once, at its end.
func (r *Run) TellRequests() { r.Observe().TaskRequests(r.Task.Kind, int(r.sent.Load())) }

// sends counts a request of this run, and of those that it is a part of.
func (r *Run) sends() {
	for at := r; at != nil; at = at.parent {
		at.sent.Add(1)
	}
}

// nobody listens.
type nobody struct{}

func (nobody) Request(fleet.ServerName, string, int, time.Duration)      {}
func (nobody) Stage(fleet.Kind, string, fleet.StageState, time.Duration) {}
func (nobody) TaskRequests(fleet.Kind, int)                              {}
func (nobody) LockWait(time.Duration)                                    {}
func (nobody) Synced(fleet.ServerName, int, int)                         {}
func (nobody) Banned(fleet.ServerName, int)                              {}

// stageName gives what stages of a job have in common, without the server or version that a name ends with.
func stageName(name string) string {
	name, _, _ = strings.Cut(name, " from ")
	if before, _, ok := strings.Cut(name, " version "); ok {
		name = before + " version"
	}
	return name
}

// actions are the ends of addresses that say what is done.
var actions = map[string]bool{"sync": true, "modify": true, "add": true, "remove": true, "login": true, "logout": true}

// operation names what a request is about in a few words: "GET repositories", "POST repositories sync".
func operation(o pulp.Observation) string {
	_, path, found := strings.Cut(o.Path, "/api/v3/")
	parts := strings.Split(strings.Trim(path, "/"), "/")
	noun, last := parts[0], parts[len(parts)-1]
	switch {
	case !found, noun == "", strings.Trim(noun, "abcdefghijklmnopqrstuvwxyz_-") != "":
		return o.Method + " other"
	case len(parts) > 1 && actions[last]:
		return o.Method + " " + noun + " " + last
	}
	return o.Method + " " + noun
}

// syncedBy gives how many units a sync associated and how many files it downloaded, as its Pulp task tells.
func syncedBy(t *pulp.Task) (units, files int) {
	for _, report := range t.Progress {
		switch report.Code {
		case "associating.content":
			units += int(report.Done)
		case "sync.downloading.artifacts":
			files += int(report.Done)
		}
	}
	return units, files
}

// TellSynced tells what a sync brought.
func (r *Run) TellSynced(s *Server, t *pulp.Task) {
	units, files := syncedBy(t)
	r.Observe().Synced(s.Name, units, files)
}
