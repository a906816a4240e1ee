// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"errors"
	"maps"
	"net/url"
	"slices"
	"sync"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/inventory"
	"github.com/pulp/pulp-manager/internal/pulp"
)

// Hands are what changes are made with. A job provides them.
type Hands interface {
	Client() *pulp.Client
	// Try makes a request that is safe to repeat, waiting for the server where it does not answer.
	Try(ctx context.Context, fn func(ctx context.Context) error) error
	// Task makes a request that starts a Pulp task, recorded under step, and waits for the task.
	Task(ctx context.Context, step string, start func(ctx context.Context) (pulp.Href, error)) (pulp.Task, error)
	// Lock takes the right to change a repository, and gives the way to give it back.
	Lock(ctx context.Context, repository string) (unlock func() error, err error)
}

// Applier applies changes to one server.
type Applier struct {
	Hands Hands
	// Sent is told the secrets of a remote that Pulp has taken. May be nil.
	Sent func(ctx context.Context, remote string, secrets map[string]fleet.Secret) error
}

// Concurrency is how many repositories are changed at a time: enough to keep a server's workers
// busy, whose tasks create the distributions.
const Concurrency = 4

// Result is how the changes to one repository went.
type Result struct {
	Name string
	Err  error // nil: all of them were made
	// Repository is the repository, where it was there or was made.
	Repository pulp.Href
}

// Apply sends the changes, repository by repository; one that fails stops none of the others but those
// that are to take its place. Seen is told after each repository how many are done.
func (s Applier) Apply(ctx context.Context, changes []Change, have *inventory.Picture, seen func(done, all int)) []Result {
	groups := groupsOf(changes)
	results := make([]Result, len(groups))
	for i, group := range groups {
		results[i].Name = group[0].Name
	}
	done, failed := 0, map[string]bool{}
	for _, wave := range waves(groups) {
		var ready []int
		for _, i := range wave {
			if j := slices.IndexFunc(groups[i][0].After, func(name string) bool { return failed[name] }); j >= 0 {
				results[i].Err = fault.New(fault.Conflict, "%s (%s): its base path is still that of %s, which could not be moved",
					groups[i][0].Name, groups[i][0].Source, groups[i][0].After[j]).WithHint("correct that one first")
				continue
			}
			ready = append(ready, i)
		}
		inParallel(ctx, len(ready), func(n int) (err error) {
			results[ready[n]].Repository, err = s.applyOne(ctx, groups[ready[n]], have)
			return err
		}, func(n int, err error) {
			results[ready[n]].Err = err
			done++
			seen(done, len(groups))
		})
		for _, i := range wave {
			failed[groups[i][0].Name] = failed[groups[i][0].Name] || results[i].Err != nil
		}
	}
	return results
}

// waves gives the indices of groups in the order in which they may be applied: those of one wave at the
// same time.
func waves(groups [][]Change) [][]int {
	pending := map[string]int{} // groups left of a name
	for _, g := range groups {
		if g[0].Conflict == "" {
			pending[g[0].Name]++
		}
	}
	var all [][]int
	for left := indices(len(groups)); len(left) > 0; {
		var wave, rest []int
		for _, i := range left {
			if slices.ContainsFunc(groups[i][0].After, func(name string) bool { return pending[name] > 0 }) {
				rest = append(rest, i)
				continue
			}
			wave = append(wave, i)
		}
		if len(wave) == 0 { // they wait for each other, which a plan never has
			wave, rest = rest, nil
		}
		for _, i := range wave {
			if groups[i][0].Conflict == "" {
				pending[groups[i][0].Name]--
			}
		}
		all, left = append(all, wave), rest
	}
	return all
}

func indices(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// inParallel calls do with each number below n, a few at a time, and ended, one at a time, with how it went. What
// was not begun when ctx ended has its reason.
func inParallel(ctx context.Context, n int, do func(i int) error, ended func(i int, err error)) {
	var (
		wg sync.WaitGroup
		mu sync.Mutex
	)
	end := func(i int, err error) {
		mu.Lock()
		defer mu.Unlock()
		ended(i, err)
	}
	slots := make(chan struct{}, Concurrency)
	for i := range n {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			end(i, context.Cause(ctx))
			continue
		}
		wg.Go(func() {
			defer func() { <-slots }()
			end(i, fault.Protect(func() error { return do(i) }))
		})
	}
	wg.Wait()
}

// applyOne makes the changes to one repository, in order, and gives its href.
func (s Applier) applyOne(ctx context.Context, changes []Change, have *inventory.Picture) (pulp.Href, error) {
	first := changes[0]
	if first.Conflict != "" {
		return "", fault.New(fault.Conflict, "%s (%s): %s", first.Name, first.Source, first.Conflict).
			WithHint("correct the definition, or rename or remove what is in the way")
	}
	unlock, err := s.Hands.Lock(ctx, first.Name)
	if err != nil {
		return "", err
	}
	links := hrefs{}
	if there := have.Find(first.Type.Name, first.Name); there != nil {
		if there.Own != nil {
			links.remote = there.Own.Href
		}
		if there.Repository != nil {
			links.repository = there.Repository.Href
		}
	}
	for _, c := range changes {
		if err = s.apply(ctx, c, &links); err != nil {
			break
		}
	}
	return links.repository, errors.Join(err, unlock())
}

// hrefs are the parts of a repository that exist by now.
type hrefs struct{ remote, repository pulp.Href }

func (s Applier) apply(ctx context.Context, c Change, links *hrefs) error {
	body := pulp.Fields{}
	maps.Copy(body, c.Fields)
	for field, secret := range c.Secrets {
		if body[field] = secret.Reveal(); secret.Empty() {
			body[field] = nil // Pulp refuses an empty text
		}
	}
	switch c.Noun {
	case Remote:
		href, sent, err := s.put(ctx, c, body, "remotes/"+c.Type.Path+"/", s.Hands.Client().UpdateRemote, func(ctx context.Context) (pulp.Href, error) {
			made, err := s.Hands.Client().CreateRemote(ctx, c.Type.Path, body)
			return made.Href, err
		})
		if err != nil {
			return err
		}
		links.remote = href
		if sent && len(c.Secrets) > 0 && s.Sent != nil {
			return s.Sent(ctx, c.Name, c.Secrets)
		}
		return nil
	case Repository:
		if _, asked := body["remote"]; asked {
			body["remote"] = links.remote
		}
		href, _, err := s.put(ctx, c, body, "repositories/"+c.Type.Path+"/", s.Hands.Client().UpdateRepository, func(ctx context.Context) (pulp.Href, error) {
			made, err := s.Hands.Client().CreateRepository(ctx, c.Type.Path, body)
			return made.Href, err
		})
		links.repository = href
		return err
	case Distribution:
		if _, asked := body["repository"]; asked && body["repository_version"] == nil {
			body["repository"] = links.repository
		}
		if !c.Create() {
			return s.update(ctx, c, body, s.Hands.Client().UpdateDistribution)
		}
		_, err := s.Hands.Task(ctx, "create distribution "+c.Name, func(ctx context.Context) (pulp.Href, error) {
			return s.Hands.Client().CreateDistribution(ctx, c.Type.DistributionKind(), body)
		})
		return err
	}
	return fault.New(fault.Internal, "no such part of a repository: %q", c.Noun)
}

type updater func(ctx context.Context, href pulp.Href, body pulp.Fields) (pulp.Change, error)

// put creates or updates a remote or a repository and gives its href, and whether Pulp has what
// was sent.
func (s Applier) put(ctx context.Context, c Change, body pulp.Fields, list string, update updater, create func(ctx context.Context) (pulp.Href, error)) (href pulp.Href, sent bool, err error) {
	if !c.Create() {
		return pulp.Href(c.Href), true, s.update(ctx, c, body, update)
	}
	href, err = create(ctx)
	switch {
	case err == nil:
		return href, true, nil
	case pulp.IsNotUnique(err, "name"): // somebody else was faster: the next run makes it as wanted
		taken := err
		err = s.Hands.Try(ctx, func(ctx context.Context) error {
			href, err = s.byName(ctx, c.Name, list)
			return err
		})
		if href == "" && err == nil {
			err = taken // by another type
		}
		return href, false, err
	case pulp.NotSent(err) && !fault.Is(err, fault.Unavailable):
		return "", false, err
	}
	href, err = s.again(ctx, c, list, create)
	return href, err == nil, err
}

// again makes something whose creation Pulp answers with 201 and no task, after an answer that was lost.
// What came of the lost request is found by the name, which is unique in Pulp.
func (s Applier) again(ctx context.Context, c Change, list string, create func(ctx context.Context) (pulp.Href, error)) (href pulp.Href, err error) {
	err = s.Hands.Try(ctx, func(ctx context.Context) error {
		if href, err = s.byName(ctx, c.Name, list); href != "" || err != nil {
			return err
		}
		href, err = create(ctx)
		if pulp.IsNotUnique(err, "name") { // the lost one arrived in between, or it is of another type
			if late, lateErr := s.byName(ctx, c.Name, list); late != "" && lateErr == nil {
				href, err = late, nil
			}
		}
		return err
	})
	return href, err
}

// byName gives the href of the object of that name in a list; empty where there is none.
func (s Applier) byName(ctx context.Context, name, list string) (pulp.Href, error) {
	found, err := s.Hands.Client().List(ctx, list, url.Values{"name": {name}, "fields": {"pulp_href"}})
	if err != nil || len(found) != 1 {
		return "", err
	}
	return found[0].Href(), nil
}

func (s Applier) update(ctx context.Context, c Change, body pulp.Fields, update updater) error {
	_, err := s.Hands.Task(ctx, "update "+string(c.Noun)+" "+c.Name, func(ctx context.Context) (pulp.Href, error) {
		change, err := update(ctx, pulp.Href(c.Href), body)
		return change.Task, err
	})
	return err
}
