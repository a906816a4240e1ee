// SPDX-License-Identifier: Apache-2.0

// Package register creates and updates a server's repositories from definitions.
package register

import (
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job"
)

// DefaultMaxRuntime is how long a registration may take where nobody says.
const DefaultMaxRuntime = "6h"

// Request is what a person asks for.
type Request struct {
	MaxRuntime   *string `json:"max_runtime,omitempty" doc:"Longest run time: seconds, or a number with d, h, m, s. -1 is unlimited." example:"1h"`
	RegexInclude *string `json:"regex_include,omitempty" doc:"Only definitions whose name this pattern finds."`
	RegexExclude *string `json:"regex_exclude,omitempty" doc:"Not definitions whose name this pattern finds; looked at first."`
	DryRun       bool    `json:"dry_run,omitempty" default:"false" doc:"Only plan: tell in the task what would be changed, and change nothing."`
}

// Args are a registration's arguments, as the original stores them (legacy section 5.10).
type Args struct {
	RegexInclude *string `json:"regex_include"`
	RegexExclude *string `json:"regex_exclude"`
	LocalDir     *string `json:"local_repo_config_dir"`
	MaxRuntime   string  `json:"max_runtime"`
	DryRun       bool    `json:"dry_run,omitempty"`
}

// NewTask makes the task of a registration. Errors are Invalid.
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
	return fleet.NewTask{
		Name: job.TaskName(fleet.ScheduleTaskName(fleet.KindRegister, server.Name), a.DryRun), Kind: fleet.KindRegister,
		Args: a, Server: server.ID, MaxRuntime: limit,
	}, nil
}

// ask is how a registration is asked for; localDir is the folder of definitions that the
// task's arguments show.
func ask(localDir *string) *job.Ask {
	return job.AskFor("register_repos", "register", "Create and update repositories of a server from definitions",
		func(server fleet.Server, body Request) (fleet.NewTask, error) {
			return NewTask(server, Args{
				RegexInclude: body.RegexInclude, RegexExclude: body.RegexExclude, LocalDir: localDir, MaxRuntime: job.Text(body.MaxRuntime), DryRun: body.DryRun,
			})
		})
}
