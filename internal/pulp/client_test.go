// SPDX-License-Identifier: Apache-2.0

package pulp

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pulp/pulp-manager/internal/fault"
)

func TestNewRefusesWhatCannotWork(t *testing.T) {
	password := func(context.Context) (string, error) { return "", nil }
	tests := map[string]Config{
		"no address":            {},
		"no scheme":             {Base: "pulp.example:8000"},
		"other scheme":          {Base: "ftp://pulp.example"},
		"path":                  {Base: "https://pulp.example/pulp/"},
		"query":                 {Base: "https://pulp.example?a=b"},
		"login in the address":  {Base: "https://admin:hunter2@pulp.example"},
		"unreadable":            {Base: "https://admin:hunter2@pulp.example:port"},
		"user without password": {Base: "https://pulp.example", Username: "admin"},
		"CA that is none":       {Base: "https://pulp.example", Username: "a", Password: password, CA: []byte("x")},
	}
	for name, cfg := range tests {
		_, err := New(cfg)
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: shows the password", name)
		}
	}
}

func TestNames(t *testing.T) {
	c, err := New(Config{Base: "https://pulp.example:8443/"})
	if err != nil {
		t.Fatal(err)
	}
	if c.Name() != "pulp.example:8443" || c.Base() != "https://pulp.example:8443" {
		t.Errorf("name %q, base %q", c.Name(), c.Base())
	}
	if err := c.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAPIRootAndDomain(t *testing.T) {
	tests := []struct{ root, domain, want string }{
		{"", "", "/pulp/api/v3/tasks/"},
		{"/pulp/", "", "/pulp/api/v3/tasks/"},
		{"other", "", "/other/api/v3/tasks/"},
		{"/a/b/", "", "/a/b/api/v3/tasks/"},
		{"", "default", "/pulp/default/api/v3/tasks/"},
		{"/x", "dom-1", "/x/dom-1/api/v3/tasks/"},
	}
	for _, tt := range tests {
		c, w := newWire(t, listOf(nil), func(cfg *Config) { cfg.APIRoot, cfg.Domain = tt.root, tt.domain })
		if _, err := c.List(t.Context(), "tasks/", nil); err != nil {
			t.Fatal(err)
		}
		if got := w.seen("", "")[0].Path; got != tt.want {
			t.Errorf("root %q, domain %q: %s, want %s", tt.root, tt.domain, got, tt.want)
		}
	}
}

func TestLoginIsInTheDomain(t *testing.T) {
	c, w := newWire(t, replyWith(404, ""), withLogin(fixed("p")), func(cfg *Config) { cfg.Domain = "dom" })
	_, err := c.Object(t.Context(), "/pulp/dom/api/v3/x/")
	if !fault.Is(err, fault.NotFound) || len(w.seen("POST", "/pulp/dom/api/v3/login/")) != 1 {
		t.Errorf("%v", err)
	}
}

func TestHrefsGoToTheConfiguredAddress(t *testing.T) {
	for href, want := range map[Href]string{
		"/pulp/api/v3/tasks/1/":                     "/pulp/api/v3/tasks/1/",
		"/rewritten/dom/api/v3/tasks/1/":            "/rewritten/dom/api/v3/tasks/1/",
		"http://evil.example/pulp/api/v3/tasks/1/":  "/pulp/api/v3/tasks/1/",
		"//evil.example/pulp/api/v3/tasks/1/":       "/pulp/api/v3/tasks/1/",
		"https://pulp.example:1/pulp/api/v3/x%20y/": "/pulp/api/v3/x y/",
	} {
		c, w := newWire(t, replyWith(200, "{}"))
		w.host = "pulp.example"
		if _, err := c.Object(t.Context(), href); err != nil {
			t.Fatal(err)
		}
		if got := w.seen("", "")[0].Path; got != want {
			t.Errorf("%s: asked %s", href, got)
		}
	}
	for _, href := range []Href{"", "x", "prn:core.task:1", "/a/../b/", "/a/..", "/a/?q=1", "/a/#f", "/%zz/", "mailto:x"} {
		c, w := newWire(t, replyWith(200, "{}"))
		_, err := c.Object(t.Context(), href)
		if !fault.Is(err, fault.Invalid) || !NotSent(err) || len(w.seen("", "")) != 0 {
			t.Errorf("%q: %v", href, err)
		}
	}
}

func TestHrefParts(t *testing.T) {
	const id = "01a20969-8a68-76d7-a914-3e22f2511399"
	for href, want := range map[Href]string{
		"/pulp/api/v3/tasks/" + id + "/":            id,
		"/x/dom/api/v3/tasks/" + id:                 id,
		"/repositories/a/b/" + id + "/versions/3/":  id,
		"/pulp/api/v3/tasks/":                       "",
		"/a/0123456789012345678901234567890123456/": "",
		"": "",
	} {
		if got := href.ID(); got != want {
			t.Errorf("%q.ID() = %q", href, got)
		}
	}
	type parts struct {
		Repository Href
		Number     int
		OK         bool
	}
	for href, want := range map[Href]parts{
		"/r/1/versions/12/":          {"/r/1/", 12, true},
		"/r/1/versions/0/":           {"/r/1/", 0, true},
		"/versions/x/versions/3/":    {"/versions/x/", 3, true},
		"/r/1/versions/":             {},
		"/r/1/versions/-1/":          {},
		"/r/1/versions/3/repair/":    {},
		"/publications/deb/apt/1/":   {},
		"/r/1/repository_versions/3": {},
	} {
		repository, number, ok := href.VersionNumber()
		if diff := cmp.Diff(want, parts{repository, number, ok}); diff != "" {
			t.Errorf("%q: %s", href, diff)
		}
	}
}
