// SPDX-License-Identifier: Apache-2.0

// Package removerepositories removes chosen repositories of a server with their distributions and remotes, or
// shows what would be removed.
package removerepositories

import (
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job"
)

// Unconfirmed is how many repositories are removed at most where nobody confirms a number.
const Unconfirmed = 10

// Request is what a person asks for (legacy section 3.4, remove_repos; confirm and internal are ours).
type Request struct {
	MaxRuntime   string  `json:"max_runtime" doc:"Longest run time: seconds, or a number with d, h, m, s. -1 is unlimited." example:"1h"`
	RegexInclude *string `json:"regex_include,omitempty" needed:"true" doc:"Repositories whose name this pattern finds. It must be given." example:"^snap-2025-"`
	RegexExclude *string `json:"regex_exclude,omitempty" doc:"Not repositories whose name this pattern finds; looked at first."`
	DryRun       bool    `json:"dry_run,omitempty" default:"true" doc:"Only show what would be removed."`
	Confirm      int     `json:"confirm,omitempty" minimum:"0" doc:"How many repositories may be removed. Needed for more than 10, and where another server mirrors one of them or a distribution of another name serves it."`
	Internal     bool    `json:"internal,omitempty" doc:"Also repositories without a remote: no sync brings back what they hold. Snapshots (snap-…) need it not."`
}

// Args are the task's arguments; the first four as the original stores them (legacy section 5.5).
type Args struct {
	MaxRuntime   string  `json:"max_runtime"`
	RegexInclude *string `json:"regex_include"`
	RegexExclude *string `json:"regex_exclude"`
	DryRun       bool    `json:"dry_run"`
	Confirm      int     `json:"confirm,omitempty"`
	Internal     bool    `json:"internal,omitempty"`
}

// ask is how a removal is asked for.
var ask = job.AskFor("remove_repos", "remove", "Remove repositories of a server", func(server fleet.Server, body Request) (fleet.NewTask, error) {
	return NewTask(server, Args(body))
})

// NewTask makes the task of a removal. Errors are Invalid: nothing that says what to remove (D113, D114), or
// a run time or a pattern that cannot be read.
func NewTask(server fleet.Server, a Args) (fleet.NewTask, error) {
	limit, err := fleet.ParseRuntime(a.MaxRuntime)
	if err != nil {
		return fleet.NewTask{}, err
	}
	if job.Text(a.RegexInclude) == "" {
		return fleet.NewTask{}, fault.New(fault.Invalid, "regex_include must say which repositories to remove").
			WithHint("with regex_exclude alone, or nothing, everything else would go; regex_include \".\" finds all")
	}
	if a.Confirm < 0 {
		return fleet.NewTask{}, fault.New(fault.Invalid, "confirm must be a number of repositories, not %d", a.Confirm)
	}
	if _, err := fleet.NewSelection(job.Text(a.RegexInclude), job.Text(a.RegexExclude)); err != nil {
		return fleet.NewTask{}, err
	}
	return fleet.NewTask{
		Name: "remove repos " + string(server.Name), Kind: fleet.KindRepoRemoval, Args: a, Server: server.ID, MaxRuntime: limit,
	}, nil
}
