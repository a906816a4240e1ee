// SPDX-License-Identifier: Apache-2.0

package pulpcontract

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/pulp"
)

var clients = []contract{
	{"client: status without a login", clientStatus},
	{"client: an object's life from creation to deletion", clientLife},
	{"client: a repository is synced, published and served", clientMirror},
	{"client: lists are read page by page and in chunks", clientLists},
	{"client: tasks are found by correlation, in bulk, and cancelled", clientTasks},
	{"client: versions are read in bulk", clientVersions},
	{"client: errors have their kind and Pulp's words", clientErrors},
	{"client: the session ends with Close", clientClose},
}

// client is the client under test, talking to the primary.
func (c *check) client(change ...func(*pulp.Config)) *pulp.Client {
	c.Helper()
	cfg := pulp.Config{
		Base: c.env.Primary, Name: "primary", Username: c.env.Username,
		Password: func(context.Context) (string, error) { return c.env.Password, nil },
	}
	for _, f := range change {
		f(&cfg)
	}
	p, err := pulp.New(cfg)
	if err != nil {
		c.Fatal(err)
	}
	c.Cleanup(func() {
		if err := p.Close(context.Background()); err != nil {
			c.Errorf("close: %v", err)
		}
	})
	return p
}

// must fails the test for an error.
func must[T any](c *check) func(T, error) T {
	return func(v T, err error) T {
		c.Helper()
		if err != nil {
			c.Fatal(err)
		}
		return v
	}
}

// finished waits for a Pulp task through the client.
func (c *check) finished(p *pulp.Client, task pulp.Href) pulp.Task {
	c.Helper()
	deadline, nudged := time.Now().Add(90*time.Second), time.Now()
	for {
		t := must[pulp.Task](c)(p.Task(c.Context(), task))
		c.primary.nudge(&nudged)
		if t.State.Final() {
			return t
		}
		if time.Now().After(deadline) {
			c.Fatalf("%s is %s after 90 s", t.Name, t.State)
		}
		c.primary.pause()
	}
}

func clientStatus(c *check) {
	p := c.client(func(cfg *pulp.Config) { cfg.Username = "" })
	s := must[pulp.Status](c)(p.Status(c.Context()))
	if !s.AtLeast("core", "3.49") || s.AtLeast("core", "99") || !s.Has("deb") || s.Has("nosuch") || s.OnlineWorkers == 0 || !s.DatabaseConnected {
		c.Errorf("%+v", s)
	}
}

func clientLife(c *check) {
	p, ctx := c.client(), c.Context()
	name := c.prefix + "life"
	remote := must[pulp.Remote](c)(p.CreateRemote(ctx, "file/file", pulp.Fields{
		"name": name, "url": "http://127.0.0.1:1/x", "username": "u", "password": "p",
	}))
	c.primary.later(string(remote.Href))
	c.equal("hidden", remote.Hidden["password"], true)
	repository := must[pulp.Repository](c)(p.CreateRepository(ctx, "file/file", pulp.Fields{
		"name": name, "remote": remote.Href, "pulp_labels": map[string]string{"pulp_manager": "x"},
	}))
	c.primary.later(string(repository.Href))
	c.equal("repository", []any{repository.Name, repository.Remote, repository.Labels["pulp_manager"]}, []any{name, remote.Href, "x"})
	change := must[pulp.Change](c)(p.UpdateRepository(ctx, repository.Href, pulp.Fields{"name": name}))
	if c.has(unchangedAnswers) {
		c.equal("no change", change.Task, pulp.Href(""))
	} else {
		c.equal("no change", c.finished(p, change.Task).State, pulp.TaskState("completed"))
	}
	change = must[pulp.Change](c)(p.UpdateRepository(ctx, repository.Href, pulp.Fields{"description": "d"}))
	c.equal("state", c.finished(p, change.Task).State, pulp.TaskState("completed"))
	found := must[[]pulp.Repository](c)(p.Repositories(ctx, "file/file", url.Values{"name": {name}}))
	if len(found) != 1 || found[0].Href != repository.Href || found[0].Fields()["description"] != "d" {
		c.Errorf("found %+v", found)
	}
	t := c.finished(p, must[pulp.Href](c)(p.CreateDistribution(ctx, "file/file", pulp.Fields{
		"name": name, "base_path": name, "repository": repository.Href,
	})))
	if len(t.CreatedResources) != 1 {
		c.Fatalf("created %v", t.CreatedResources)
	}
	d := must[pulp.Distribution](c)(p.Distribution(ctx, t.CreatedResources[0]))
	c.equal("distribution", []any{d.Name, d.BasePath, d.Repository, d.Publication}, []any{name, name, repository.Href, pulp.Href("")})
	for _, del := range []func() (pulp.Href, error){
		func() (pulp.Href, error) { return p.DeleteDistribution(ctx, d.Href) },
		func() (pulp.Href, error) { return p.DeleteRepository(ctx, repository.Href) },
		func() (pulp.Href, error) { return p.DeleteRemote(ctx, remote.Href) },
	} {
		c.equal("deleted", c.finished(p, must[pulp.Href](c)(del())).State, pulp.TaskState("completed"))
	}
	if _, err := p.Repository(ctx, repository.Href); !fault.Is(err, fault.NotFound) {
		c.Errorf("after deletion: %v", err)
	}
}

func clientMirror(c *check) {
	p, ctx := c.client(), c.Context()
	up := c.tree("deb", "deb")
	r := c.repository(c.primary, "deb", "r", up.URL(c.upURL))
	t := c.finished(p, must[pulp.Href](c)(p.Sync(ctx, pulp.Href(r.href), pulp.Fields{"mirror": true})))
	version, made := t.CreatedVersion()
	c.equal("version", []any{made, version}, []any{true, pulp.Href(r.href + "versions/1/")})
	repository, number, isVersion := version.VersionNumber()
	c.equal("number", []any{repository, number, isVersion}, []any{pulp.Href(r.href), 1, true})
	v := must[pulp.RepositoryVersion](c)(p.Version(ctx, version))
	c.equal("present", v.Present, content["deb"])
	t = c.finished(p, must[pulp.Href](c)(p.Sync(ctx, pulp.Href(r.href), pulp.Fields{"mirror": true})))
	if _, made = t.CreatedVersion(); made {
		c.Errorf("an unchanged sync made %v", t.CreatedResources)
	}
	t = c.finished(p, must[pulp.Href](c)(p.CreatePublication(ctx, "deb/verbatim", pulp.Fields{"repository": r.href})))
	publication, made := t.CreatedPublication()
	if !made {
		c.Fatalf("publishing made %v", t.CreatedResources)
	}
	r.distribute(obj{"publication": string(publication)})
	code, data := c.primary.file(r.name + "/dists/stable/InRelease")
	if code != 200 || string(data) != string(up.File("dists/stable/InRelease")) {
		c.Errorf("served: %d, %d bytes", code, len(data))
	}
	units := must[[]pulp.Fields](c)(p.Content(ctx, "deb/packages", url.Values{"repository_version": {string(version)}, "package": {"alpha"}}))
	c.equal("packages", len(units), 1)
	t = c.finished(p, must[pulp.Href](c)(p.Modify(ctx, pulp.Href(r.href), pulp.Fields{"remove_content_units": []any{units[0]["pulp_href"]}})))
	if _, made = t.CreatedVersion(); !made {
		c.Errorf("removing made %v", t.CreatedResources)
	}
	services := must[[]pulp.SigningService](c)(p.SigningServices(ctx, c.env.SigningService))
	if len(services) != 1 || services[0].PublicKey == "" {
		c.Errorf("signing services: %+v", services)
	}
}

func clientLists(c *check) {
	p, ctx := c.client(), c.Context()
	var names []string
	for i := range 7 {
		o := c.primary.create("repositories/file/file/", obj{"name": fmt.Sprintf("%slist%d", c.prefix, i)})
		names = append(names, text(o["name"]))
	}
	q := func() url.Values { return url.Values{"name__startswith": {c.prefix + "list"}, "limit": {"2"}} }
	c.equal("paged", len(must[[]pulp.Fields](c)(p.List(ctx, "repositories/file/file/", q()))), 7)
	c.equal("counted", must[int](c)(p.Count(ctx, "repositories/file/file/", q())), 7)
	for range 200 {
		names = append(names, c.prefix+"a-long-name-that-is-nowhere-to-be-found-on-any-server")
	}
	c.equal("in chunks", len(must[[]pulp.Fields](c)(p.ListIn(ctx, "repositories/file/file/", "name__in", names, url.Values{"fields": {"name"}}))), 7)
}

func clientTasks(c *check) {
	p, ctx := c.client(), c.Context()
	r, running, _ := c.hanging("r")
	id := pulp.NewCorrelation()
	waiting := must[pulp.Href](c)(p.Sync(pulp.WithCorrelation(ctx, id), pulp.Href(r.href), pulp.Fields{}))
	found := must[[]pulp.Task](c)(p.TasksByCorrelation(ctx, id))
	if len(found) != 1 || found[0].Href != waiting || found[0].Correlation != id || found[0].State != "waiting" || !found[0].Unblocked.IsZero() {
		c.Errorf("by correlation: %+v", found)
	}
	unknown := pulp.Href(root + "tasks/01a2095c-15d9-7b73-a7c7-26cece8736b8/")
	many := must[map[pulp.Href]pulp.Task](c)(p.Tasks(ctx, []pulp.Href{waiting, pulp.Href(running), unknown}))
	c.equal("bulk", []any{len(many), many[pulp.Href(running)].State, many[waiting].State}, []any{2, pulp.TaskState("running"), pulp.TaskState("waiting")})
	for _, t := range []pulp.Href{waiting, pulp.Href(running)} {
		must[pulp.Task](c)(p.CancelTask(ctx, t))
	}
	for _, t := range []pulp.Href{pulp.Href(running), waiting} {
		c.equal("state", c.finished(p, t).State, pulp.TaskState("canceled"))
	}
	nudge := must[pulp.Href](c)(p.Nudge(ctx))
	c.equal("nudge", c.finished(p, nudge).State, pulp.TaskState("completed"))
	t := must[pulp.Task](c)(p.CancelTask(ctx, nudge))
	c.equal("cancelling what is final", t.State, pulp.TaskState("completed"))
	gone := c.repository(c.primary, "file", "gone", c.upURL+"/nosuch/PULP_MANIFEST", once)
	t = c.finished(p, must[pulp.Href](c)(p.Sync(ctx, pulp.Href(gone.href), pulp.Fields{})))
	c.equal("reason", []any{t.State, t.Reason}, []any{
		pulp.TaskState("failed"), "404, message='Not Found', url='" + c.upURL + "/nosuch/PULP_MANIFEST'",
	})
}

func clientVersions(c *check) {
	p, ctx := c.client(), c.Context()
	up := c.tree("file", "f")
	var hrefs []pulp.Href
	for i := range 3 {
		r := c.repository(c.primary, "file", fmt.Sprint(i), up.URL(c.upURL))
		r.sync(nil)
		hrefs = append(hrefs, pulp.Href(r.href+"versions/0/"), pulp.Href(r.href+"versions/1/"))
	}
	got := must[map[pulp.Href]pulp.RepositoryVersion](c)(p.Versions(ctx, append(hrefs, hrefs[0]+"x")))
	c.equal("versions", len(got), 6)
	for _, h := range hrefs {
		_, n, _ := h.VersionNumber()
		c.equal(string(h), []any{got[h].Number, got[h].Present["file.file"]}, []any{n, 3 * n})
	}
}

func clientErrors(c *check) {
	p, ctx := c.client(), c.Context()
	name := c.prefix + "twice"
	c.primary.create("repositories/file/file/", obj{"name": name})
	_, err := p.CreateRepository(ctx, "file/file", pulp.Fields{"name": name})
	if !fault.Is(err, fault.Invalid) || !pulp.IsNotUnique(err, "name") || !pulp.NotSent(err) {
		c.Errorf("not unique: %v", err)
	}
	_, err = p.CreateRepository(ctx, "file/file", pulp.Fields{"name": name + "2", "bogus": 1})
	if !fault.Is(err, fault.Invalid) || pulp.IsNotUnique(err, "name") {
		c.Errorf("unexpected field: %v", err)
	}
	_, err = p.Repositories(ctx, "file/file", url.Values{"bogus": {"1"}})
	if !fault.Is(err, fault.Invalid) {
		c.Errorf("unknown filter: %v", err)
	}
	_, err = p.Task(ctx, pulp.Href(root+"tasks/01a2095c-15d9-7b73-a7c7-26cece8736b8/"))
	if !fault.Is(err, fault.NotFound) {
		c.Errorf("unknown task: %v", err)
	}
	wrong := c.client(func(cfg *pulp.Config) {
		cfg.Password = func(context.Context) (string, error) { return "wrong", nil }
	})
	if _, err = wrong.Repositories(ctx, "file/file", nil); !fault.Is(err, fault.Unauthenticated) {
		c.Errorf("wrong password: %v", err)
	}
	nobody := c.client(func(cfg *pulp.Config) { cfg.Base, cfg.MaxRetries = "http://127.0.0.1:1", -1 })
	if _, err = nobody.Status(ctx); !fault.Is(err, fault.Unavailable) || !pulp.NotSent(err) {
		c.Errorf("nobody there: %v", err)
	}
}

func clientClose(c *check) {
	p, ctx := c.client(), c.Context()
	must[int](c)(p.Count(ctx, "repositories/", nil))
	if err := p.Close(ctx); err != nil {
		c.Errorf("close: %v", err)
	}
}
