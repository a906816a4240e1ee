// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/pulp/pulp-manager/client"
)

// know waits until the daemon knows both servers, and learns their ids.
func (p *pair) know(ctx context.Context) error {
	limit, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		servers, err := client.All(limit, p.client.Servers, nil)
		for _, s := range servers {
			p.ids[s.Name] = s.ID
		}
		if err == nil && len(p.ids) == len(p.names) {
			return nil
		}
		if err := pause(limit, 200*time.Millisecond); err != nil {
			return fmt.Errorf("the daemon does not know the servers: %w", err)
		}
	}
}

// load asks for work and changes upstream until ctx ends.
func (p *pair) load(ctx context.Context) {
	for pause(ctx, between(p.rand, 500*time.Millisecond, 3*time.Second)) == nil {
		limit, cancel := context.WithTimeout(ctx, 10*time.Second)
		busy, err := p.client.Tasks(limit, url.Values{"state__in": {"queued,running"}, "page_size": {"20"}})
		switch n := p.rand.IntN(10); {
		case err != nil || busy.Total > 40:
		case n == 0:
			p.version++
			_ = p.lab(limit, "upstream", "use", fmt.Sprintf("%d.0", p.version))
		case n == 1:
			_, _ = p.ask(limit, 0, "register_repos", map[string]any{"max_runtime": "10m"})
		case n == 2 && len(busy.Items) > 0:
			_, _ = p.client.Cancel(limit, busy.Items[p.rand.IntN(len(busy.Items))].ID)
		default:
			_, _ = p.sync(limit, p.rand.IntN(2))
		}
		cancel()
	}
}

func (p *pair) ask(ctx context.Context, server int, path string, body any) (client.Task, error) {
	return p.client.Ask(ctx, p.ids[p.proxies[server].address], path, body)
}

func (p *pair) sync(ctx context.Context, server int) (client.Task, error) {
	body := map[string]any{"max_runtime": "10m", "max_concurrent_syncs": 2, "regex_include": "^ext-"}
	if server == 1 {
		body["source_pulp_server_name"] = p.proxies[0].address
	}
	return p.ask(ctx, server, "sync_repos", body)
}

// undisturbed registers, syncs and mirrors everything once more.
func (p *pair) undisturbed(ctx context.Context) error {
	for _, step := range []func() (client.Task, error){
		func() (client.Task, error) {
			return p.ask(ctx, 0, "register_repos", map[string]any{"max_runtime": "10m"})
		},
		func() (client.Task, error) { return p.sync(ctx, 0) }, func() (client.Task, error) { return p.sync(ctx, 1) },
	} {
		task, err := step()
		if err != nil {
			return err
		}
		done, err := p.client.WaitTask(ctx, task.ID, nil)
		if err != nil {
			return err
		}
		if done.State != client.StateCompleted {
			p.found.add("undisturbed: task %d (%s) is %s: %s", done.ID, done.Name, done.State, shortened(done.Error.Msg))
		}
	}
	return nil
}

// invariants checks the store, both servers and what clients read.
func (p *pair) invariants(ctx context.Context, r *records) error {
	for _, rules := range []map[string]string{rules, settled} {
		broken, err := r.obey(ctx, rules)
		if err != nil {
			return err
		}
		for _, text := range broken {
			p.found.add("%s", text)
		}
	}
	requests, err := r.requests(ctx)
	if err != nil {
		return err
	}
	locks, err := r.locks(ctx)
	if err != nil {
		return err
	}
	for _, l := range locks {
		p.found.add("the lock of %s on %s is held by task %d, which is %s, for %q", l.repository, l.server, l.task, l.state, l.pulpTask)
	}
	for i, address := range p.urls {
		if err := p.once(ctx, p.names[i], address, requests); err != nil {
			return err
		}
	}
	for i := range 3 {
		end := ""
		if i > 0 {
			end = fmt.Sprintf("-%d", i+1)
		}
		for kind, packages := range map[string][]string{"deb": {"alpha", "epsilon"}, "rpm": {"bear"}, "file": {"one.txt"}} {
			script := filepath.Join(p.root, "test", "e2e", "identical.py")
			args := append([]string{script, p.urls[0], p.urls[1], "demo/ext-demo-" + kind + end}, packages...)
			if text, err := exec.CommandContext(ctx, "python3", args...).CombinedOutput(); err != nil {
				p.found.add("the servers do not serve the same ext-demo-%s%s: %s", kind, end, text)
			}
		}
	}
	return nil
}

// once checks that no recorded request has more than one task on a server.
func (p *pair) once(ctx context.Context, name, address string, requests map[string]pulpRequest) error {
	query := url.Values{"limit": {"5000"}, "fields": {"logging_cid,name,state"}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/pulp/api/v3/tasks/?"+query.Encode(), http.NoBody)
	if err != nil {
		return err
	}
	request.SetBasicAuth("admin", "password")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	var page struct {
		Count   int `json:"count"`
		Results []struct {
			Correlation string `json:"logging_cid"`
			Name        string `json:"name"`
			State       string `json:"state"`
		} `json:"results"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&page); err != nil {
		return err
	}
	if page.Count == 0 || page.Count != len(page.Results) {
		return errors.New("the tasks of " + name + " were not all read")
	}
	started := map[string]int{}
	for _, task := range page.Results {
		if q := requests[task.Correlation]; q.id != 0 {
			started[task.Correlation]++
			if n := started[task.Correlation]; n > 1 {
				p.found.add("%s: %d Pulp tasks (%s) for request %d (%s) of task %d", name, n, task.Name, q.id, q.step, q.task)
			}
		}
	}
	return nil
}
