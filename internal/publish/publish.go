// SPDX-License-Identifier: Apache-2.0

// Package publish makes what a repository serves equal to its newest version, once
// that has been looked at: nothing that would empty a repository, or lacks what was
// asked for, is ever served.
package publish

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/pulp/pulp-manager/internal/content"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/inventory"
	"github.com/pulp/pulp-manager/internal/pulp"
)

// Hands are what publishing is done with. A job provides them.
type Hands interface {
	Client() *pulp.Client
	// Try makes a request that is safe to repeat, waiting for the server where it does not answer.
	Try(ctx context.Context, fn func(ctx context.Context) error) error
	// Task makes a request that starts a Pulp task, recorded under step, and waits for the task.
	Task(ctx context.Context, step string, start func(ctx context.Context) (pulp.Href, error)) (pulp.Task, error)
}

// Request is a repository whose newest version should be served.
type Request struct {
	Repository   *inventory.Repository
	Newest       pulp.Href      // its newest version
	Publications []pulp.Href    // of that version, oldest first
	Method       content.Method // by which it was synced
	Mirrored     bool           // it is a secondary's
	Looked       bool           // what was asked for has been looked for already, in the version that this one was made of
	// Theirs gives the version that a secondary's primary serves; nil: it is not asked, or there is none.
	Theirs func(ctx context.Context) (content.Version, error)

	// ByHand tells that a person asked for what is in the newest version: it is not held against what its
	// remote asks for, its distribution keeps its mode, and without a remote it is published as it was.
	ByHand bool
	Empty  bool // what is by hand may have no packages
	Again  bool // what is by hand is published even where it is served already
}

// Done tells what publishing did.
type Done struct {
	Unchanged   bool // the newest version was served already
	Publication pulp.Href
	Units       int // packages in the version that is served now; -1: not looked at
}

// Serve makes the newest version the served one. An Invalid error says why it must not be
// served; what was served before is served on.
func Serve(ctx context.Context, h Hands, r Request) (Done, error) {
	repository := r.Repository
	if repository.Distribution == nil && !r.ByHand {
		return Done{}, fault.New(fault.NotFound, "repository %s has no distribution of its name, so nobody can read it", repository.Name).
			WithHint("register its definition again, or create a distribution %q in Pulp", repository.Name)
	}
	if repository.Type.Serving == content.PinnedVersion {
		return serveVersion(ctx, h, r)
	}
	publication := r.right()
	served := string(r.Newest) == repository.Served && publication != "" && publication == repository.ServedPublication
	if r.Newest == "" || (served && !r.Again) {
		return Done{Unchanged: true, Units: -1}, nil
	}
	follows := r.follows()
	if d := repository.Distribution; follows && !r.ByHand && d.Repository != repository.Repository.Href {
		return Done{}, fault.New(fault.Conflict, "distribution %s does not follow its repository, so nothing that is published would be served", d.Name).
			WithHint("register its definition again: that points the distribution at the repository")
	}
	units, err := guard(ctx, h, r)
	if err != nil {
		return Done{}, err
	}
	if publication == "" || r.Again || (follows && publication != r.Publications[len(r.Publications)-1]) {
		if publication, err = create(ctx, h, r); err != nil {
			return Done{}, err
		}
	}
	if follows {
		return Done{Publication: publication, Units: units}, followed(ctx, h, repository)
	}
	if err := point(ctx, h, repository, publication); err != nil {
		return Done{}, err
	}
	return Done{Publication: publication, Units: units}, nil
}

// follows tells whether what is published is served at once, because the distribution follows its repository. By
// hand that is so, too, where there is no distribution of its name to point anywhere.
func (r Request) follows() bool {
	if !r.ByHand {
		return r.Repository.Type.Serving == content.Following
	}
	d := r.Repository.Distribution
	return d == nil || d.Repository == r.Repository.Repository.Href
}

// right gives the publication of the newest version that should be served, of those there are; empty:
// none. Of a version that was mirrored with its metadata it is the one the sync made, not one
// that somebody made of the same version later.
func (r Request) right() pulp.Href {
	if len(r.Publications) == 0 {
		return ""
	}
	if r.Method.Publishes {
		return r.Publications[0]
	}
	if r.Method.Publication == nil {
		return r.Publications[len(r.Publications)-1]
	}
	path, _ := r.Method.Publication()
	for _, p := range slices.Backward(r.Publications) {
		if strings.Contains(string(p), "/publications/"+path+"/") {
			return p
		}
	}
	return ""
}

// create publishes the newest version.
func create(ctx context.Context, h Hands, r Request) (pulp.Href, error) {
	path, body, err := publication(ctx, h, r)
	if err != nil {
		return "", err
	}
	task, err := h.Task(ctx, "publish", func(ctx context.Context) (pulp.Href, error) {
		return h.Client().CreatePublication(ctx, path, body)
	})
	if err != nil {
		return "", err
	}
	made, ok := task.CreatedPublication()
	if !ok {
		return "", fault.New(fault.Internal, "repository %s: Pulp task %s completed without a publication", r.Repository.Name, task.Href)
	}
	return made, nil
}

// publication gives the path and body of the request that publishes the newest version. It is apart from create, which waits: what
// only this needs is off the stack then.
func publication(ctx context.Context, h Hands, r Request) (path string, body pulp.Fields, err error) {
	make := func() (string, map[string]any) { return r.Repository.Type.Publication(remoteFields(r.Repository)) }
	if r.Method.Publication != nil {
		make = r.Method.Publication
	}
	path, options := make()
	body = pulp.Fields{"repository_version": r.Newest}
	maps.Copy(body, options)
	if r.ByHand {
		if err := asBefore(ctx, h, r.Repository, path, body); err != nil {
			return "", nil, err
		}
	}
	r.Repository.Type.NameSigner(path, body, r.Repository.Repository.Fields())
	return path, body, nil
}

// asBefore gives a publication the options of the one that is served, where the repository has no remote that
// tells them: a flat deb repository stays flat (D117).
func asBefore(ctx context.Context, h Hands, r *inventory.Repository, path string, body pulp.Fields) error {
	if r.Linked || !strings.Contains(string(r.ServedPublication), "/publications/"+path+"/") {
		return nil
	}
	var before pulp.Publication
	err := h.Try(ctx, func(ctx context.Context) error {
		var err error
		before, err = h.Client().Publication(ctx, r.ServedPublication)
		return err
	})
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	for name := range body {
		if value, ok := before.Fields[name]; ok && name != "repository_version" {
			body[name] = value
		}
	}
	return nil
}

// point makes the distribution serve a publication.
func point(ctx context.Context, h Hands, repository *inventory.Repository, publication pulp.Href) error {
	return serve(ctx, h, repository.Distribution, "publication", publication)
}

// followed makes sure that the distribution is still there and serves what was just published: where
// somebody deleted or repointed it in the middle of the run, Pulp says nothing.
func followed(ctx context.Context, h Hands, repository *inventory.Repository) error {
	d := repository.Distribution
	if d == nil {
		return nil // published by hand: nothing serves it
	}
	var now pulp.Distribution
	err := h.Try(ctx, func(ctx context.Context) error {
		var err error
		now, err = h.Client().Distribution(ctx, d.Href)
		return err
	})
	switch {
	case fault.Is(err, fault.NotFound):
		return vanished(d, err)
	case err != nil:
		return err
	case now.Repository != repository.Repository.Href:
		return fault.New(fault.Conflict, "distribution %s was pointed elsewhere in the middle of this run: what was published is not served", d.Name).
			WithHint("register its definition again: that points the distribution at the repository")
	}
	return nil
}

// vanished is the error of a distribution that was deleted in the middle of a run.
func vanished(d *pulp.Distribution, err error) error {
	return fault.Wrap(fault.NotFound, err, "distribution %s was deleted in the middle of this run: nobody can read what was published", d.Name).
		WithHint("register its definition again, or mirror it again: that makes the distribution anew")
}

func remoteFields(r *inventory.Repository) map[string]any {
	if r.Remote == nil {
		return nil
	}
	return r.Remote.Fields()
}
