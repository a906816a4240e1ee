// SPDX-License-Identifier: Apache-2.0

package jobtest

import (
	"context"
	"net/http"
	"time"

	"github.com/pulp/pulp-manager/internal/content"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/pulp"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// Client gives a connection of somebody's own to a fake, apart from the daemon's.
func (f *Fleet) Client(s *pulpfake.Server) *pulp.Client {
	f.t.Helper()
	c, err := pulp.New(pulp.Config{
		Base: s.Base(), Username: "admin", RequestTimeout: 10 * time.Second,
		Password: func(context.Context) (string, error) { return "password", nil },
	})
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { _ = c.Close(context.WithoutCancel(f.t.Context())) })
	return c
}

// Done waits until a Pulp task that somebody started by hand has completed.
func (f *Fleet) Done(c *pulp.Client, href pulp.Href, err error) pulp.Task {
	f.t.Helper()
	f.locked(func() string { f.byHand[string(href)] = true; return "" })
	if err != nil {
		f.t.Fatal(err)
	}
	var task pulp.Task
	f.Until("Pulp task "+string(href), func() bool {
		if task, err = c.Task(f.t.Context(), href); err != nil {
			f.t.Fatal(err)
		}
		return task.State.Final()
	})
	if task.State != pulp.Completed {
		f.t.Fatalf("Pulp task %s is %s: %s", task.Name, task.State, task.Reason)
	}
	return task
}

// Empty takes everything out of a repository and publishes that, as somebody with a heavy hand does.
func (f *Fleet) Empty(s *pulpfake.Server, d fleet.Definition) {
	f.t.Helper()
	c, ctx := f.Client(s), f.t.Context()
	repository, _ := s.Object("repositories", d.Name)["pulp_href"].(string)
	distribution, _ := s.Object("distributions", d.Name)["pulp_href"].(string)
	href, err := c.Modify(ctx, pulp.Href(repository), pulp.Fields{"remove_content_units": []string{"*"}})
	version, _ := f.Done(c, href, err).CreatedVersion()
	t, _ := content.Find(d.Type)
	if t.Publication == nil {
		change, err := c.UpdateDistribution(ctx, pulp.Href(distribution), pulp.Fields{"repository_version": version, "repository": nil})
		f.Done(c, change.Task, err)
		return
	}
	path, body := t.Publication(t.Remote(d.Options))
	body["repository"] = repository
	href, err = c.CreatePublication(ctx, path, body)
	publication, _ := f.Done(c, href, err).CreatedPublication()
	if t.Serving == content.Following {
		return
	}
	change, err := c.UpdateDistribution(ctx, pulp.Href(distribution), pulp.Fields{"publication": publication})
	if change.Task != "" || err != nil {
		f.Done(c, change.Task, err)
	}
}

// Purge makes a fake forget a final Pulp task, as somebody who tidies up does.
func (f *Fleet) Purge(s *pulpfake.Server, href string) {
	f.t.Helper()
	request, err := http.NewRequestWithContext(f.t.Context(), http.MethodDelete, s.Base()+href, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	request.SetBasicAuth("admin", "password")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(request)
	if err != nil {
		f.t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusNoContent {
		f.t.Fatalf("purge of %s: %s", href, answer.Status)
	}
}
