// SPDX-License-Identifier: Apache-2.0

package pulp

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/url"
	"sync"
	"testing"
	"time"
)

// call is one request as a server saw it.
type call struct {
	Method, Path, Body string
	Query              url.Values
	Header             http.Header
}

// wire is a server in memory: it works inside synctest, where time is simulated.
type wire struct {
	handler http.HandlerFunc
	host    string // when set, requests to any other fail
	mu      sync.Mutex
	calls   []call
}

func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	if trace := httptrace.ContextClientTrace(req.Context()); trace != nil {
		trace.GotConn(httptrace.GotConnInfo{})
	}
	if w.host != "" && req.URL.Host != w.host {
		return nil, fmt.Errorf("request to %s", req.URL.Host)
	}
	w.record(req)
	done := make(chan *http.Response, 1)
	go func() {
		recorder := httptest.NewRecorder()
		w.handler(recorder, req)
		done <- recorder.Result()
	}()
	select {
	case resp := <-done:
		return resp, nil
	case <-req.Context().Done():
		return nil, req.Context().Err()
	}
}

func (w *wire) record(req *http.Request) {
	var body []byte
	if req.Body != nil {
		body, _ = io.ReadAll(req.Body)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = append(w.calls, call{req.Method, req.URL.Path, string(body), req.URL.Query(), req.Header.Clone()})
}

// seen gives the requests of a method and path so far; "" is any.
func (w *wire) seen(method, path string) []call {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []call
	for _, c := range w.calls {
		if (method == "" || c.Method == method) && (path == "" || c.Path == path) {
			out = append(out, c)
		}
	}
	return out
}

// newWire makes a client of a server in memory that needs no login, and waits a
// known time between tries.
func newWire(t *testing.T, handler http.HandlerFunc, change ...func(*Config)) (*Client, *wire) {
	t.Helper()
	w := &wire{handler: handler}
	c := newClient(t, "http://pulp.example", change...)
	c.http.Transport = w
	return c, w
}

// newServer makes a client of a real HTTP server.
func newServer(t *testing.T, handler http.HandlerFunc, change ...func(*Config)) *Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return newClient(t, server.URL, change...)
}

func newClient(t *testing.T, base string, change ...func(*Config)) *Client {
	t.Helper()
	cfg := Config{Base: base, Name: "alpha", RetryWait: time.Nanosecond}
	for _, f := range change {
		f(&cfg)
	}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	c.jitter = func() float64 { return 0 }
	t.Cleanup(func() { c.http.CloseIdleConnections() })
	return c
}

func withLogin(password func() string) func(*Config) {
	return func(cfg *Config) {
		cfg.Username = "admin"
		cfg.Password = func(context.Context) (string, error) { return password(), nil }
	}
}

func fixed(password string) func() string { return func() string { return password } }

// reply answers with a status and a JSON body.
func reply(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

func replyWith(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { reply(w, status, body) }
}

// listOf answers a list of objects in pages, as Pulp does: with a "next" that
// leads to the host Pulp believes to have.
func listOf(objects []Fields) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		from, limit := number(r, "offset", 0), number(r, "limit", 100)
		to := min(from+limit, len(objects))
		next := any(nil)
		if to < len(objects) {
			next = "http://internal.invalid:8000" + r.URL.Path + "?offset=1&limit=1"
		}
		raw, _ := json.Marshal(map[string]any{
			"count": len(objects), "next": next, "previous": nil,
			"results": append([]Fields{}, objects[min(from, to):to]...),
		})
		reply(w, http.StatusOK, string(raw))
	}
}

func number(r *http.Request, key string, otherwise int) int {
	var n int
	if json.Unmarshal([]byte(r.URL.Query().Get(key)), &n) != nil {
		return otherwise
	}
	return n
}
