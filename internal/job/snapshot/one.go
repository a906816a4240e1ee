// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"context"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pulp/pulp-manager/internal/content"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/inventory"
	"github.com/pulp/pulp-manager/internal/job"
	"github.com/pulp/pulp-manager/internal/pulp"
	"github.com/pulp/pulp-manager/internal/reconcile"
)

// Made is what there is of a snapshot after a stage.
type Made struct {
	Repository   pulp.Href `json:"repository,omitempty"`
	Version      pulp.Href `json:"version,omitempty"` // of the snapshot, which holds what the source served
	Publication  pulp.Href `json:"publication,omitempty"`
	Distribution pulp.Href `json:"distribution,omitempty"`
}

// maker is one run of a child.
type maker struct {
	One
	run    *job.Run
	server *job.Server
	kind   content.Type
}

// makeOne makes one snapshot. Its parent holds the lock.
func makeOne(ctx context.Context, r *job.Run) error {
	m := maker{run: r}
	if err := r.Args(&m.One); err != nil {
		return err
	}
	var known bool
	if m.kind, known = content.Find(m.Type); !known || m.kind.Snapshot == nil {
		return fault.New(fault.Invalid, "repositories of type %s cannot be snapshotted", m.Type)
	}
	var err error
	if m.server, err = r.Server(ctx, r.Task.Server); err != nil {
		return err
	}
	made, err := job.Stage(ctx, r, stageContent, m.content)
	if err != nil || m.Unchanged {
		return err
	}
	_, err = job.Stage(ctx, r, stagePublish, func(ctx context.Context, p *job.Progress) (Made, error) { return m.publish(ctx, p, made) })
	return err
}

// content makes the repository and brings into it what the source served. What the snapshot serves so far
// stays: none of the versions on the way is published.
func (m maker) content(ctx context.Context, p *job.Progress) (Made, error) {
	switch {
	case m.Problem != "":
		return Made{}, fault.New(fault.Invalid, "%s", m.Problem).WithHint("%s", m.Remedy)
	case m.Unchanged:
		p.Say(ctx, "unchanged: %s serves what %s serves already", m.Name, m.Source)
		return Made{}, nil
	}
	repository, err := m.repository(ctx, p)
	if err != nil {
		return Made{}, err
	}
	into := m.modified
	if m.kind.Snapshot.Copy != "" {
		into = m.copied
	}
	version, err := into(ctx, p, repository)
	if err != nil {
		return Made{}, m.explain(ctx, p, err)
	}
	_, number, _ := m.Version.VersionNumber()
	p.Say(ctx, "%s holds version %d of %s", m.Name, number, m.Source)
	return Made{Repository: repository, Version: version}, nil
}

// held are hands for work on repositories whose lock the parent holds.
type held struct{ job.Hands }

// Lock does nothing.
func (held) Lock(context.Context, string) (func() error, error) {
	return func() error { return nil }, nil
}

// repository creates the repository, or changes what differs, and gives its href.
func (m maker) repository(ctx context.Context, p *job.Progress) (pulp.Href, error) {
	if m.Repository == nil {
		return pulp.Href(m.Href), nil
	}
	fields := maps.Clone(m.Repository.Fields)
	if fields == nil {
		fields = map[string]any{}
	}
	if m.Repository.Labels != nil {
		fields["pulp_labels"] = m.Repository.Labels
	}
	change := reconcile.Change{
		Type: m.kind, Name: m.Name, Noun: reconcile.Repository, Href: string(m.Repository.Href), Fields: fields, Source: "snapshot of " + m.Source,
	}
	none := inventory.NewPicture(m.server.Name, pulp.Status{})
	results := reconcile.Applier{Hands: held{p.Hands(m.server)}}.
		Apply(ctx, []reconcile.Change{change}, none, func(int, int) {})
	return results[0].Repository, results[0].Err
}

// modified makes the repository's newest version equal to the source's: with a version as its base, modify also
// takes out what that does not have (D103).
func (m maker) modified(ctx context.Context, p *job.Progress, repository pulp.Href) (pulp.Href, error) {
	task, err := p.Hands(m.server).Task(ctx, "snapshot "+m.Name, func(ctx context.Context) (pulp.Href, error) {
		return m.server.Client.Modify(ctx, repository, pulp.Fields{"base_version": m.Version})
	})
	if err != nil {
		return "", err
	}
	return m.newest(ctx, p, repository, task)
}

// newest gives the version that a task made or, where it found nothing to change, the newest.
func (m maker) newest(ctx context.Context, p *job.Progress, repository pulp.Href, task pulp.Task) (pulp.Href, error) {
	if version, ok := task.CreatedVersion(); ok {
		return version, nil
	}
	var there pulp.Repository
	err := p.Hands(m.server).Try(ctx, func(ctx context.Context) error {
		var err error
		there, err = m.server.Client.Repository(ctx, repository)
		return err
	})
	return there.LatestVersion, err
}

// copied copies the source's version into the repository when that is empty. That it was is told by the
// numbers of the versions: somebody else may change it, too.
func (m maker) copied(ctx context.Context, p *job.Progress, repository pulp.Href) (pulp.Href, error) {
	const tries = 3
	for try := range tries {
		again := ""
		if try > 0 {
			again = " again"
		}
		again = strings.Repeat(again, try)
		empty := 0 // number of the empty version to copy into
		if m.Href != "" || try > 0 {
			task, err := p.Hands(m.server).Task(ctx, "empty"+again+" "+m.Name, func(ctx context.Context) (pulp.Href, error) {
				return m.server.Client.Modify(ctx, repository, pulp.Fields{"remove_content_units": []string{"*"}})
			})
			if err != nil {
				return "", err
			}
			version, err := m.newest(ctx, p, repository, task)
			if err != nil {
				return "", err
			}
			_, empty, _ = version.VersionNumber()
		}
		task, err := p.Hands(m.server).Task(ctx, "snapshot"+again+" "+m.Name, func(ctx context.Context) (pulp.Href, error) {
			return m.server.Client.Copy(ctx, m.kind.Snapshot.Copy, pulp.Fields{
				"config":             []map[string]any{{"source_repo_version": m.Version, "dest_repo": repository}},
				"dependency_solving": false, // else a solver runs over all of it, or it is refused (D144)
			})
		})
		if err != nil {
			return "", err
		}
		version, err := m.newest(ctx, p, repository, task)
		if err != nil {
			return "", err
		}
		_, number, _ := version.VersionNumber()
		if _, made := task.CreatedVersion(); number == empty+1 || (!made && number == empty) {
			return version, nil
		}
		p.Say(ctx, "somebody else has changed %s meanwhile: once more", m.Name)
	}
	return "", fault.New(fault.Conflict, "repository %s: somebody else keeps changing it, so it cannot be made equal to %s", m.Name, m.Source).
		WithHint("find out who does, outside of Pulp Manager, and run it again")
}

// explain says that the source's version is gone, where that is why Pulp refuses: its own words do not name it.
func (m maker) explain(ctx context.Context, p *job.Progress, err error) error {
	if !fault.Is(err, fault.Invalid) && !fault.Is(err, fault.NotFound) {
		return err
	}
	gone := p.Hands(m.server).Try(ctx, func(ctx context.Context) error {
		_, err := m.server.Client.Version(ctx, m.Version)
		return err
	})
	if !fault.Is(gone, fault.NotFound) {
		return err
	}
	_, number, _ := m.Version.VersionNumber()
	return fault.Wrap(fault.NotFound, err, "version %d of %s, which it served when the snapshot began, is no longer on server %s", number, m.Source, m.server.Name).
		WithHint("run it again; where retain_repo_versions of the repository is small, not while it syncs")
}

// publish publishes the version as the source's is, and makes the distribution serve it.
func (m maker) publish(ctx context.Context, p *job.Progress, made Made) (Made, error) {
	if m.PublishedAs != nil {
		body := pulp.Fields{}
		maps.Copy(body, m.PublishedAs.Fields)
		body["repository_version"] = made.Version
		there, err := m.published(ctx, p, made.Version)
		if err != nil {
			return made, err
		}
		task, err := p.Hands(m.server).Task(ctx, "publish "+m.Name, func(ctx context.Context) (pulp.Href, error) {
			if there != "" {
				return "", nil
			}
			return m.server.Client.CreatePublication(ctx, m.PublishedAs.Path, body)
		})
		if err != nil {
			return made, err
		}
		var ok bool
		if made.Publication, ok = task.CreatedPublication(); !ok {
			made.Publication = there
		}
		if made.Publication == "" {
			return made, fault.New(fault.Internal, "repository %s: Pulp task %s completed without a publication", m.Name, task.Href)
		}
	}
	var err error
	if made.Distribution, err = m.distribute(ctx, p, made); err != nil {
		return made, err
	}
	p.Say(ctx, "%s is served", m.Name)
	return made, nil
}

// published gives the publication of a version that a run before has made as this one would, and then not come to serve; empty: none.
func (m maker) published(ctx context.Context, p *job.Progress, version pulp.Href) (found pulp.Href, err error) {
	if m.Href == "" { // the repository is this run's
		return "", nil
	}
	err = p.Hands(m.server).Try(ctx, func(ctx context.Context) error {
		all, err := m.server.Client.Publications(ctx, m.PublishedAs.Path, url.Values{"repository_version": {string(version)}})
		var newest time.Time
		for _, there := range all {
			alike := func(field string, value any) bool { return reflect.DeepEqual(there.Fields[field], value) }
			if every(m.PublishedAs.Fields, alike) && !there.Created.Before(newest) {
				found, newest = there.Href, there.Created
			}
		}
		return err
	})
	return found, err
}

func every(fields map[string]any, holds func(field string, value any) bool) bool {
	for field, value := range fields {
		if !holds(field, value) {
			return false
		}
	}
	return true
}

// distribute makes the distribution serve the snapshot, and label it, in one request.
func (m maker) distribute(ctx context.Context, p *job.Progress, made Made) (pulp.Href, error) {
	_, number, _ := made.Version.VersionNumber()
	labels := maps.Clone(m.Distribution.Labels)
	labels[reconcile.SnapshotVersionLabel] = strconv.Itoa(number)
	body := pulp.Fields{"pulp_labels": labels}
	maps.Copy(body, m.Distribution.Fields)
	for _, field := range m.Distribution.Clear {
		body[field] = nil
	}
	switch m.kind.Serving {
	case content.Following:
		body["repository"] = made.Repository
	case content.PinnedVersion:
		body["repository_version"] = made.Version
	default:
		body["publication"] = made.Publication
	}
	if href := m.Distribution.Href; href != "" {
		_, err := p.Hands(m.server).Task(ctx, "update distribution "+m.Name, func(ctx context.Context) (pulp.Href, error) {
			change, err := m.server.Client.UpdateDistribution(ctx, href, body)
			return change.Task, err
		})
		return href, err
	}
	task, err := p.Hands(m.server).Task(ctx, "create distribution "+m.Name, func(ctx context.Context) (pulp.Href, error) {
		return m.server.Client.CreateDistribution(ctx, m.kind.DistributionKind(), body)
	})
	if err != nil {
		return "", err
	}
	at := slices.IndexFunc(task.CreatedResources, func(h pulp.Href) bool { return strings.Contains(string(h), "/distributions/") })
	if at < 0 {
		return "", fault.New(fault.Internal, "distribution %s: Pulp task %s completed without it", m.Name, task.Href)
	}
	return task.CreatedResources[at], nil
}
