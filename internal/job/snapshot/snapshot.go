// SPDX-License-Identifier: Apache-2.0

// Package snapshot makes of what repositories serve now repositories of their own, under a name with a
// prefix: each holds exactly what its source served, is published and signed as that is, and stays as
// it is while the source goes on.
//
// A parent task decides for all repositories what is to be done; a child for each does it. What a child
// asks of Pulp follows from its arguments alone, so a child that was killed goes on where it was.
package snapshot

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/pulp/pulp-manager/internal/content"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job"
)

// Stage names, as the original's (legacy section 5.10). The last two are the children's.
const (
	stageReconcile = "reconcile repos"
	stageFind      = "find repos to snapshot"
	stageSnapshot  = "snapshot repos"
	stageContent   = "repo snapshot"
	stagePublish   = "repo publication"
)

// concurrency is how many snapshots are made at a time where the configuration does not say (D105).
const concurrency = 2

// Settings are what snapshots take from the configuration.
type Settings struct {
	Rename func() fleet.Rename // of base paths; nil: none
}

func (s Settings) rename() fleet.Rename {
	if s.Rename == nil {
		return fleet.Rename{}
	}
	return s.Rename()
}

// Definition declares the job.
func Definition(settings Settings) job.Definition {
	return job.Definition{
		Kind:    fleet.KindRepoSnapshot,
		Summary: "Make of what each repository serves now a repository of its own, which stays as it is.",
		Stages:  []string{stageReconcile, stageFind, stageSnapshot},
		Keeps:   []string{stageFind}, // of the same versions, and not in the way of its own snapshots
		Ask:     ask,
		Run: func(ctx context.Context, r *job.Run) error {
			if r.Task.Parent != 0 {
				return makeOne(ctx, r)
			}
			s := &snapshots{run: r, settings: settings}
			if err := r.Args(&s.args); err != nil {
				return err
			}
			return s.make(ctx)
		},
	}
}

// snapshots is one run of a parent.
type snapshots struct {
	run      *job.Run
	args     Args
	settings Settings

	server    *job.Server
	selection fleet.Selection
	survey    *survey // nil when the stage that takes it was done by an earlier attempt
}

func (s *snapshots) make(ctx context.Context) error {
	var err error
	if s.selection, err = fleet.NewSelection(job.Text(s.args.RegexInclude), job.Text(s.args.RegexExclude)); err != nil {
		return err
	}
	if s.server, err = s.run.Server(ctx, s.run.Task.Server); err != nil {
		return err
	}
	if err := supported(s.server.Server); err != nil { // no longer
		return err
	}
	if _, err := job.Stage(ctx, s.run, stageReconcile, s.reconcile); err != nil {
		return err
	}
	if s.args.DryRun {
		_, err = job.Stage(ctx, s.run, stageFind+job.DryRun, s.show)
		return err
	}
	found, err := job.Stage(ctx, s.run, stageFind, s.find)
	if err != nil {
		return err
	}
	children, err := s.children(ctx, found)
	if err != nil {
		return err
	}
	return job.ChildrenError(children) // D98, D99
}

// reconcile brings the store's picture of the server up to date: what there is. What is served is left
// as known where it is not looked at.
func (s *snapshots) reconcile(ctx context.Context, p *job.Progress) (job.None, error) {
	known, err := s.run.Env.Repositories.ServerRepositories(ctx, s.server.ID)
	if err != nil {
		return job.None{}, err
	}
	if err := s.look(ctx, p); err != nil {
		return job.None{}, err
	}
	all := s.survey.fleet(s.server.ID, known)
	p.Say(ctx, "%d repositories on %s", len(all), s.server.Name)
	return job.None{}, s.run.Env.Repositories.Mirror(ctx, s.server.ID, all, known)
}

func (s *snapshots) look(ctx context.Context, p *job.Progress) error {
	if s.survey != nil {
		return nil
	}
	return s.server.Try(ctx, p, func(ctx context.Context) error {
		var err error
		s.survey, err = take(ctx, s.server.Client, s.server.Name)
		return err
	})
}

// Found is what the second stage decided.
type Found struct {
	Snapshots []One `json:"snapshots"`
}

// find decides what is to be done. Nobody else changes a repository with one of the snapshots' names from
// here to the end of the task.
func (s *snapshots) find(ctx context.Context, p *job.Progress) (Found, error) {
	if err := s.look(ctx, p); err != nil {
		return Found{}, err
	}
	sources, told, err := s.chosen(ctx)
	if err != nil {
		return Found{}, err
	}
	if err := s.free(sources); err != nil {
		return Found{}, err
	}
	var names []string
	for _, row := range sources {
		names = append(names, s.args.prefix()+row.Name)
	}
	slices.Sort(names)
	for _, name := range names {
		if err := s.run.Lock(ctx, p, s.server, name); err != nil {
			return Found{}, err
		}
	}
	if err := s.lookClosely(ctx, p, sources); err != nil {
		return Found{}, err
	}
	if err := s.free(sources); err != nil { // one who held a name has made it meanwhile
		return Found{}, err
	}
	found := Found{Snapshots: s.plan(sources)}
	unchanged := 0
	for _, one := range found.Snapshots {
		if one.Unchanged {
			unchanged++
		}
	}
	p.Say(ctx, "%d repositories to snapshot as %s…, %d of them unchanged since%s", len(sources), s.args.prefix(), unchanged, told)
	return found, nil
}

// chosen gives the repositories to snapshot, of which there must be some, and a text that tells those left out.
func (s *snapshots) chosen(ctx context.Context) (sources []fleet.Repository, told string, err error) {
	sources, left, err := s.sources(ctx)
	if err != nil {
		return nil, "", err
	}
	if len(left) > 0 {
		told = "; excluded: " + strings.Join(left, ", ")
	}
	if len(sources) == 0 {
		return nil, told, fault.New(fault.Invalid, "server %s: no repository is chosen for a snapshot%s", s.server.Name, told).
			WithHint("look at regex_include and regex_exclude; snapshots themselves are never chosen")
	}
	return sources, told, nil
}

// sources gives the repositories to snapshot, and tells those that cannot be, for their type.
// Snapshots are never sources.
func (s *snapshots) sources(ctx context.Context) (sources []fleet.Repository, left []string, err error) {
	rows, err := s.run.Env.Repositories.ServerRepositories(ctx, s.server.ID)
	if err != nil {
		return nil, nil, err
	}
	for _, row := range rows {
		chosen, err := s.selection.Matches(row.Name)
		if err != nil {
			return nil, nil, err
		}
		if !chosen || s.survey.isSnapshot(row.Type, row.Name) {
			continue
		}
		if t, known := content.Find(row.Type); !known || t.Snapshot == nil {
			left = append(left, fmt.Sprintf("%s (%s)", row.Name, row.Type))
			continue
		}
		sources = append(sources, row)
	}
	return sources, left, nil
}

// free makes sure that no snapshot to be made exists, unless it may be used again. The names count as
// they are: what begins likewise is not in the way (D101).
func (s *snapshots) free(sources []fleet.Repository) error {
	if s.args.Reuse {
		return nil
	}
	var there []string
	for _, row := range sources {
		if name := s.args.prefix() + row.Name; s.survey.has(name) {
			there = append(there, name)
		}
	}
	if len(there) == 0 {
		return nil
	}
	text := strings.Join(there[:min(len(there), most)], ", ")
	if len(there) > most {
		text += fmt.Sprintf(" and %d more", len(there)-most)
	}
	return fault.New(fault.Conflict, "server %s: repositories of these names exist already: %s", s.server.Name, text).
		WithHint("take another snapshot_prefix, remove them, or allow_snapshot_reuse to make them equal to their sources again")
}

// most is how many names a text tells.
const most = 20

// lookClosely reads all of the sources' types: what is served, and how it was made.
func (s *snapshots) lookClosely(ctx context.Context, p *job.Progress, sources []fleet.Repository) error {
	var types []content.Type
	for _, row := range sources {
		if !slices.ContainsFunc(types, func(t content.Type) bool { return t.Name == row.Type }) {
			t, _ := content.Find(row.Type)
			types = append(types, t)
		}
	}
	return s.server.Try(ctx, p, func(ctx context.Context) error { return s.survey.closely(ctx, s.server.Client, types) })
}

// children makes the snapshots, and notes in the store what was made.
func (s *snapshots) children(ctx context.Context, found Found) ([]fleet.Task, error) {
	rows, err := s.run.Env.Repositories.ServerRepositories(ctx, s.server.ID)
	if err != nil {
		return nil, err
	}
	ids := map[string]fleet.RepositoryID{}
	for _, row := range rows {
		ids[row.Href] = row.ID
	}
	specs := make([]fleet.NewTask, 0, len(found.Snapshots))
	for _, one := range found.Snapshots {
		specs = append(specs, fleet.NewTask{
			Name: "snapshot " + one.Source, Kind: fleet.KindRepoSnapshot, Args: one,
			Server: s.server.ID, Repository: ids[one.SourceHref], MaxRuntime: fleet.Unlimited,
		})
	}
	at := s.server.MaxConcurrentSnapshots
	if at <= 0 {
		at = concurrency
	}
	_, err = job.Stage(ctx, s.run, stageSnapshot, func(ctx context.Context, p *job.Progress) (job.None, error) {
		if s.run.Task.RetryOf != 0 { // the locks are those of the task that looked for what to do
			for _, one := range found.Snapshots {
				if err := s.run.Lock(ctx, p, s.server, one.Name); err != nil {
					return job.None{}, err
				}
			}
		}
		children, err := job.Children(ctx, s.run, specs, at, func(_, ended, all int) { p.Say(ctx, "%d/%d", ended, all) })
		if err != nil {
			return job.None{}, err
		}
		if err := s.note(ctx, children); err != nil {
			return job.None{}, err
		}
		for _, one := range found.Snapshots {
			if err := s.run.Unlock(ctx, s.server, one.Name); err != nil {
				return job.None{}, err
			}
		}
		return job.None{}, nil
	})
	if err != nil {
		return nil, err
	}
	return s.run.Env.Tasks.Children(ctx, s.run.Task.ID)
}
