// SPDX-License-Identifier: Apache-2.0

// Package groupsync syncs a group of repositories of one server: it first mirrors
// the set of repositories from a source server if there is one, brings the store's
// picture up to date, syncs each repository as a child, and rates their health.
package groupsync

import (
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job"
)

// Request is what a person asks for (legacy section 3.4, sync_repos).
type Request struct {
	MaxRuntime         string         `json:"max_runtime" doc:"Longest run time: seconds, or a number with d, h, m, s. -1 is unlimited." example:"6h"`
	MaxConcurrentSyncs int            `json:"max_concurrent_syncs" doc:"How many repositories sync at a time." example:"2"`
	RegexInclude       *string        `json:"regex_include,omitempty" doc:"Only repositories whose name this pattern finds."`
	RegexExclude       *string        `json:"regex_exclude,omitempty" doc:"Not repositories whose name this pattern finds; looked at first."`
	SourceServer       *string        `json:"source_pulp_server_name,omitempty" doc:"Server to mirror the repositories from first."`
	SyncOptions        map[string]any `json:"sync_options,omitempty" doc:"Options for Pulp's sync request, checked against each repository's type."`
	Force              bool           `json:"force,omitempty" doc:"Sync each repository, also where nothing has changed."`
	DryRun             bool           `json:"dry_run,omitempty" default:"false" doc:"Only plan: tell in the task what would be changed, and change nothing."`
}

// Args are a group sync's arguments, as the original stores them (legacy section 5.5).
type Args struct {
	Name               string         `json:"name"`
	RegexInclude       *string        `json:"regex_include"`
	RegexExclude       *string        `json:"regex_exclude"`
	MaxRuntime         string         `json:"max_runtime"`
	MaxConcurrentSyncs int            `json:"max_concurrent_syncs"`
	SourceServer       *string        `json:"source_pulp_server_name"`
	SyncOptions        map[string]any `json:"sync_options"`
	Force              bool           `json:"force,omitempty"`
	DryRun             bool           `json:"dry_run,omitempty"`
}

// ask is how a group sync is asked for.
var ask = job.AskFor("sync_repos", "sync", "Sync repositories of a server", func(server fleet.Server, body Request) (fleet.NewTask, error) {
	if body.MaxConcurrentSyncs <= 0 {
		return fleet.NewTask{}, fault.New(fault.Invalid, "max_concurrent_syncs must be 1 or more, not %d", body.MaxConcurrentSyncs)
	}
	return NewTask(server, Args{
		RegexInclude: body.RegexInclude, RegexExclude: body.RegexExclude, MaxRuntime: body.MaxRuntime,
		MaxConcurrentSyncs: body.MaxConcurrentSyncs, SourceServer: body.SourceServer, SyncOptions: body.SyncOptions,
		Force: body.Force, DryRun: body.DryRun,
	})
})

// NewTask makes the task of a group sync. Errors are Invalid: a run time or a pattern
// that cannot be read, or the server as its own source.
func NewTask(server fleet.Server, a Args) (fleet.NewTask, error) {
	a.Name = string(server.Name)
	limit, err := fleet.ParseRuntime(a.MaxRuntime)
	if err != nil {
		return fleet.NewTask{}, err
	}
	if _, err := fleet.NewSelection(job.Text(a.RegexInclude), job.Text(a.RegexExclude)); err != nil {
		return fleet.NewTask{}, err
	}
	if a.SourceServer != nil && *a.SourceServer == a.Name {
		return fleet.NewTask{}, fault.New(fault.Invalid, "server %s cannot be its own source", a.Name)
	}
	return fleet.NewTask{
		Name: job.TaskName(fleet.ScheduleTaskName(fleet.KindRepoGroupSync, server.Name), a.DryRun), Kind: fleet.KindRepoGroupSync,
		Args: a, Server: server.ID, MaxRuntime: limit,
	}, nil
}
