// SPDX-License-Identifier: Apache-2.0

package web

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/auth"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// door is Access with alice, who is admin, and bob, who is reader. Their token is their name.
type door struct {
	policy  auth.Policy
	err     error
	revoked []string
}

func (d *door) Policy() auth.Policy { return d.policy }

func (d *door) Login(_ context.Context, a auth.Attempt) (auth.Session, error) {
	switch {
	case d.err != nil:
		return auth.Session{}, d.err
	case a.Password.Reveal() != "right":
		return auth.Session{}, fault.New(fault.Unauthenticated, "name or password are wrong")
	}
	who, err := d.Principal(context.Background(), a.User)
	return auth.Session{Token: fleet.NewSecret(a.User), Principal: who}, err
}

func (d *door) Principal(_ context.Context, token string) (fleet.Principal, error) {
	p := fleet.Principal{User: token, TokenID: "id of " + token, Expires: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)}
	switch token {
	case "":
		return d.policy.Anonymous(), nil
	case "alice":
		p.Role = fleet.RoleAdmin
		return p, nil
	case "bob":
		p.Role = fleet.RoleReader
		return p, nil
	}
	return fleet.Principal{}, fault.New(fault.Unauthenticated, "the login is over")
}

func (d *door) Logout(_ context.Context, p fleet.Principal) error {
	d.revoked = append(d.revoked, p.TokenID)
	return d.err
}

// diary is an audit log in memory.
type diary struct {
	entries []fleet.AuditEntry
	err     error
}

func (d *diary) Record(_ context.Context, e fleet.AuditEntry) error {
	d.entries = append(d.entries, e)
	return d.err
}

func (d *diary) FindAudit(context.Context, fleet.Query) (fleet.Page[fleet.AuditEntry], error) {
	return fleet.Page[fleet.AuditEntry]{}, errors.New("nobody asks for it")
}

// ask sends a request; user is who is logged in, form what is posted.
func ask(t *testing.T, h http.Handler, method, target, user string, form url.Values) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(form.Encode()))
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if user != "" {
		r.AddCookie(&http.Cookie{Name: "pulp_manager_session", Value: user})
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func credentials(user, password, next string) url.Values {
	return url.Values{"username": {user}, "password": {password}, "next": {next}}
}

func TestLoginPage(t *testing.T) {
	d := &diary{}
	h := New(Options{Access: &door{}, Audit: d})
	got := ask(t, h, http.MethodGet, "/login?next=/jobs/%3Fstate%3Drunning", "", nil)
	if got.Code != 200 || !strings.Contains(got.Body.String(), `name="next" value="/jobs/?state=running"`) {
		t.Errorf("form: answered %d %s", got.Code, got.Body)
	}

	got = ask(t, h, http.MethodPost, "/login", "", credentials("alice", "right", "/jobs/?state=running"))
	if got.Code != http.StatusSeeOther || got.Header().Get("Location") != "/jobs/?state=running" || !strings.HasPrefix(got.Header().Get("Set-Cookie"), "pulp_manager_session=alice; Path=/;") {
		t.Errorf("login: answered %d %v", got.Code, got.Header())
	}
	got = ask(t, h, http.MethodPost, "/login", "", credentials(`<b>"bob`, "wrong", "/jobs/"))
	if body := got.Body.String(); got.Code != 401 || !strings.Contains(body, "name or password are wrong") || !strings.Contains(body, `value="&lt;b&gt;&#34;bob"`) ||
		!strings.Contains(body, `value="/jobs/"`) || got.Header().Get("Set-Cookie") != "" {
		t.Errorf("wrong password: answered %d %s", got.Code, body)
	}
	want := []fleet.AuditEntry{
		{User: "alice", Role: "admin", Address: "192.0.2.1", Action: "login", Method: "POST", Path: "/login", Status: 303},
		{Address: "192.0.2.1", Action: "login", Method: "POST", Path: "/login", Status: 401, Detail: `{"username":"\u003cb\u003e\"bob"} refused: name or password are wrong`},
	}
	if diff := cmp.Diff(want, d.entries); diff != "" {
		t.Errorf("audit log (-want +got):\n%s", diff)
	}

	if got := ask(t, h, http.MethodGet, "/login?next=/docs", "bob", nil); got.Code != http.StatusSeeOther || got.Header().Get("Location") != "/docs" {
		t.Errorf("logged in already: answered %d to %q", got.Code, got.Header().Get("Location"))
	}
	if got := ask(t, h, http.MethodGet, "/login", "eve", nil); got.Code != 200 {
		t.Errorf("with a login that is over: answered %d", got.Code)
	}
}

func TestLoginThatFailsSaysWhy(t *testing.T) {
	for _, test := range []struct {
		err    error
		form   url.Values
		status int
		text   string
		retry  string
	}{
		{fault.Wrap(fault.TooMany, &auth.TooManyError{After: 1500 * time.Millisecond}, "too many failed logins: wait 2 s"), credentials("alice", "right", ""), 429, "too many failed logins: wait 2 s", "2"},
		{fault.New(fault.Unavailable, "no LDAP server answers"), credentials("alice", "right", ""), 503, "no LDAP server answers", ""},
		{fault.New(fault.Forbidden, "alice is in no group"), credentials("alice", "right", ""), 403, "alice is in no group", ""},
		{errors.New("SELECT secret"), credentials("alice", "right", ""), 500, "Something went wrong", ""},
		{nil, credentials("alice", "", ""), 422, "Give a name and a password.", ""}, // D49
		{nil, credentials("", "right", ""), 422, "Give a name and a password.", ""},
		{nil, credentials(strings.Repeat("a", 2000), "right", ""), 422, "Give a name and a password.", ""},
		{nil, credentials(strings.Repeat("a", 20000), "right", ""), 422, "could not be read", ""},
	} {
		d := &diary{}
		got := ask(t, New(Options{Access: &door{err: test.err}, Audit: d}), http.MethodPost, "/login", "", test.form)
		if body := got.Body.String(); got.Code != test.status || !strings.Contains(body, test.text) || strings.Contains(body, "SELECT") || got.Header().Get("Retry-After") != test.retry {
			t.Errorf("%v: answered %d %v %s", test.err, got.Code, got.Header(), body)
		}
	}
}

func TestManyLoginsFillNoLog(t *testing.T) {
	d := &diary{err: errors.New("disk full")} // which hides no answer
	h := New(Options{Access: &door{err: fault.New(fault.TooMany, "too many")}, Audit: d})
	for range 5 {
		if got := ask(t, h, http.MethodPost, "/login", "", credentials("alice", "x", "")); got.Code != 429 {
			t.Errorf("answered %d", got.Code)
		}
	}
	if len(d.entries) != 1 {
		t.Errorf("%d entries", len(d.entries))
	}
}

func TestLogoutPage(t *testing.T) {
	d, a := &door{}, &diary{}
	h := New(Options{Access: d, Audit: a})
	for _, user := range []string{"bob", "eve", ""} {
		got := ask(t, h, http.MethodPost, "/logout", user, nil)
		if cookie := got.Header().Get("Set-Cookie"); got.Code != http.StatusSeeOther || got.Header().Get("Location") != "/login" || !strings.Contains(cookie, "pulp_manager_session=;") || !strings.Contains(cookie, "Max-Age=0") {
			t.Errorf("%q: answered %d %v", user, got.Code, got.Header())
		}
	}
	if len(a.entries) != 1 || a.entries[0].User != "bob" || !cmp.Equal(d.revoked, []string{"id of bob"}) {
		t.Errorf("ended %q, recorded %+v", d.revoked, a.entries)
	}
	d.err = fault.New(fault.Unavailable, "the database cannot be reached")
	if got := ask(t, h, http.MethodPost, "/logout", "bob", nil); got.Code != 503 || got.Header().Get("Set-Cookie") != "" {
		t.Errorf("not ended: answered %d", got.Code)
	}
	if got := ask(t, h, http.MethodGet, "/logout", "bob", nil); got.Code != http.StatusMethodNotAllowed {
		t.Errorf("by a link: answered %d", got.Code)
	}
}

func TestFormsOfOtherSites(t *testing.T) {
	h := New(Options{Access: &door{}})
	for _, target := range []string{"/login", "/logout"} {
		r := httptest.NewRequest(http.MethodPost, target, strings.NewReader(credentials("alice", "right", "").Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusForbidden || w.Header().Get("Set-Cookie") != "" {
			t.Errorf("%s: answered %d", target, w.Code)
		}
	}
}

func TestOnlyPathsOfOursAreGoneOnTo(t *testing.T) {
	for next, want := range map[string]string{
		"/jobs/": "/jobs/", "/docs?a=b#c": "/docs?a=b#c", "/jobs/jobs?x=//y": "/jobs/jobs?x=//y",
		"": "/", "jobs": "/", "//evil.example": "/", "/\\evil.example": "/", "\\\\evil.example": "/", "https://evil.example/": "/", "javascript:alert(1)": "/",
		"/\t/evil.example": "/", " //evil.example": "/", "/login": "/", "/login?next=/": "/", "/%zz": "/", "/a\r\nSet-Cookie: x": "/", "///evil.example": "/", "/%2f/evil.example": "/",
	} {
		if got := local(next); got != want {
			t.Errorf("%q leads to %q, want %q", next, got, want)
		}
	}
}

func TestJobsAreBehindALock(t *testing.T) {
	engine := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("the engine's page")) })
	for _, test := range []struct {
		name, method, target, user string
		policy                     auth.Policy
		status                     int
		has                        string
	}{
		{"nobody", "GET", "/jobs/?a=b", "", auth.Policy{}, 303, "/login?next=%2Fjobs%2F%3Fa%3Db"},
		{"nobody, where reads are public", "GET", "/jobs/", "", auth.Policy{PublicReads: true}, 303, "/login"},
		{"a login that is over", "GET", "/jobs/", "eve", auth.Policy{}, 303, "/login"},
		{"nobody's script", "GET", "/jobs/api/jobs", "", auth.Policy{}, 401, `"detail":"this needs a login"`},
		{"nobody changes", "POST", "/jobs/api/jobs/cancel", "", auth.Policy{}, 401, `"detail":"this needs a login"`},
		{"reader", "GET", "/jobs/", "bob", auth.Policy{}, 403, "This is for admins, and bob is reader."},
		{"reader's script", "GET", "/jobs/api/jobs", "bob", auth.Policy{}, 403, `"detail":"This is for admins, and bob is reader."`},
		{"reader changes", "POST", "/jobs/api/jobs/cancel", "bob", auth.Policy{}, 403, "admins"},
		{"admin", "GET", "/jobs/", "alice", auth.Policy{}, 200, "the engine's page"},
		{"admin's script", "GET", "/jobs/api/jobs", "alice", auth.Policy{}, 200, "the engine's page"},
		{"admin changes", "POST", "/jobs/api/jobs/cancel", "alice", auth.Policy{}, 405, "PATCH /v1/tasks/{id}"},
		{"admin pauses", "PUT", "/jobs/api/queues/default/pause", "alice", auth.Policy{}, 405, "PATCH /v1/tasks/{id}"},
		{"open", "GET", "/jobs/", "", auth.Policy{Open: true}, 200, "the engine's page"},
		{"open, changes", "DELETE", "/jobs/api/jobs", "", auth.Policy{Open: true}, 405, "PATCH /v1/tasks/{id}"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := ask(t, New(Options{Access: &door{policy: test.policy}, Jobs: engine}), test.method, test.target, test.user, nil)
			if text := got.Body.String() + got.Header().Get("Location"); got.Code != test.status || !strings.Contains(text, test.has) {
				t.Errorf("answered %d %q, want %d with %q", got.Code, text, test.status, test.has)
			}
			if policy := got.Header().Get("Content-Security-Policy"); got.Code == 200 && !strings.Contains(policy, "script-src 'self';") {
				t.Errorf("policy %q", policy)
			}
		})
	}
	if got := ask(t, New(Options{Access: &door{}}), http.MethodGet, "/jobs/", "alice", nil); got.Code != 404 {
		t.Errorf("without an engine: answered %d", got.Code)
	}
}

func TestFirstPage(t *testing.T) {
	jobs := http.NotFoundHandler()
	for _, test := range []struct {
		user   string
		policy auth.Policy
		has    []string
		hasNot []string
	}{
		{"", auth.Policy{}, []string{`href="/login"`, `href="/docs"`}, []string{`href="/jobs/"`, "/logout"}},
		{"bob", auth.Policy{}, []string{"bob, reader", "/logout"}, []string{`href="/jobs/"`, `href="/login"`}},
		{"alice", auth.Policy{}, []string{"alice, admin", `href="/jobs/"`}, nil},
		{"", auth.Policy{Open: true}, []string{"Nobody needs a login", `href="/jobs/"`}, []string{`href="/login"`}},
	} {
		got := ask(t, New(Options{Access: &door{policy: test.policy}, Jobs: jobs, Version: "1.2.3"}), http.MethodGet, "/", test.user, nil)
		for _, text := range append(test.has, "1.2.3") {
			if got.Code != 200 || !strings.Contains(got.Body.String(), text) {
				t.Errorf("%q: answered %d without %q: %s", test.user, got.Code, text, got.Body)
			}
		}
		for _, text := range test.hasNot {
			if strings.Contains(got.Body.String(), text) {
				t.Errorf("%q: has %q", test.user, text)
			}
		}
	}
}

// Pages hold neither scripts nor styles, and their policy allows none.
func TestPagesAreWithoutScripts(t *testing.T) {
	h := New(Options{Access: &door{}})
	for _, target := range []string{"/", "/login"} {
		got := ask(t, h, http.MethodGet, target, "", nil)
		if policy := got.Header().Get("Content-Security-Policy"); strings.Contains(policy, "script") || strings.Contains(policy, "unsafe") || !strings.HasPrefix(policy, "default-src 'none'") {
			t.Errorf("%s: policy %q", target, policy)
		}
		if got.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s is kept by browsers", target)
		}
	}
	seen := 0
	err := fs.WalkDir(files, "templates", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		seen++
		text, err := files.ReadFile(path)
		if found := regexp.MustCompile(`(?i)<script|<style|style=| on\w+=`).Find(text); found != nil {
			t.Errorf("%s has %q", path, found)
		}
		return err
	})
	if err != nil || seen < 4 {
		t.Errorf("%d templates: %v", seen, err)
	}
	css := ask(t, h, http.MethodGet, "/static/pages.css", "", nil)
	if css.Code != 200 || css.Header().Get("Content-Type") != "text/css; charset=utf-8" || css.Body.Len() < 1000 {
		t.Errorf("style sheet: answered %d", css.Code)
	}
	r := httptest.NewRequest(http.MethodGet, "/static/pages.css", nil)
	r.Header.Set("If-None-Match", css.Header().Get("ETag"))
	again := httptest.NewRecorder()
	if h.ServeHTTP(again, r); again.Code != http.StatusNotModified {
		t.Errorf("asked again: answered %d", again.Code)
	}
}
