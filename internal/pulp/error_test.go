// SPDX-License-Identifier: Apache-2.0

package pulp

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pulp/pulp-manager/internal/fault"
)

// The bodies are those of Pulp 3.123.
func TestPulpsWords(t *testing.T) {
	tests := []struct {
		name, body string
		want       string
		fields     map[string][]string
	}{
		{
			"field", `{"name":["This field must be unique."]}`, "name: This field must be unique.",
			map[string][]string{"name": {"This field must be unique."}},
		},
		{
			"two fields", `{"url":["Bad."],"name":["Blank.","Long."]}`, "name: Blank.; name: Long.; url: Bad.",
			map[string][]string{"name": {"Blank.", "Long."}, "url": {"Bad."}},
		},
		{
			"nested object", `{"base_path":{"base_path":"Overlaps with an existing distribution."}}`,
			"base_path: Overlaps with an existing distribution.",
			map[string][]string{"base_path": {"Overlaps with an existing distribution."}},
		},
		{
			"deeper", `{"config":[{"dest_repo":["Bad."]}]}`, "config.dest_repo: Bad.",
			map[string][]string{"config.dest_repo": {"Bad."}},
		},
		{
			"one of many", `{"config":[{},{"dest_repo":["Bad."]}]}`, "config.1.dest_repo: Bad.",
			map[string][]string{"config.1.dest_repo": {"Bad."}},
		},
		{
			"no field", `{"non_field_errors":["Only one of them."]}`, "Only one of them.",
			map[string][]string{"": {"Only one of them."}},
		},
		{
			"filter", `{"errors":["Invalid Filter: 'x'"]}`, "Invalid Filter: 'x'",
			map[string][]string{"": {"Invalid Filter: 'x'"}},
		},
		{
			"list", `["Cannot use mirror mode with autopublished repository."]`,
			"Cannot use mirror mode with autopublished repository.",
			map[string][]string{"": {"Cannot use mirror mode with autopublished repository."}},
		},
		{
			"detail", `{"detail":"JSON parse error - x"}`, "JSON parse error - x",
			map[string][]string{"": {"JSON parse error - x"}},
		},
		{
			"traceback", `{"description":"It broke.","traceback":"File \"/usr/lib/x.py\""}`, "description: It broke.",
			map[string][]string{"description": {"It broke."}},
		},
		{"final task", `{"pulp_href":"/x/","state":"failed","error":{"traceback":"File"}}`, "it is already failed", nil},
		{"text", "upstream timed out\r\n  now", "upstream timed out now", nil},
		{"nothing", "", "HTTP 400 Bad Request", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, _ := newWire(t, replyWith(400, tt.body))
			_, err := c.Object(t.Context(), "/x/")
			e, ok := errors.AsType[*Error](err)
			if !ok {
				t.Fatalf("%v", err)
			}
			if e.Detail != tt.want || fault.Message(err) != "Pulp server alpha: read /x/: "+tt.want {
				t.Errorf("Detail %q, message %q, want %q", e.Detail, fault.Message(err), tt.want)
			}
			if diff := cmp.Diff(tt.fields, e.Fields); diff != "" {
				t.Errorf("Fields (-want +got):\n%s", diff)
			}
			if e.Server != "alpha" || e.Method != "GET" || e.Path != "/x/" || e.Status != 400 {
				t.Errorf("%+v", e)
			}
		})
	}
}

func TestHTMLBecomesText(t *testing.T) {
	tests := []struct{ page, want string }{
		{
			"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx/1.22.1</center>\r\n</body>\r\n</html>",
			"502 Bad Gateway nginx/1.22.1",
		},
		{
			"\n<!doctype html>\n<html lang=\"en\">\n<head>\n  <title>Not Found</title>\n</head>\n<body>\n  <h1>Not Found</h1><p>The requested resource was not found on this server.</p>\n</body>\n</html>\n",
			"Not Found The requested resource was not found on this server.",
		},
		{
			"<html><head><title>Bad Request</title></head><body><h1><p>Bad Request</p></h1>Request Line is too large (4500 &gt; 4094)</body></html>",
			"Bad Request Request Line is too large (4500 > 4094)",
		},
		{"<HTML><BODY STYLE='x'><script>if (a<b) {}</script><style>p{}</style>Sorry &amp; bye</BODY></HTML>", "Sorry & bye"},
		{"<html>" + strings.Repeat("<", 9), ""},
		{"<title>unclosed", "unclosed"},
	}
	for _, tt := range tests {
		if got := htmlWords(tt.page); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
	long := htmlWords("<html><body>" + strings.Repeat("ü", 1000))
	if len(long) > maxHTMLWords || !strings.HasSuffix(long, "ü…") {
		t.Errorf("%d bytes, ending %q", len(long), long[max(0, len(long)-8):])
	}
}

func FuzzPulpsWords(f *testing.F) {
	f.Add("text/html", "<title>a</title><body>b")
	f.Add("application/json", `{"a":[{"b":"c"},{"d":[1,null,true]}]}`)
	f.Fuzz(func(t *testing.T, contentType, body string) {
		words, _ := readRefusal(contentType, []byte(body))
		if len(words) > maxWords+len("it is already ") || strings.ContainsAny(words, "\r\n\x00\x1b") {
			t.Errorf("%q", words)
		}
	})
}

func TestIsNotUnique(t *testing.T) {
	tests := []struct {
		status int
		body   string
		field  string
		want   bool
	}{
		{400, `{"name":["This field must be unique."]}`, "name", true},
		{400, `{"name":["This field must be unique."]}`, "base_path", false},
		{400, `{"base_path":["This field must be unique."],"name":["Blank."]}`, "base_path", true},
		{400, `{"name":["This field may not be blank."]}`, "name", false},
		{409, `{"name":["This field must be unique."]}`, "name", false},
	}
	for _, tt := range tests {
		c, _ := newWire(t, replyWith(tt.status, tt.body))
		_, err := c.CreateRepository(t.Context(), "deb/apt", Fields{"name": "x"})
		if got := IsNotUnique(fmt.Errorf("wrapped: %w", err), tt.field); got != tt.want {
			t.Errorf("%d %s of %s: %v, want %v", tt.status, tt.body, tt.field, got, tt.want)
		}
	}
	if IsNotUnique(nil, "name") || NotSent(nil) || NotSent(errors.New("other")) {
		t.Error("an error that is not ours")
	}
}

func TestKinds(t *testing.T) {
	want := map[int]fault.Kind{
		301: fault.Invalid, 400: fault.Invalid, 401: fault.Unauthenticated, 403: fault.Forbidden, 404: fault.NotFound,
		405: fault.Invalid, 408: fault.Unavailable, 409: fault.Conflict, 413: fault.Invalid, 429: fault.Unavailable,
		500: fault.Unavailable, 502: fault.Unavailable, 503: fault.Unavailable, 504: fault.Unavailable,
	}
	for status, kind := range want {
		c, _ := newWire(t, replyWith(status, ""))
		if _, err := c.Object(t.Context(), "/x/"); fault.KindOf(err) != kind {
			t.Errorf("%d is %v, want %v", status, fault.KindOf(err), kind)
		}
	}
}

func TestWhatIsNotPulp(t *testing.T) {
	calls := map[string]func(*Client) error{
		"status": func(c *Client) error { _, err := c.Status(t.Context()); return err },
		"list":   func(c *Client) error { _, err := c.List(t.Context(), "tasks/", nil); return err },
		"count":  func(c *Client) error { _, err := c.Count(t.Context(), "tasks/", nil); return err },
		"read":   func(c *Client) error { _, err := c.Task(t.Context(), "/x/"); return err },
		"create": func(c *Client) error { _, err := c.CreateRemote(t.Context(), "deb/apt", nil); return err },
		"change": func(c *Client) error { _, err := c.UpdateRemote(t.Context(), "/x/", nil); return err },
	}
	for name, call := range calls {
		for _, body := range []string{"<html><title>Welcome</title>", "", "null", "[]", `"x"`} {
			c, _ := newWire(t, replyWith(http.StatusOK, body))
			err := call(c)
			if fault.KindOf(err) != fault.Internal || err == nil || fault.Hint(err) == "" {
				t.Errorf("%s answered %q: %v", name, body, err)
			}
		}
	}
}
