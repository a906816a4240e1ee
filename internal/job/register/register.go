// SPDX-License-Identifier: Apache-2.0

package register

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/inventory"
	"github.com/pulp/pulp-manager/internal/job"
	"github.com/pulp/pulp-manager/internal/reconcile"
)

// Stage names. The original has none.
const (
	stageRead     = "read definitions"
	stageRegister = "register repos"
	stageStore    = "reconcile repos"
)

// Settings are what a registration takes from the configuration.
type Settings struct {
	Definitions fleet.Definitions
	LocalDir    *string // folder of definitions, as the task's arguments show it
	// Rules gives the rules for a server's repositories; it may ask that server.
	Rules func(ctx context.Context, s *job.Server) (reconcile.Rules, error)
	// Secret finds a secret of a definition.
	Secret       func(ctx context.Context, source fleet.SecretSource) (fleet.Secret, error)
	Fingerprints fleet.Fingerprints
	Fingerprint  reconcile.Fingerprint
}

// Definition declares the job.
func Definition(settings Settings) job.Definition {
	return job.Definition{
		Kind:    fleet.KindRegister,
		Summary: "Create and update a server's repositories from definitions.",
		Stages:  []string{stageRead, stageRegister, stageStore},
		Ask:     ask(settings.LocalDir),
		Run: func(ctx context.Context, r *job.Run) error {
			var args Args
			if err := r.Args(&args); err != nil {
				return err
			}
			return (&registration{run: r, args: args, settings: settings}).register(ctx)
		},
	}
}

// registration is one run.
type registration struct {
	run      *job.Run
	args     Args
	settings Settings

	server      *job.Server
	selection   fleet.Selection
	definitions []fleet.Definition
	picture     *inventory.Picture // of the server as it is; nil after changes to it
}

// Outcome is what a stage found that does not stop the others but must be told at the end.
type Outcome struct {
	Done     int      `json:"done"`
	Problems []string `json:"problems"`
}

func (r *registration) register(ctx context.Context) error {
	var err error
	if r.selection, err = fleet.NewSelection(deref(r.args.RegexInclude), deref(r.args.RegexExclude)); err != nil {
		return err
	}
	if r.server, err = r.run.Server(ctx, r.run.Task.Server); err != nil {
		return err
	}
	read, err := job.Stage(ctx, r.run, stageRead, r.read)
	if err != nil {
		return err
	}
	made, err := job.Stage(ctx, r.run, stageRegister, r.apply)
	if err != nil {
		return err
	}
	if _, err := job.Stage(ctx, r.run, stageStore, r.store); err != nil {
		return err
	}
	return problems(append(read.Problems, made.Problems...), made.Done)
}

// problems says which definitions could not be registered, and why; nil where all were.
func problems(all []string, done int) error {
	if len(all) == 0 {
		return nil
	}
	text := strings.Join(all[:min(len(all), 20)], "; ")
	if len(all) > 20 {
		text += fmt.Sprintf("; and %d more", len(all)-20)
	}
	return fault.New(fault.Invalid, "%d registered, %d not: %s", done, len(all), text).
		WithHint("correct what is named; the others are registered")
}

// read reads the definitions. A bad one is told and left out (D74).
func (r *registration) read(ctx context.Context, p *job.Progress) (Outcome, error) {
	bad, err := r.load(ctx)
	if err != nil {
		return Outcome{}, err
	}
	found := Outcome{Done: len(r.definitions), Problems: []string{}}
	for _, b := range bad {
		found.Problems = append(found.Problems, b.Source+": "+fault.Message(b.Err))
	}
	p.Say(ctx, "%d definitions for this server, %d cannot be used", found.Done, len(bad))
	return found, nil
}

func (r *registration) load(ctx context.Context) ([]fleet.DefinitionProblem, error) {
	all, bad, err := r.settings.Definitions.Definitions(ctx)
	if err != nil {
		return nil, err
	}
	r.definitions = []fleet.Definition{}
	for _, d := range all {
		chosen, err := r.selection.Matches(d.Candidate)
		if err != nil {
			return nil, err
		}
		if chosen {
			r.definitions = append(r.definitions, d)
		}
	}
	return bad, nil
}

// apply makes the server match the definitions.
func (r *registration) apply(ctx context.Context, p *job.Progress) (Outcome, error) {
	found := Outcome{Problems: []string{}}
	if r.definitions == nil { // read by an earlier attempt
		if _, err := r.load(ctx); err != nil {
			return found, err
		}
	}
	if err := p.Settle(ctx, r.server); err != nil {
		return found, err
	}
	picture, err := r.take(ctx, p) // first, so that it is told where the server does not answer
	if err != nil {
		return found, err
	}
	want, err := r.want(ctx, &found)
	if err != nil {
		return found, err
	}
	known, err := r.settings.Fingerprints.Fingerprints(ctx, r.server.ID)
	if err != nil {
		return found, err
	}
	changes := reconcile.Plan(want, picture, known, r.settings.Fingerprint)
	found.Done = len(want)
	if len(changes) == 0 {
		r.picture = picture
		p.Say(ctx, "%d repositories as defined, nothing to change", len(want))
		return found, nil
	}
	applier := reconcile.Applier{Hands: p.Hands(r.server), Sent: r.sent}
	results := applier.Apply(ctx, changes, picture, func(done, all int) { p.Say(ctx, "%d/%d repositories changed", done, all) })
	results = slices.DeleteFunc(results, func(result reconcile.Result) bool { return result.Err == nil })
	for _, result := range results {
		if ctx.Err() != nil {
			return found, context.Cause(ctx)
		}
		if r.run.Ends(result.Err) {
			return found, result.Err
		}
	}
	wanting, err := r.wanting(ctx, p, want, results)
	if err != nil {
		return found, err
	}
	for _, result := range results {
		if wanting[result.Name] {
			found.Done--
			found.Problems = append(found.Problems, result.Name+": "+fault.Message(result.Err))
		}
	}
	return found, nil
}

// wanting looks, where something failed, what is still not as wanted: another run may have made it meanwhile.
func (r *registration) wanting(ctx context.Context, p *job.Progress, want []reconcile.Want, failed []reconcile.Result) (map[string]bool, error) {
	if len(failed) == 0 {
		return nil, nil
	}
	picture, err := r.take(ctx, p)
	if err != nil {
		return nil, err
	}
	known, err := r.settings.Fingerprints.Fingerprints(ctx, r.server.ID)
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for _, change := range reconcile.Plan(want, picture, known, r.settings.Fingerprint) {
		names[change.Name] = true
	}
	return names, nil
}

// take takes a picture of the server: names, remotes and distributions, not what is served.
func (r *registration) take(ctx context.Context, p *job.Progress) (*inventory.Picture, error) {
	var picture *inventory.Picture
	err := r.server.Try(ctx, p, func(ctx context.Context) error {
		var err error
		picture, err = inventory.Take(ctx, r.server.Client, r.server.Name)
		return err
	})
	return picture, err
}

// sent remembers the secrets that Pulp took, by what does not tell them.
func (r *registration) sent(ctx context.Context, remote string, secrets map[string]fleet.Secret) error {
	for field, secret := range secrets {
		if err := r.settings.Fingerprints.SetFingerprint(ctx, r.server.ID, reconcile.SecretKey(remote, field), r.settings.Fingerprint(secret)); err != nil {
			return err
		}
	}
	return nil
}

// store brings the store's picture of the server up to date.
func (r *registration) store(ctx context.Context, p *job.Progress) (job.None, error) {
	picture := r.picture
	err := r.server.Try(ctx, p, func(ctx context.Context) error {
		if picture == nil {
			var err error
			if picture, err = inventory.Take(ctx, r.server.Client, r.server.Name); err != nil {
				return err
			}
		}
		return picture.Serve(ctx, r.server.Client)
	})
	if err != nil {
		return job.None{}, err
	}
	all := picture.Fleet(r.server.ID)
	p.Say(ctx, "%d repositories on %s", len(all), r.server.Name)
	return job.None{}, r.run.Env.Repositories.Mirror(ctx, r.server.ID, all)
}
