// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestProxy: a lost reply is that of a request which was done; what is refused is not done; what secondaries read passes.
func TestProxy(t *testing.T) {
	t.Parallel()
	var done atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { done.Add(1) }))
	defer server.Close()
	var counted atomic.Int64
	p, stop, err := startProxy(t.Context(), 1, server.URL, func(kind) { counted.Add(1) })
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	transport := &http.Transport{DisableKeepAlives: true}
	send := func(method, path string) int {
		request, err := http.NewRequestWithContext(t.Context(), method, "http://"+p.address+path, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		answer, err := (&http.Client{Transport: transport, Timeout: time.Minute}).Do(request)
		if err != nil {
			return 0
		}
		_ = answer.Body.Close()
		return answer.StatusCode
	}
	for _, test := range []struct {
		kind           kind
		method, path   string
		answered       bool
		done, befallen int64
	}{
		{"", http.MethodPost, "/pulp/api/v3/x/", true, 1, 0},
		{lostReplies, http.MethodPost, "/pulp/api/v3/x/", false, 1, 1},
		{lostReplies, http.MethodGet, "/pulp/api/v3/x/", true, 1, 0},
		{errors5xx, http.MethodPost, "/pulp/api/v3/x/", false, 0, 1},
		{errors5xx, http.MethodGet, "/pulp/content/x", true, 1, 0},
		{delays, http.MethodGet, "/pulp/api/v3/x/", true, 1, 1},
	} {
		done.Store(0)
		counted.Store(0)
		p.windows = nil
		if test.kind != "" {
			p.windows = []window{{event{kind: test.kind, share: 1}, 7}}
		}
		status := send(test.method, test.path)
		if (status == http.StatusOK) != test.answered || done.Load() != test.done || counted.Load() != test.befallen {
			t.Errorf("%s %s %s: answered %d, done %d times, counted %d times", test.kind, test.method, test.path, status, done.Load(), counted.Load())
		}
	}
}
