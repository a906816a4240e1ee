// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"regexp"
	"strings"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job"
)

// Request is what a person asks for (legacy section 3.4, snapshot_repos).
type Request struct {
	MaxRuntime   string  `json:"max_runtime" doc:"Longest run time: seconds, or a number with d, h, m, s. -1 is unlimited." example:"6h"`
	Prefix       string  `json:"snapshot_prefix" doc:"What the names of the snapshots begin with; snap- is put in front unless it begins so, and a - behind." example:"2026-11"`
	Reuse        bool    `json:"allow_snapshot_reuse,omitempty" default:"false" doc:"Whether snapshots of that name that exist already are made equal to their sources again; otherwise they are an error."`
	RegexInclude *string `json:"regex_include,omitempty" doc:"Only repositories whose name this pattern finds."`
	RegexExclude *string `json:"regex_exclude,omitempty" doc:"Not repositories whose name this pattern finds; looked at first."`
	DryRun       bool    `json:"dry_run,omitempty" default:"false" doc:"Only plan: tell in the task what would be changed, and change nothing."`
}

// Args are a snapshot's arguments, as the original stores them (legacy section 5.5).
type Args struct {
	MaxRuntime   string  `json:"max_runtime"`
	Prefix       string  `json:"snapshot_prefix"`
	RegexInclude *string `json:"regex_include"`
	RegexExclude *string `json:"regex_exclude"`
	Reuse        bool    `json:"allow_snapshot_reuse"`
	DryRun       bool    `json:"dry_run,omitempty"`
}

// always begins the name of each snapshot.
const always = "snap-"

// prefixes are those of names that can be part of an address and of a list of names.
var prefixes = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// maxName is how long a snapshot's name may be.
const maxName = 255

// ask is how a snapshot is asked for.
var ask = job.AskFor("snapshot_repos", "snapshot", "Snapshot repositories of a server", func(server fleet.Server, body Request) (fleet.NewTask, error) {
	prefix := body.Prefix
	if prefix != "" && !strings.HasPrefix(prefix, always) {
		prefix = always + prefix
	}
	return NewTask(server, Args{
		MaxRuntime: body.MaxRuntime, Prefix: prefix, RegexInclude: body.RegexInclude, RegexExclude: body.RegexExclude, Reuse: body.Reuse, DryRun: body.DryRun,
	})
})

// NewTask makes the task of a snapshot of a server's repositories. Errors are Invalid: a server that is
// not meant for them (D97), a prefix, a run time or a pattern that cannot be used.
func NewTask(server fleet.Server, a Args) (fleet.NewTask, error) {
	if err := supported(server); err != nil {
		return fleet.NewTask{}, err
	}
	limit, err := fleet.ParseRuntime(a.MaxRuntime)
	if err != nil {
		return fleet.NewTask{}, err
	}
	if !prefixes.MatchString(a.Prefix) || len(a.Prefix) >= maxName {
		return fleet.NewTask{}, fault.New(fault.Invalid, "snapshot_prefix %q cannot begin names", a.Prefix).
			WithHint("use letters, digits, dots, hyphens and underscores, such as 2026-11")
	}
	if _, err := fleet.NewSelection(job.Text(a.RegexInclude), job.Text(a.RegexExclude)); err != nil {
		return fleet.NewTask{}, err
	}
	return fleet.NewTask{
		Name: job.TaskName("snapshot repos "+string(server.Name), a.DryRun), Kind: fleet.KindRepoSnapshot, Args: a, Server: server.ID, MaxRuntime: limit,
	}, nil
}

// supported refuses a server that is not meant for snapshots.
func supported(server fleet.Server) error {
	if server.SnapshotSupported {
		return nil
	}
	return fault.New(fault.Invalid, "server %s is not meant for snapshots", server.Name).
		WithHint("give it snapshot_support with max_concurrent_snapshots in pulp_config.yml")
}

// prefix gives what names begin with.
func (a Args) prefix() string { return strings.TrimSuffix(a.Prefix, "-") + "-" }
