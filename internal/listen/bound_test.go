// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// full is a server whose handler tells of each request, and answers when told.
func full(t *testing.T, s *Server) (address string, began chan string, release chan struct{}) {
	began, release = make(chan string, 100), make(chan struct{}, 100)
	s.Handler = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" {
			began <- r.URL.Path
			<-release
		}
	})
	return start(t, s), began, release
}

// begin sends a request and does not wait for its answer.
func begin(t *testing.T, address, from, path string, headers ...string) net.Conn {
	t.Helper()
	conn := dial(t, address, from)
	if _, err := io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"+strings.Join(headers, "\r\n")+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	return conn
}

// refused looks at an answer in the API's shape.
func refused(t *testing.T, answer reply, body string, status int) {
	t.Helper()
	var problem struct {
		Detail    string `json:"detail"`
		RequestID string `json:"request_id"`
	}
	if err := json.Unmarshal([]byte(body), &problem); err != nil || problem.Detail == "" || problem.RequestID == "" || problem.RequestID != answer.Header.Get("X-Request-ID") {
		t.Errorf("answered %q, %v", body, err)
	}
	if retry := answer.Header.Get("Retry-After"); answer.StatusCode != status || (retry != "") != (status == http.StatusServiceUnavailable) {
		t.Errorf("answered %d (Retry-After %q), want %d", answer.StatusCode, retry, status)
	}
}

func TestTooManyRequests(t *testing.T) {
	var log logBook
	s := &Server{MaxRequests: 4, MaxStreams: 2, Always: []string{"/healthz"}, Logger: log.logger()}
	address, began, release := full(t, s)
	for range 2 {
		begin(t, address, "127.0.0.1", "/v1/tasks/")
		wait(t, "the request", began)
	}
	// One client gets no more than half of it.
	answer, body := get(t, address, "/v1/tasks/")
	refused(t, answer, body, http.StatusServiceUnavailable)
	for range 2 {
		begin(t, address, "127.0.0.2", "/v1/tasks/")
		wait(t, "another client's request", began)
	}
	answer, body = ask(t, address, "127.0.0.3", http.MethodGet, "/v1/tasks/")
	refused(t, answer, body, http.StatusServiceUnavailable)
	if answer, _ := ask(t, address, "127.0.0.3", http.MethodGet, "/healthz"); answer.StatusCode != http.StatusOK {
		t.Errorf("health is answered %d", answer.StatusCode)
	}
	// Streams are counted apart.
	begin(t, address, "127.0.0.1", "/v1/tasks/1/events")
	wait(t, "the stream", began)
	answer, body = get(t, address, "/v1/tasks/1/events")
	refused(t, answer, body, http.StatusServiceUnavailable)
	begin(t, address, "127.0.0.2", "/v1/tasks/1/events")
	wait(t, "another client's stream", began)
	answer, body = ask(t, address, "127.0.0.3", http.MethodGet, "/v1/tasks/1/events")
	refused(t, answer, body, http.StatusServiceUnavailable)

	for range 6 {
		release <- struct{}{}
	}
	until(t, "room for another", func() bool {
		answer := begin(t, address, "127.0.0.1", "/v1/tasks/")
		select {
		case <-began:
			release <- struct{}{}
			return true
		case <-time.After(50 * time.Millisecond):
			answer.Close()
			return false
		}
	})
	if n := strings.Count(log.String(), "too many requests at once"); n != 1 {
		t.Errorf("%d lines in the log for many refusals:\n%s", n, log.String())
	}
}

// Behind a proxy each client has its share, and the proxy all of it.
func TestSharesBehindAProxy(t *testing.T) {
	address, began, release := full(t, &Server{MaxRequests: 2, TrustedProxies: networks("127.0.0.1/32")})
	begin(t, address, "127.0.0.1", "/", "X-Forwarded-For: 192.0.2.1")
	wait(t, "the request", began)
	answer, body := get(t, address, "/", "X-Forwarded-For", "192.0.2.1")
	refused(t, answer, body, http.StatusServiceUnavailable)
	begin(t, address, "127.0.0.1", "/")
	wait(t, "the proxy's own request", began)
	close(release)
}

func TestTooManyConnections(t *testing.T) {
	var log logBook
	s := &Server{MaxRequests: 4, TrustedProxies: networks("127.0.0.9/32"), Logger: log.logger(), Handler: protocol} // 64 connections, 16 of one address
	address := start(t, s)
	var mine []net.Conn
	for range 16 {
		mine = append(mine, dial(t, address, "127.0.0.1"))
	}
	one := make([]byte, 1)
	over := dial(t, address, "127.0.0.1")
	if err := over.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := over.Read(one); err == nil || isTimeout(err) {
		t.Errorf("one more is not closed: %v", err)
	}
	if answer, _ := ask(t, address, "127.0.0.2", http.MethodGet, "/"); answer.StatusCode != http.StatusOK {
		t.Errorf("another address is answered %d", answer.StatusCode)
	}
	for range 44 {
		dial(t, address, "127.0.0.9")
	}
	if answer, _ := ask(t, address, "127.0.0.9", http.MethodGet, "/"); answer.StatusCode != http.StatusOK {
		t.Errorf("a trusted proxy is answered %d", answer.StatusCode)
	}
	mine[0].Close()
	until(t, "room for another", func() bool {
		conn := dial(t, address, "127.0.0.1")
		defer conn.Close()
		if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); err != nil {
			return false
		}
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		_, err := conn.Read(one)
		return err == nil
	})
	if !strings.Contains(log.String(), "too many connections") {
		t.Errorf("nothing in the log: %s", log.String())
	}
}

func isTimeout(err error) bool {
	var network net.Error
	return errors.As(err, &network) && network.Timeout()
}

func TestShare(t *testing.T) {
	s := newShare(4, 2)
	v4, same, other := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("::ffff:192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	six, neighbour, next := netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::ffff"), netip.MustParseAddr("2001:db8:0:1::1")
	for i, step := range []struct {
		address netip.Addr
		known   bool
		want    bool
	}{
		{v4, false, true}, {same, false, true}, {v4, false, false}, // the same address
		{six, false, true}, {other, false, true}, {next, false, false}, // all are taken
	} {
		if got := s.take(step.address, step.known); got != step.want {
			t.Errorf("step %d: %v", i, got)
		}
	}
	s.give(v4)
	if !s.take(same, true) || s.take(same, true) {
		t.Error("one who is known has all that is left, and no more")
	}
	for _, a := range []netip.Addr{v4, v4, six, other} {
		s.give(a)
	}
	if s.used != 0 || len(s.by) != 0 {
		t.Errorf("left: %d, %v", s.used, s.by)
	}
	if !s.take(six, false) || !s.take(neighbour, false) || s.take(six, false) || !s.take(next, false) {
		t.Error("an IPv6 client is its network of 64 bits")
	}
	all := newShare(0, 0)
	for range 1000 {
		if !all.take(v4, false) {
			t.Fatal("without a limit there is one")
		}
	}
}

// A stream that nobody reads ends.
func TestUnreadStream(t *testing.T) {
	t.Parallel()
	s, ended := &Server{times: usual}, make(chan error, 1)
	s.times.write = 100 * time.Millisecond
	s.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		text := []byte(strings.Repeat("data: much\n\n", 10_000))
		for {
			if _, err := w.Write(text); err != nil {
				ended <- err
				return
			}
		}
	})
	begin(t, start(t, s), "127.0.0.1", "/v1/tasks/1/events")
	if err := wait(t, "the end of the stream", ended); !isTimeout(err) {
		t.Errorf("ended with %v", err)
	}
}
