// SPDX-License-Identifier: Apache-2.0

package pulp

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pulp/pulp-manager/internal/fault"
)

const (
	anyTask = `{"task":"/pulp/api/v3/tasks/01a20969-8a68-76d7-a914-3e22f2511399/"}`
	task    = Href("/pulp/api/v3/tasks/01a20969-8a68-76d7-a914-3e22f2511399/")
)

func TestObjectsAreUnderstood(t *testing.T) {
	bodies := map[string]string{
		"/repo/": `{"pulp_href":"/repo/","name":"r","description":null,"remote":"/rem/","latest_version_href":"/repo/versions/2/",
			"versions_href":"/repo/versions/","pulp_labels":{"a":"b","empty":null},"autopublish":true}`,
		"/rem/": `{"pulp_href":"/rem/","name":"m","url":"http://u/","pulp_labels":{},
			"hidden_fields":[{"name":"password","is_set":true},{"name":"client_key","is_set":false}]}`,
		"/old/":  `{"pulp_href":"/old/","name":"m","url":"http://u/"}`,
		"/dist/": `{"pulp_href":"/dist/","name":"d","base_path":"a/b","base_url":"http://c/a/b/","repository":null,"publication":"/pub/","repository_version":null}`,
		"/pub/":  `{"pulp_href":"/pub/","repository":"/repo/","repository_version":"/repo/versions/2/","pulp_created":"2026-11-23T17:17:19.885156Z"}`,
		"/repo/versions/2/": `{"pulp_href":"/repo/versions/2/","number":2,"pulp_created":"2026-11-23T18:17:19+01:00",
			"content_summary":{"added":{"deb.package":{"count":1,"href":"/c/"}},"removed":{},"present":{"deb.package":{"count":3,"href":"/c/"}}}}`,
	}
	c, _ := newWire(t, func(w http.ResponseWriter, r *http.Request) { reply(w, 200, bodies[r.URL.Path]) })
	ctx := t.Context()
	check := func(got any, err error, want any) {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(Object{})); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	whole := func(href Href) Object {
		var f Fields
		if err := json.Unmarshal([]byte(bodies[string(href)]), &f); err != nil {
			t.Fatal(err)
		}
		delete(f, "hidden_fields") // it is in Hidden
		return Keep(f)
	}

	repository, err := c.Repository(ctx, "/repo/")
	check(repository, err, Repository{
		Href: "/repo/", Name: "r", Remote: "/rem/", LatestVersion: "/repo/versions/2/", VersionsHref: "/repo/versions/",
		Labels: map[string]string{"a": "b", "empty": ""}, Object: whole("/repo/"),
	})
	remote, err := c.Remote(ctx, "/rem/")
	check(remote, err, Remote{
		Href: "/rem/", Name: "m", URL: "http://u/", Labels: map[string]string{},
		Hidden: map[string]bool{"password": true, "client_key": false}, Object: whole("/rem/"),
	})
	old, err := c.Remote(ctx, "/old/")
	check(old.Hidden == nil, err, true)
	distribution, err := c.Distribution(ctx, "/dist/")
	check(distribution, err, Distribution{
		Href: "/dist/", Name: "d", BasePath: "a/b", BaseURL: "http://c/a/b/", Publication: "/pub/",
		Labels: map[string]string{}, Object: whole("/dist/"),
	})
	publication, err := c.Publication(ctx, "/pub/")
	check(publication, err, Publication{
		Href: "/pub/", Repository: "/repo/", RepositoryVersion: "/repo/versions/2/",
		Created: time.Date(2026, 11, 23, 17, 17, 19, 885156000, time.UTC), Fields: whole("/pub/").Fields(),
	})
	version, err := c.Version(ctx, "/repo/versions/2/")
	check(version, err, RepositoryVersion{
		Href: "/repo/versions/2/", Repository: "/repo/", Number: 2,
		Present: map[string]int{"deb.package": 3}, Added: map[string]int{"deb.package": 1}, Removed: map[string]int{},
		Created: time.Date(2026, 11, 23, 17, 17, 19, 0, time.UTC),
	})
}

func TestListsOfObjects(t *testing.T) {
	c, w := newWire(t, listOf([]Fields{{"pulp_href": "/x/", "name": "x", "public_key": "KEY", "pubkey_fingerprint": "F"}}))
	ctx, q := t.Context(), url.Values{"name": {"x"}}
	tests := map[string]func() (Href, error){
		"repositories/deb/apt/": func() (Href, error) { l, err := c.Repositories(ctx, "deb/apt", q); return l[0].Href, err },
		"repositories/":         func() (Href, error) { l, err := c.Repositories(ctx, "", q); return l[0].Href, err },
		"remotes/rpm/rpm/":      func() (Href, error) { l, err := c.Remotes(ctx, "rpm/rpm", q); return l[0].Href, err },
		"distributions/python/pypi/": func() (Href, error) {
			l, err := c.Distributions(ctx, "python/pypi", q)
			return l[0].Href, err
		},
		"publications/deb/verbatim/": func() (Href, error) {
			l, err := c.Publications(ctx, "deb/verbatim", q)
			return l[0].Href, err
		},
		"content/deb/release_files/": func() (Href, error) {
			l, err := c.Content(ctx, "deb/release_files", q)
			return l[0].Href(), err
		},
		"signing-services/": func() (Href, error) {
			l, err := c.SigningServices(ctx, "x")
			if want := (SigningService{Href: "/x/", Name: "x", PublicKey: "KEY", Fingerprint: "F"}); l[0] != want {
				t.Errorf("%+v", l[0])
			}
			return l[0].Href, err
		},
	}
	for path, list := range tests {
		href, err := list()
		if err != nil || href != "/x/" {
			t.Errorf("%s: %s, %v", path, href, err)
		}
		if calls := w.seen("GET", apiRoot+path); len(calls) != 1 || calls[0].Query.Get("name") != "x" {
			t.Errorf("%s was not asked as it should be", path)
		}
	}
	if _, err := c.SigningServices(ctx, ""); err != nil || w.seen("", "")[len(tests)].Query.Has("name") {
		t.Error("all signing services: asked for a name")
	}
}

func TestChangesAreSent(t *testing.T) {
	ctx, body := context.Background(), Fields{"name": "x", "url": "a+b"}
	tests := []struct {
		name, method, path, body string
		status                   int
		answer                   string
		do                       func(*Client) (Href, error)
	}{
		{"create repository", "POST", apiRoot + "repositories/deb/apt/", `{"name":"x","url":"a+b"}`, 201, `{"pulp_href":"/n/"}`, func(c *Client) (Href, error) {
			o, err := c.CreateRepository(ctx, "deb/apt", body)
			return o.Href, err
		}},
		{"create remote", "POST", apiRoot + "remotes/deb/apt/", `{"name":"x","url":"a+b"}`, 201, `{"pulp_href":"/n/"}`, func(c *Client) (Href, error) {
			o, err := c.CreateRemote(ctx, "deb/apt", body)
			return o.Href, err
		}},
		{"create distribution", "POST", apiRoot + "distributions/deb/apt/", `{"name":"x","url":"a+b"}`, 202, anyTask, func(c *Client) (Href, error) {
			return c.CreateDistribution(ctx, "deb/apt", body)
		}},
		{"create publication", "POST", apiRoot + "publications/deb/verbatim/", `{"repository":"/r/"}`, 202, anyTask, func(c *Client) (Href, error) {
			return c.CreatePublication(ctx, "deb/verbatim", Fields{"repository": Href("/r/")})
		}},
		{"sync", "POST", "/r/sync/", `{}`, 202, anyTask, func(c *Client) (Href, error) { return c.Sync(ctx, "/r/", nil) }},
		{"modify", "POST", "/r/modify/", `{"base_version":"/r/versions/1/"}`, 202, anyTask, func(c *Client) (Href, error) {
			return c.Modify(ctx, "/r/", Fields{"base_version": "/r/versions/1/"})
		}},
		{"copy", "POST", apiRoot + "deb/copy/", `{"config":[]}`, 202, anyTask, func(c *Client) (Href, error) {
			return c.Copy(ctx, "deb", Fields{"config": []any{}})
		}},
		{"nudge", "POST", apiRoot + "tasks/purge/", `{"finished_before":"1970-01-01T00:00:00Z","states":["completed"]}`, 202, anyTask, func(c *Client) (Href, error) {
			return c.Nudge(ctx)
		}},
		{"delete repository", "DELETE", "/r/", "", 202, anyTask, func(c *Client) (Href, error) { return c.DeleteRepository(ctx, "/r/") }},
		{"delete remote", "DELETE", "/r/", "", 202, anyTask, func(c *Client) (Href, error) { return c.DeleteRemote(ctx, "/r/") }},
		{"delete distribution", "DELETE", "/r/", "", 202, anyTask, func(c *Client) (Href, error) { return c.DeleteDistribution(ctx, "/r/") }},
		{"delete version", "DELETE", "/r/versions/1/", "", 202, anyTask, func(c *Client) (Href, error) { return c.DeleteVersion(ctx, "/r/versions/1/") }},
		{"delete at once", "DELETE", "/r/", "", 204, "", func(c *Client) (Href, error) { return c.DeleteRemote(ctx, "/r/") }},
		{"delete publication", "DELETE", "/r/", "", 204, "", func(c *Client) (Href, error) { return "", c.DeletePublication(ctx, "/r/") }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, w := newWire(t, replyWith(tt.status, tt.answer))
			got, err := tt.do(c)
			want := map[int]Href{201: "/n/", 202: task, 204: ""}[tt.status]
			if err != nil || got != want {
				t.Errorf("%q, %v", got, err)
			}
			calls := w.seen("", "")
			if len(calls) != 1 || calls[0].Method != tt.method || calls[0].Path != tt.path || calls[0].Body != tt.body {
				t.Errorf("sent %+v", calls)
			}
		})
	}
}

func TestUpdateIsDoneOrATask(t *testing.T) {
	updates := map[string]func(*Client, Fields) (Change, error){
		"repository":   func(c *Client, f Fields) (Change, error) { return c.UpdateRepository(t.Context(), "/x/", f) },
		"remote":       func(c *Client, f Fields) (Change, error) { return c.UpdateRemote(t.Context(), "/x/", f) },
		"distribution": func(c *Client, f Fields) (Change, error) { return c.UpdateDistribution(t.Context(), "/x/", f) },
	}
	for name, update := range updates {
		c, w := newWire(t, replyWith(200, `{"name":"x"}`))
		got, err := update(c, Fields{"repository": nil})
		if diff := cmp.Diff(Change{Fields: Fields{"name": "x"}}, got); err != nil || diff != "" {
			t.Errorf("%s answered 200: %v %s", name, err, diff)
		}
		if sent := w.seen("PATCH", "/x/"); len(sent) != 1 || sent[0].Body != `{"repository":null}` {
			t.Errorf("%s: sent %+v", name, sent)
		}
		c, _ = newWire(t, replyWith(202, anyTask))
		got, err = update(c, nil)
		if diff := cmp.Diff(Change{Task: task}, got); err != nil || diff != "" {
			t.Errorf("%s answered 202: %v %s", name, err, diff)
		}
	}
}

func TestErrorsNameTheObject(t *testing.T) {
	c, _ := newWire(t, replyWith(400, `{"name":["This field must be unique."]}`))
	_, err := c.CreateDistribution(t.Context(), "deb/apt", Fields{"name": "ext-x"})
	if want := `Pulp server alpha: create deb/apt distribution "ext-x": name: This field must be unique.`; fault.Message(err) != want {
		t.Errorf("%q", fault.Message(err))
	}
}

func TestVersionsInBulk(t *testing.T) {
	// 30 versions in a list of 2000 that the first page does not show whole.
	var objects []Fields
	for i := range 2000 {
		href := Href(apiRoot + "repositories/file/file/r" + string(rune('a'+i%26)) + "/versions/" + jsonNumber(i) + "/")
		objects = append(objects, Fields{"pulp_href": string(href), "number": i, "content_summary": map[string]any{}})
	}
	c, w := newWire(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == apiRoot+"repository_versions/" {
			listOf(objects)(w, r)
			return
		}
		_, number, ok := Href(r.URL.Path).VersionNumber()
		if !ok || number >= len(objects) {
			reply(w, 404, `{"detail":"No RepositoryVersion matches the given query."}`)
			return
		}
		raw, _ := json.Marshal(objects[number])
		reply(w, 200, string(raw))
	})
	var asked []Href
	for i := range 30 {
		asked = append(asked, objects[i*66].Href())
	}
	asked = append(asked, "/gone/versions/5000/", asked[0])
	got, err := c.Versions(t.Context(), asked)
	if err != nil || len(got) != 30 {
		t.Fatalf("%d versions, want 30: %v", len(got), err)
	}
	for href, v := range got {
		if _, number, _ := href.VersionNumber(); v.Number != number || v.Href != href {
			t.Errorf("%s is %+v", href, v)
		}
	}
	if n := len(w.seen("", "")); n > 4 {
		t.Errorf("%d requests for 31 versions", n)
	}

	before := len(w.seen("", ""))
	few, err := c.Versions(t.Context(), asked[:2])
	if err != nil || len(few) != 2 || len(w.seen("", ""))-before != 2 {
		t.Errorf("two versions: %d with %d requests, %v", len(few), len(w.seen("", ""))-before, err)
	}
	if none, err := c.Versions(t.Context(), nil); err != nil || len(none) != 0 || len(w.seen("", "")) != before+2 {
		t.Errorf("no versions: %v, %v", none, err)
	}
}

func TestVersionsFailsWhenOneCannotBeRead(t *testing.T) {
	c, _ := newWire(t, replyWith(403, `{"detail":"no"}`))
	if got, err := c.Versions(t.Context(), []Href{"/r/versions/1/"}); !fault.Is(err, fault.Forbidden) || got != nil {
		t.Errorf("%v, %v", got, err)
	}
}

func jsonNumber(i int) string {
	raw, _ := json.Marshal(i)
	return string(raw)
}
