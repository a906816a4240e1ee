// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
)

// floorPause is how long the loop waits where no task has ended.
const floorPause = 100 * time.Millisecond

// phase is one part of a run: all repositories synced, or published.
type phase struct {
	Wall     float64 `json:"wall_seconds"`
	Own      float64 `json:"pulp_seconds"` // sum of Pulp's own task times: the ideal with one worker
	Tasks    int     `json:"pulp_tasks"`
	Requests int     `json:"requests"`
}

// floor is what a bare loop needs that only posts the requests and polls in bulk. It looks at nothing, remembers nothing and serves
// nothing: nobody can be faster with the same requests.
type floor struct {
	pulp         *pulp
	repositories []floorRepository
	concurrency  int
}

// floorRun are the times of its phases.
type floorRun struct {
	First    phase `json:"first_sync"`
	Publish  phase `json:"publish"`
	NoChange phase `json:"no_change_sync"`
}

type floorRepository struct{ path, href string }

// newFloor makes so many repositories, whose names begin with prefix.
func newFloor(ctx context.Context, server, upstream, prefix string, repositories, concurrency int) (*floor, error) {
	p, err := login(ctx, server)
	if err != nil {
		return nil, err
	}
	f := &floor{pulp: p, concurrency: concurrency}
	f.repositories, err = floorRepositories(ctx, p, upstream, prefix, repositories)
	return f, err
}

// sync syncs all repositories.
func (f *floor) sync(ctx context.Context) (phase, error) {
	return f.pulp.phase(ctx, f.repositories, f.concurrency, func(r floorRepository) (string, any) {
		return r.href + "sync/", map[string]any{}
	})
}

// publish publishes all repositories.
func (f *floor) publish(ctx context.Context) (phase, error) {
	return f.pulp.phase(ctx, f.repositories, f.concurrency, func(r floorRepository) (string, any) {
		return "/pulp/api/v3/publications/" + r.path + "/", map[string]any{"repository": r.href}
	})
}

func floorRepositories(ctx context.Context, p *pulp, upstream, prefix string, count int) ([]floorRepository, error) {
	all := make([]floorRepository, 0, count)
	for i := range count {
		kind := kinds[i%len(kinds)]
		name := fmt.Sprintf("%s-%04d", prefix, i)
		var made struct {
			Href string `json:"pulp_href"`
		}
		remote := map[string]any{"name": name, "url": upstream + kind.feed}
		maps.Copy(remote, kind.remote)
		if err := p.post(ctx, "/pulp/api/v3/remotes/"+kind.path+"/", remote, &made); err != nil {
			return nil, err
		}
		repository := map[string]any{"name": name, "remote": made.Href}
		if err := p.post(ctx, "/pulp/api/v3/repositories/"+kind.path+"/", repository, &made); err != nil {
			return nil, err
		}
		all = append(all, floorRepository{kind.path, made.Href})
	}
	return all, nil
}

// phase posts one request for each repository and waits for the tasks, so many at a time.
func (p *pulp) phase(ctx context.Context, waiting []floorRepository, concurrency int, start func(floorRepository) (string, any)) (phase, error) {
	var done phase
	began, sent := time.Now(), p.sent
	running := map[string]bool{}
	for len(waiting) > 0 || len(running) > 0 {
		for len(waiting) > 0 && len(running) < concurrency {
			var answer struct {
				Task string `json:"task"`
			}
			path, body := start(waiting[0])
			if err := p.post(ctx, path, body, &answer); err != nil {
				return done, err
			}
			running[pulpTask{Href: answer.Task}.id()], waiting = true, waiting[1:]
		}
		var page taskPage
		if err := p.get(ctx, "/pulp/api/v3/tasks/", url.Values{
			"pulp_id__in": {strings.Join(slices.Collect(maps.Keys(running)), ",")}, "limit": {"200"}, "fields": {taskFields},
		}, &page); err != nil {
			return done, err
		}
		ended := 0
		for _, t := range page.Results {
			switch t.State {
			case "completed":
				ended++
				done.Tasks++
				done.Own += t.Finished.Sub(t.Started).Seconds()
				delete(running, t.id())
			case "failed", "canceled", "skipped":
				return done, fmt.Errorf("the Pulp task %s (%s) is %s: the floor means nothing", t.Href, t.Name, t.State)
			}
		}
		if ended == 0 {
			if err := pause(ctx, floorPause); err != nil {
				return done, err
			}
		}
	}
	done.Wall, done.Requests = time.Since(began).Seconds(), p.sent-sent
	return done, nil
}
