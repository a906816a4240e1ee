// SPDX-License-Identifier: Apache-2.0

// Package adopt makes ours what waits to be adopted on a server: repositories that somebody else made and that a
// definition or a mirror names. It puts our label on them and changes nothing else; the next registration or
// mirroring then makes them as wanted, which was shown before.
package adopt

import (
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job"
)

// DefaultMaxRuntime is how long an adoption may take where nobody says.
const DefaultMaxRuntime = "6h"

// Request is what a person asks for.
type Request struct {
	MaxRuntime   *string `json:"max_runtime,omitempty" doc:"Longest run time: seconds, or a number with d, h, m, s. -1 is unlimited." example:"1h"`
	RegexInclude *string `json:"regex_include,omitempty" doc:"Only repositories whose name this pattern finds."`
	RegexExclude *string `json:"regex_exclude,omitempty" doc:"Not repositories whose name this pattern finds; looked at first."`
	DryRun       bool    `json:"dry_run,omitempty" default:"false" doc:"Only plan: tell in the task what would be changed, and change nothing."`
}

// Args are an adoption's arguments.
type Args struct {
	RegexInclude *string `json:"regex_include"`
	RegexExclude *string `json:"regex_exclude"`
	MaxRuntime   string  `json:"max_runtime"`
	DryRun       bool    `json:"dry_run,omitempty"`
}

var ask = job.AskFor("adopt", "adopt", "Accept what waits to be adopted on a server", func(server fleet.Server, body Request) (fleet.NewTask, error) {
	return NewTask(server, Args{RegexInclude: body.RegexInclude, RegexExclude: body.RegexExclude, MaxRuntime: job.Text(body.MaxRuntime), DryRun: body.DryRun})
})

// NewTask makes the task of an adoption. Errors are Invalid.
func NewTask(server fleet.Server, a Args) (fleet.NewTask, error) {
	if a.MaxRuntime == "" {
		a.MaxRuntime = DefaultMaxRuntime
	}
	limit, err := fleet.ParseRuntime(a.MaxRuntime)
	if err != nil {
		return fleet.NewTask{}, err
	}
	if _, err := fleet.NewSelection(job.Text(a.RegexInclude), job.Text(a.RegexExclude)); err != nil {
		return fleet.NewTask{}, err
	}
	return fleet.NewTask{Name: job.TaskName("adoption "+string(server.Name), a.DryRun), Kind: fleet.KindAdopt, Args: a, Server: server.ID, MaxRuntime: limit}, nil
}
