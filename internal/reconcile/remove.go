// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"errors"
	"strings"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/inventory"
	"github.com/pulp/pulp-manager/internal/pulp"
)

// Remove deletes repositories with what goes by their name: the distribution first, so that nothing is served that
// is half gone, then the repository, then the remote unless another repository names it. What is gone already
// is done. A repository that a distribution of another name serves is left alone: Conflict. One that fails stops
// none of the others. The picture must know what is served (inventory.Picture.Serve); seen is told after
// each how many are done.
func (s Applier) Remove(ctx context.Context, gone []*inventory.Repository, have *inventory.Picture, seen func(done, all int)) []Result {
	results := make([]Result, len(gone))
	done := 0
	inParallel(ctx, len(gone), func(i int) error { return s.removeOne(ctx, gone[i], have) }, func(i int, err error) {
		results[i] = Result{Name: gone[i].Name, Err: err}
		done++
		seen(done, len(gone))
	})
	return results
}

func (s Applier) removeOne(ctx context.Context, r *inventory.Repository, have *inventory.Picture) error {
	remoteShared, servedBy := Shared(r, have)
	if len(servedBy) > 0 {
		return fault.New(fault.Conflict, "%s is still served by distribution %s", r.Name, strings.Join(servedBy, ", ")).
			WithHint("remove that distribution, or point it at something else, first")
	}
	unlock, err := s.Hands.Lock(ctx, r.Name)
	if err != nil {
		return err
	}
	if r.Distribution != nil {
		err = s.delete(ctx, Distribution, r.Name, r.Distribution.Href, s.Hands.Client().DeleteDistribution)
	}
	if err == nil && r.Repository != nil {
		err = s.delete(ctx, Repository, r.Name, r.Repository.Href, s.Hands.Client().DeleteRepository)
	}
	if err == nil && r.Own != nil && !remoteShared {
		err = s.delete(ctx, Remote, r.Name, r.Own.Href, s.Hands.Client().DeleteRemote)
	}
	return errors.Join(err, unlock())
}

// delete deletes one object. One that is not there is done.
func (s Applier) delete(ctx context.Context, noun Noun, name string, href pulp.Href, send func(ctx context.Context, href pulp.Href) (pulp.Href, error)) error {
	_, err := s.Hands.Task(ctx, "delete "+string(noun)+" "+name, func(ctx context.Context) (pulp.Href, error) {
		task, err := send(ctx, href)
		if fault.Is(err, fault.NotFound) {
			return "", nil
		}
		return task, err
	})
	return err
}
