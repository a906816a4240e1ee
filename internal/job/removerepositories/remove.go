// SPDX-License-Identifier: Apache-2.0

package removerepositories

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/inventory"
	"github.com/pulp/pulp-manager/internal/job"
	"github.com/pulp/pulp-manager/internal/pulp"
)

// concurrency is how many repositories are removed at a time.
const concurrency = 4

// Removed is what removing came to.
type Removed struct {
	Failed []Failure `json:"failed,omitempty"`
}

// Failure is why a repository could not be removed.
type Failure struct {
	Name string `json:"name"`
	Why  string `json:"why"`
}

// Left are the repositories of which something is still there.
type Left struct {
	Names []string `json:"names,omitempty"`
}

// removeAll removes everything in the plan. A repository that cannot be removed stops none of the others
// (D108); its remotes stay, and so do those that another such one needs.
func (s *removal) removeAll(ctx context.Context, p *job.Progress, plan Plan) (Removed, error) {
	failed := map[string]error{}
	err := s.each(ctx, plan.Items, failed, func(i Item) error { return s.removeOne(ctx, p, i) }, func(done int) {
		p.Say(ctx, "%d/%d repositories done", done, len(plan.Items))
	})
	if err != nil {
		return Removed{}, err
	}
	remotes := freed(plan.Items, failed)
	err = s.each(ctx, remotes, failed, func(i Item) error { return s.removeRemotes(ctx, p, i) }, func(done int) {
		p.Say(ctx, "all repositories done, %d/%d remotes", done, len(remotes))
	})
	if err != nil {
		return Removed{}, err
	}
	var removed Removed
	for _, i := range plan.Items {
		if why := failed[i.Name]; why != nil {
			removed.Failed = append(removed.Failed, Failure{Name: i.Name, Why: fault.Message(why)})
		}
	}
	p.Say(ctx, "Completed removing repositories, distributions, and remotes. Successfully removed %d, failed to remove %d",
		len(plan.Items)-len(failed), len(failed))
	return removed, nil
}

// each does something for each item, a few at a time, and notes those that failed. The error ends the attempt.
func (s *removal) each(ctx context.Context, items []Item, failed map[string]error, do func(Item) error, seen func(done int)) error {
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		done  int
		ended error
	)
	slots := make(chan struct{}, concurrency)
	for _, i := range items {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			break
		}
		wg.Go(func() {
			defer func() { <-slots }()
			err := fault.Protect(func() error { return do(i) })
			mu.Lock()
			defer mu.Unlock()
			done++
			switch {
			case err == nil:
			case s.run.Ends(err):
				ended = err
			default:
				failed[i.Name] = err
			}
			seen(done)
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return ended
}

// freed gives one item for each remote that no repository needs any more.
func freed(items []Item, failed map[string]error) []Item {
	needed := map[pulp.Href]bool{}
	for _, i := range items {
		for _, r := range i.Remotes {
			needed[r.Href] = needed[r.Href] || failed[i.Name] != nil
		}
	}
	var all []Item
	for _, i := range items {
		for _, r := range i.Remotes {
			if needed[r.Href] {
				continue
			}
			needed[r.Href] = true // named by another item, too: once
			all = append(all, Item{Name: i.Name, Remotes: []Part{r}})
		}
	}
	return all
}

// removeOne removes a repository, its distribution first: from then on clients find nothing, rather than half
// of something.
func (s *removal) removeOne(ctx context.Context, p *job.Progress, i Item) error {
	return s.locked(ctx, p, i.Name, func(h job.Hands) error {
		if i.Distribution != nil {
			if err := remove(ctx, h, "distribution "+i.Distribution.Name, i.Distribution.Href, s.server.Client.DeleteDistribution); err != nil {
				return err
			}
		}
		if i.Href == "" {
			return nil
		}
		if i.Distribution == nil {
			if err := s.removeLate(ctx, p, h, i); err != nil {
				return err
			}
		}
		return remove(ctx, h, "repository "+i.Name, i.Href, s.server.Client.DeleteRepository)
	})
}

// removeLate removes the distribution of a repository that had none when the plan was made: whoever made the repository went on until we
// got its lock. Pulp would leave it there, leading nowhere.
func (s *removal) removeLate(ctx context.Context, p *job.Progress, h job.Hands, i Item) error {
	var picture *inventory.Picture
	err := s.server.Try(ctx, p, func(ctx context.Context) (err error) {
		if picture, err = inventory.TakeOne(ctx, s.server.Client, s.server.Name, i.Type, i.Name); err != nil {
			return err
		}
		return picture.Serve(ctx, s.server.Client)
	})
	if err != nil {
		return err
	}
	r := picture.Find(i.Type, i.Name)
	if r == nil || r.Distribution == nil {
		return nil
	}
	ours := r.Distribution.Repository == i.Href || strings.HasPrefix(r.Served, string(i.Href))
	if !ours && !inventory.LeadsNowhere(r.Distribution) {
		return nil
	}
	return remove(ctx, h, "distribution "+i.Name, r.Distribution.Href, s.server.Client.DeleteDistribution)
}

func (s *removal) removeRemotes(ctx context.Context, p *job.Progress, i Item) error {
	return s.locked(ctx, p, i.Name, func(h job.Hands) error {
		for _, r := range i.Remotes {
			if err := remove(ctx, h, "remote "+r.Name, r.Href, s.server.Client.DeleteRemote); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *removal) locked(ctx context.Context, p *job.Progress, name string, do func(job.Hands) error) error {
	h := p.Hands(s.server)
	unlock, err := h.Lock(ctx, name)
	if err != nil {
		return err
	}
	err = do(h)
	if unlockErr := unlock(); err == nil {
		err = unlockErr
	}
	return err
}

// remove deletes an object. One that is gone counts as deleted (D110).
func remove(ctx context.Context, h job.Hands, what string, href pulp.Href, start func(context.Context, pulp.Href) (pulp.Href, error)) error {
	_, err := h.Task(ctx, "delete "+what, func(ctx context.Context) (pulp.Href, error) {
		task, err := start(ctx, href)
		if fault.Is(err, fault.NotFound) {
			return "", nil
		}
		return task, err
	})
	return err
}

// store brings the store's picture of the server up to date, and looks what is left of what was to go.
func (s *removal) store(ctx context.Context, p *job.Progress, plan Plan) (Left, error) {
	before, err := s.run.Env.Repositories.ServerRepositories(ctx, s.server.ID)
	if err != nil {
		return Left{}, err
	}
	picture, err := s.take(ctx, p)
	if err != nil {
		return Left{}, err
	}
	all := picture.Fleet(s.server.ID)
	p.Say(ctx, "%d repositories on %s", len(all), s.server.Name)
	return left(plan, picture), s.run.Env.Repositories.Mirror(ctx, s.server.ID, all, before)
}

// left gives the items of which a part is in the picture.
func left(plan Plan, picture *inventory.Picture) Left {
	there := map[pulp.Href]bool{}
	for _, r := range picture.Repositories {
		if r.Repository != nil {
			there[r.Repository.Href] = true
		}
		if r.Own != nil {
			there[r.Own.Href] = true
		}
		if r.Distribution != nil {
			there[r.Distribution.Href] = true
		}
	}
	var found Left
	for _, i := range plan.Items {
		is := there[i.Href] || i.Distribution != nil && there[i.Distribution.Href]
		for _, r := range i.Remotes {
			is = is || there[r.Href]
		}
		if is {
			found.Names = append(found.Names, i.Name)
		}
	}
	return found
}

// verdict names what is still there, and why; nil where all is gone.
func verdict(server fleet.ServerName, plan Plan, removed Removed, left Left) error {
	if len(left.Names) == 0 {
		return nil
	}
	why := map[string]string{}
	for _, f := range removed.Failed {
		why[f.Name] = f.Why
	}
	var texts []string
	for _, name := range left.Names {
		text := name
		switch {
		case why[name] != "":
			text += ": " + why[name]
		default:
			text += ": a part of it is still there"
		}
		texts = append(texts, text)
	}
	const most = 20
	text := strings.Join(texts[:min(len(texts), most)], "; ")
	if more := len(texts) - most; more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return fault.New(fault.Invalid, "server %s: %d of %d not removed: %s", server, len(left.Names), len(plan.Items), text).
		WithHint("put right what is named and ask again: what is gone already counts as removed")
}
