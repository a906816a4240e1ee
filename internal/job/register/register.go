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
	stageMissing  = "look for repos without a definition"
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
		Stages:  []string{stageRead, stageRegister, stageMissing, stageStore},
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
	bad         []fleet.DefinitionProblem
	defined     map[string]bool    // names of all definitions, chosen or not; nil: not read by this attempt
	before      []fleet.Repository // what the store knew before picture was taken
	picture     *inventory.Picture // of the server as it is; nil after changes to it
	waits       error              // that definitions wait for their secrets; nil: none does
	left        []fleet.PlanStep   // definitions that are left alone
}

// Outcome is what a stage found that does not stop the others but must be told at the end.
type Outcome struct {
	Done     int      `json:"done"`
	Problems []string `json:"problems"`
	Waiting  int      `json:"waiting"` // repositories that wait to be adopted; they are among the problems
}

func (r *registration) register(ctx context.Context) error {
	var err error
	if r.selection, err = fleet.NewSelection(job.Text(r.args.RegexInclude), job.Text(r.args.RegexExclude)); err != nil {
		return err
	}
	if r.server, err = r.run.Server(ctx, r.run.Task.Server); err != nil {
		return err
	}
	read, err := job.Stage(ctx, r.run, stageRead, r.read)
	if err != nil {
		return err
	}
	if r.args.DryRun {
		_, err = job.Stage(ctx, r.run, stageRegister+job.DryRun, r.plan)
		return err
	}
	made, err := job.Stage(ctx, r.run, stageRegister, r.applyAll)
	if err != nil {
		return err
	}
	left, err := job.Stage(ctx, r.run, stageMissing, func(ctx context.Context, p *job.Progress) (Outcome, error) {
		return r.missing(ctx, p, len(read.Problems))
	})
	if err != nil {
		return err
	}
	if _, err := job.Stage(ctx, r.run, stageStore, r.store); err != nil {
		return err
	}
	err = problems(slices.Concat(read.Problems, made.Problems, left.Problems), made.Done)
	if err != nil && made.Waiting > 0 {
		return fault.Wrap(fault.KindOf(err), err, "%s", fault.Message(err)).WithHint("%s", reconcile.AdoptHint(r.server.Name))
	}
	return err
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
	r.bad = bad
	r.definitions, r.defined = []fleet.Definition{}, map[string]bool{}
	for _, d := range all {
		r.defined[d.Name] = true
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
	round, err := r.round(ctx, want)
	if err != nil {
		return found, err
	}
	planned, err := round.Plan(ctx, picture, r.others(ctx, p))
	if err != nil {
		return found, err
	}
	found.Done = len(want)
	results, err := r.change(ctx, p, planned, picture)
	if err != nil {
		return found, err
	}
	if len(planned.Apply) > 0 { // see what came of it; another run may have made what failed here
		if picture, err = r.take(ctx, p); err != nil {
			return found, err
		}
		if planned, err = round.Plan(ctx, picture, r.others(ctx, p)); err != nil {
			return found, err
		}
	}
	if err := round.End(ctx, picture, planned); err != nil {
		return found, err
	}
	r.picture = picture
	r.tell(&found, results, planned)
	return found, nil
}

// tell notes what is still not as wanted.
func (r *registration) tell(found *Outcome, results []reconcile.Result, left reconcile.Planned) {
	wanting := map[string]bool{}
	for _, change := range left.Apply {
		wanting[change.Name] = true
	}
	for _, result := range results {
		if result.Err != nil && wanting[result.Name] {
			found.Done--
			found.Problems = append(found.Problems, result.Name+": "+fault.Message(result.Err))
		}
	}
	for _, a := range reconcile.Adoptions(left.Wait) {
		found.Done, found.Waiting = found.Done-1, found.Waiting+1
		found.Problems = append(found.Problems, reconcile.WaitText(a))
	}
}

// round is the comparison of the server with what is wanted.
func (r *registration) round(ctx context.Context, want []reconcile.Want) (reconcile.Round, error) {
	server, err := r.run.Env.Servers.Server(ctx, r.server.ID) // as configured by now
	return reconcile.Round{
		Server: server.ID, Want: want, Adopt: server.Adopt, Ownership: r.run.Env.Ownership,
		Fingerprints: r.settings.Fingerprints, Fingerprint: r.settings.Fingerprint,
	}, err
}

// change applies a plan and tells what it changes, field by field. It gives an error where that ends the attempt.
func (r *registration) change(ctx context.Context, p *job.Progress, planned reconcile.Planned, picture *inventory.Picture) ([]reconcile.Result, error) {
	reconcile.ShowPlan(planned, func(key string, lines []string) { p.Show(ctx, key, lines) })
	if len(planned.Apply) == 0 {
		if len(planned.Wait) == 0 {
			p.Say(ctx, "all repositories as defined, nothing to change")
		} else {
			p.Say(ctx, "%d repositories wait to be adopted; the others are as defined", len(reconcile.Adoptions(planned.Wait)))
		}
		return nil, nil
	}
	applier := reconcile.Applier{Hands: p.Hands(r.server), Sent: r.sent}
	results := applier.Apply(ctx, planned.Apply, picture, func(done, all int) { p.Say(ctx, "%d/%d repositories changed", done, all) })
	for _, result := range results {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if result.Err != nil && r.run.Ends(result.Err) {
			return nil, result.Err
		}
	}
	return results, nil
}

// others asks the server for what it has of types that we do not know.
func (r *registration) others(ctx context.Context, p *job.Progress) func(*inventory.Picture) error {
	return func(picture *inventory.Picture) error {
		return r.server.Try(ctx, p, func(ctx context.Context) error { return picture.TakeOthers(ctx, r.server.Client) })
	}
}

// take takes a picture of the server: names, remotes and distributions, not what is served.
func (r *registration) take(ctx context.Context, p *job.Progress) (*inventory.Picture, error) {
	var err error
	if r.before, err = r.keeper().Known(ctx); err != nil {
		return nil, err
	}
	var picture *inventory.Picture
	err = r.server.Try(ctx, p, func(ctx context.Context) error {
		var err error
		picture, err = inventory.TakePresent(ctx, r.server.Client, r.server.Name, r.types()...)
		return err
	})
	return picture, err
}

// types gives the types of the definitions.
func (r *registration) types() []fleet.RepositoryType {
	var types []fleet.RepositoryType
	for _, d := range r.definitions {
		if !slices.Contains(types, d.Type) {
			types = append(types, d.Type)
		}
	}
	return types
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
	if r.picture == nil {
		var err error
		if r.picture, err = r.take(ctx, p); err != nil {
			return job.None{}, err
		}
	}
	picture, before := r.picture, r.before
	err := r.server.Try(ctx, p, func(ctx context.Context) error {
		if err := picture.Serve(ctx, r.server.Client); err != nil {
			return err
		}
		return picture.Count(ctx, r.server.Client, before)
	})
	if err != nil {
		return job.None{}, err
	}
	drifted, err := r.keeper().Keep(ctx, picture, before)
	if err != nil {
		return job.None{}, err
	}
	p.Say(ctx, "%s", reconcile.KeptText(r.server.Name, len(picture.Fleet(r.server.ID)), drifted))
	return job.None{}, nil
}

func (r *registration) keeper() reconcile.Keeper {
	env := r.run.Env
	return reconcile.Keeper{Server: r.server.ID, Repositories: env.Repositories, Ownership: env.Ownership, Locks: env.Locks}
}
