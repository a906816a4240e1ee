// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCORS(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Add("Vary", "Accept-Encoding")
		w.WriteHeader(http.StatusTeapot)
	})
	open := start(t, &Server{Handler: h, Origins: []string{"https://ui.example.com", "http://localhost:3000"}})
	shut := start(t, &Server{Handler: h})
	const preflight = http.MethodOptions
	asks := []string{"Access-Control-Request-Method", "PATCH", "Access-Control-Request-Headers", "authorization"}
	for _, test := range []struct {
		name, address, method, origin string
		headers                       []string
		status                        int
		allowed, methods, exposed     string
		vary                          []string
	}{
		{"no page", open, "GET", "", nil, 418, "", "", "", []string{"Origin", "Accept-Encoding"}},
		{"a page of ours", open, "POST", "https://ui.example.com", nil, 418, "https://ui.example.com", "", "X-Request-ID, Retry-After", []string{"Origin", "Accept-Encoding"}},
		{"asks first", open, preflight, "http://localhost:3000", asks, 204, "http://localhost:3000", "GET, HEAD, POST, PUT, PATCH, DELETE", "", []string{"Origin"}},
		{"OPTIONS for itself", open, preflight, "http://localhost:3000", nil, 418, "http://localhost:3000", "", "X-Request-ID, Retry-After", []string{"Origin", "Accept-Encoding"}},
		{"another page", open, "GET", "https://evil.example", nil, 418, "", "", "", []string{"Origin", "Accept-Encoding"}},
		{"another page asks first", open, preflight, "https://evil.example", asks, 418, "", "", "", []string{"Origin", "Accept-Encoding"}},
		{"a page that looks like ours", open, "GET", "https://ui.example.com.evil.example", nil, 418, "", "", "", []string{"Origin", "Accept-Encoding"}},
		{"ours without TLS", open, "GET", "http://ui.example.com", nil, 418, "", "", "", []string{"Origin", "Accept-Encoding"}},
		{"a page of nowhere", open, "GET", "null", nil, 418, "", "", "", []string{"Origin", "Accept-Encoding"}},
		{"nothing configured", shut, "GET", "https://ui.example.com", nil, 418, "", "", "", []string{"Accept-Encoding"}},
		{"nothing configured, asks first", shut, preflight, "https://ui.example.com", asks, 418, "", "", "", []string{"Accept-Encoding"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			headers := test.headers
			if test.origin != "" {
				headers = append([]string{"Origin", test.origin}, headers...)
			}
			answer, _ := ask(t, test.address, "127.0.0.1", test.method, "/v1/tasks/", headers...)
			got := []string{
				answer.Header.Get("Access-Control-Allow-Origin"), answer.Header.Get("Access-Control-Allow-Methods"),
				answer.Header.Get("Access-Control-Expose-Headers"),
			}
			if diff := cmp.Diff([]string{test.allowed, test.methods, test.exposed}, got); diff != "" || answer.StatusCode != test.status {
				t.Errorf("status %d, headers %s", answer.StatusCode, diff)
			}
			if diff := cmp.Diff(test.vary, answer.Header.Values("Vary")); diff != "" {
				t.Error(diff)
			}
			if got := answer.Header.Values("Access-Control-Allow-Credentials"); got != nil {
				t.Errorf("cookies are lent: %q", got)
			}
		})
	}
}
