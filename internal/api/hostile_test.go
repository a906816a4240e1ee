// SPDX-License-Identifier: Apache-2.0

package api

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

const register = "/v1/pulp_servers/1/register_repos"

// Bodies that are made to cost more than they should are refused before they do.
func TestHostileBodies(t *testing.T) {
	h := New(newMemory().options())
	var bomb bytes.Buffer
	zip := gzip.NewWriter(&bomb)
	if _, err := zip.Write(bytes.Repeat([]byte(" "), 10<<20)); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	many := make(map[string]int, 50_000)
	for i := range 50_000 {
		many[fmt.Sprint("f", i)] = 1
	}
	unknown, err := json.Marshal(many)
	if err != nil {
		t.Fatal(err)
	}
	nested := func(n int) string {
		return `{"max_runtime":"1h","max_concurrent_syncs":2,"sync_options":` + strings.Repeat(`{"a":[`, n) + strings.Repeat(`]}`, n) + `}`
	}
	const sync = "/v1/pulp_servers/1/sync_repos"
	for name, test := range map[string]struct {
		target, body string
		headers      []string
		status       int
		says         string
	}{
		"31 levels of two":       {sync, nested(31), nil, 201, ""},
		"32 levels of two":       {sync, nested(32), nil, 422, "nested deeper than 64 levels"},
		"10,000 levels":          {sync, nested(10_000), nil, 422, "nested deeper than 64 levels"},
		"levels without an end":  {sync, strings.Repeat("[", 1_000_000), nil, 422, "nested deeper than 64 levels"},
		"brackets in a text":     {sync, `{"max_runtime":"1h","max_concurrent_syncs":2,"sync_options":{"a":"` + strings.Repeat(`[\"`, 100) + `"}}`, nil, 201, ""},
		"NUL":                    {register, `{"max_runtime":"1h\u0000"}`, nil, 422, "NUL"},
		"NUL itself":             {register, "{\"max_runtime\":\"1h\x00\"}", nil, 422, "is not JSON"},
		"NUL in a name":          {register, `{"max_runtime\u0000":"1h"}`, nil, 422, "NUL"},
		"not UTF-8":              {register, "{\"max_runtime\":\"1h\xff\"}", nil, 422, "is not text in UTF-8"},
		"UTF-16":                 {register, "\xff\xfe{\x00}\x00", nil, 422, "is not text in UTF-8"},
		"half a character":       {register, `{"max_runtime":"\ud800"}`, nil, 201, ""},
		"a huge number":          {sync, `{"max_runtime":"1h","max_concurrent_syncs":1e999999999}`, nil, 422, "too large"},
		"a number of a megabyte": {sync, `{"max_runtime":"1h","max_concurrent_syncs":"` + strings.Repeat("9", 1_000_000) + `"}`, nil, 422, "max_concurrent_syncs"},
		"the same as a number":   {sync, `{"max_runtime":"1h","max_concurrent_syncs":` + strings.Repeat("9", 1_000_000) + `}`, nil, 422, ""},
		"more than a megabyte":   {register, `{"max_runtime":"` + strings.Repeat("1", maxBody) + `"}`, nil, 413, "larger than 1 MiB"},
		"50,000 unknown fields":  {register, string(unknown), nil, 422, "body.f0 is not known"},
		"compressed":             {register, bomb.String(), []string{"Content-Encoding", "gzip"}, 415, "must not be compressed"},
		"compressed twice":       {register, bomb.String(), []string{"Content-Encoding", "gzip, br"}, 415, "must not be compressed"},
		"not compressed":         {register, `{}`, []string{"Content-Encoding", "identity"}, 201, ""},
		"a form":                 {register, "max_runtime=1h", []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "application/json"},
		"a form of a page":       {register, `{}`, []string{"Content-Type", "text/plain"}, 415, "application/json"},
		"a huge name":            {register, `{"` + strings.Repeat("a", 1_000_000) + `":1}`, nil, 422, "not known"},
		"two values":             {register, `{}{}`, nil, 422, "more after"},
		"prototype pollution":    {register, `{"__proto__":{"admin":true}}`, nil, 422, "not known"},
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			got := ask(t, h, http.MethodPost, test.target, test.body, test.headers...)
			if got.status != test.status || !strings.Contains(got.body, test.says) {
				t.Errorf("answered %d %.300s, want %d with %q", got.status, got.body, test.status, test.says)
			}
			if took := time.Since(began); took > 2*time.Second || got.status >= 400 && len(got.body) > 64<<10 {
				t.Errorf("took %s and %d bytes", took, len(got.body))
			}
		})
	}
}

// Addresses that could be read as another path are not, and lead nowhere else.
func TestHostileAddresses(t *testing.T) {
	server := httptest.NewServer(New(newMemory().options()))
	defer server.Close()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for target, want := range map[string][]int{
		"/static/../docs":                                    {301, 307},
		"/static/../../../../etc/passwd":                     {301, 307, 404},
		"/static/%2e%2e/docs":                                {301, 307, 404},
		"/static/%2e%2e%2f%2e%2e%2fetc%2fpasswd":             {301, 307, 404},
		"/static/..%5c..%5cetc%5cpasswd":                     {404},
		"/static/docs.js%00.html":                            {404},
		"/static/docs.html":                                  {404},
		"/static/":                                           {404},
		"/docs/":                                             {307},
		"/v1/pulp_servers/1%2f..%2f2":                        {422, 404},
		"/v1/pulp_servers/..%2f..%2fhealthz":                 {422, 404},
		"/v1/pulp_servers/%00":                               {422},
		"/v1/pulp_servers/%ff":                               {422},
		"/v1/pulp_servers/1%0d%0aSet-Cookie:%20evil=1":       {422},
		"/v1/pulp_servers/99999999999999999999999":           {422},
		"/v1/pulp_servers/-1":                                {404},
		"/v1/pulp_servers/0x1":                               {422},
		"/v1/pulp_servers/1;admin=true":                      {422},
		"//evil.example/v1/tasks/":                           {301, 307, 404},
		"//v1/pulp_servers":                                  {301, 307, 404},
		"//v1/tasks":                                         {301, 307, 404},
		"/%2f/evil.example/v1/tasks":                         {301, 307, 404},
		"/%0d%0aSet-Cookie:%20evil=1/":                       {301, 307, 404},
		"/V1/TASKS/":                                         {404},
		"/v1/tasks/?" + params(9_000):                        {422},
		"/v1/tasks/?" + strings.Repeat("page=1&", 5_000):     {422},
		"/v1/tasks/?page=1&page=2":                           {422},
		"/v1/tasks/?page=" + strings.Repeat("9", 10_000):     {422},
		"/v1/tasks/?page=1e3":                                {422},
		"/v1/tasks/?page=1;page_size=2":                      {422},
		"/v1/tasks/?name=%00":                                {422},
		"/v1/tasks/?name=%ff%fe":                             {422},
		"/v1/tasks/?name=%zz":                                {422},
		"/v1/tasks/?name__match=" + strings.Repeat("(", 500): {200, 422},
		"/v1/tasks/?id__in=" + strings.Repeat("1,", 5_000):   {422},
		"/v1/tasks/?sort_by=id;DROP%20TABLE%20tasks":         {422},
	} {
		r, err := http.NewRequest(http.MethodGet, server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		path, query, _ := strings.Cut(target, "?")
		r.URL.Opaque, r.URL.RawQuery = path, query
		if strings.HasPrefix(path, "//") {
			r.URL.Opaque = server.URL + path
		}
		answer, err := client.Do(r)
		if err != nil {
			t.Errorf("%.100s: %v", target, err)
			continue
		}
		var body bytes.Buffer
		_, err = body.ReadFrom(answer.Body)
		answer.Body.Close()
		if !slices.Contains(want, answer.StatusCode) || err != nil {
			t.Errorf("%.100s: answered %d %.200s (%v), want %v", target, answer.StatusCode, body.String(), err, want)
		}
		location := answer.Header.Get("Location")
		if strings.HasPrefix(location, "//") || strings.Contains(location, "evil=1") && strings.ContainsAny(location, "\r\n") || (location != "" && !strings.HasPrefix(location, "/")) {
			t.Errorf("%.100s: leads to %q", target, location)
		}
		if answer.Header.Get("Set-Cookie") != "" || strings.Contains(body.String(), "root:") || body.Len() > 64<<10 {
			t.Errorf("%.100s: answered %v and %d bytes", target, answer.Header, body.Len())
		}
	}
	client.CloseIdleConnections()
}

// params makes a query string of many parameters.
func params(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "p%d&", i)
	}
	return b.String()
}

// What others wrote (Pulp in its errors, people in names) goes out as text in JSON: it ends no line, no header and no string.
func TestHostileTexts(t *testing.T) {
	const evil = "\r\nSet-Cookie: evil=1\r\n\r\n\x1b[2J\u009b2J\"}</script>\u202e"
	m := newMemory()
	m.servers[0].Name = fleet.ServerName("pulp" + evil)
	m.tasks[0].Error = &fleet.TaskError{Msg: "Pulp says " + evil, Detail: evil}
	h := New(m.options())
	check := func(name string, got answer, status int) {
		t.Helper()
		var value any
		if err := json.Unmarshal([]byte(got.body), &value); err != nil || got.status != status || !strings.Contains(fmt.Sprint(value), evil) {
			t.Errorf("%s: answered %d %s (%v)", name, got.status, got.body, err)
		}
		if strings.ContainsAny(got.body, "\r\n\x1b") {
			t.Errorf("%s: the body has control characters: %q", name, got.body)
		}
		for key, values := range got.header {
			if strings.Contains(key+strings.Join(values, ""), "evil") {
				t.Errorf("%s: header %s: %q", name, key, values)
			}
		}
	}
	check("a name", ask(t, h, http.MethodGet, "/v1/pulp_servers/1", ""), 200)
	check("a list", ask(t, h, http.MethodGet, "/v1/pulp_servers/", ""), 200)
	check("an error of Pulp", ask(t, h, http.MethodGet, "/v1/tasks/1", ""), 200)
	m.err = fault.Wrap(fault.Conflict, errors.New(evil), "the name %s is taken", evil).WithHint("not %s", evil)
	check("an error", ask(t, h, http.MethodGet, "/v1/tasks/1", ""), 409)
}

// A method that a header names instead of the one that is used does not count, nor do methods that are not ours.
func TestMethods(t *testing.T) {
	h := New(newMemory().options())
	for _, header := range []string{"X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"} {
		if got := ask(t, h, http.MethodGet, "/v1/tasks/1", "", header, "PATCH"); got.status != http.StatusOK {
			t.Errorf("%s: answered %d", header, got.status)
		}
		if got := ask(t, h, http.MethodPost, "/v1/tasks/1", `{"state":"canceled"}`, header, "PATCH"); got.status != http.StatusMethodNotAllowed {
			t.Errorf("%s: answered %d", header, got.status)
		}
	}
	for _, method := range []string{http.MethodTrace, http.MethodConnect, http.MethodOptions, http.MethodPut, http.MethodDelete, "PROPFIND", "get"} {
		if got := ask(t, h, method, "/v1/tasks/1", ""); got.status != http.StatusMethodNotAllowed || got.problem(t).Detail != "Method Not Allowed" || got.header.Get("Allow") == "" {
			t.Errorf("%s: answered %d %s, allowed: %q", method, got.status, got.body, got.header.Get("Allow"))
		}
	}
}

// A page of a site that the settings name may do what our own may.
func TestPagesOfNamedSites(t *testing.T) {
	o := newMemory().options()
	o.Origins = []string{"https://ui.example.com"}
	h := New(o)
	for origin, status := range map[string]int{"https://ui.example.com": 201, "https://evil.example": 403, "http://ui.example.com": 403} {
		if got := ask(t, h, http.MethodPost, register, "{}", "Origin", origin, "Sec-Fetch-Site", "cross-site"); got.status != status {
			t.Errorf("%s: answered %d, want %d", origin, got.status, status)
		}
	}
}

// Every answer says what browsers may do with it.
func TestSecurityHeaders(t *testing.T) {
	h := New(newMemory().options())
	for _, target := range []string{"/v1/tasks/", "/v1/tasks/99", "/nothing", "/docs", "/redoc", "/static/docs.js", "/openapi.json", "/healthz"} {
		got := ask(t, h, http.MethodGet, target, "")
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin",
			"Cross-Origin-Resource-Policy": "same-origin", "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
		} {
			if got.header.Get(name) != want {
				t.Errorf("%s: %s is %q", target, name, got.header.Get(name))
			}
		}
		policy := got.header.Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") {
			t.Errorf("%s: policy %q", target, policy)
		}
		if strings.Contains(policy, "unsafe") {
			t.Errorf("%s: what stands in the page itself is allowed: %q", target, policy)
		}
	}
}
