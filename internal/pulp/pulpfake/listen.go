// SPDX-License-Identifier: Apache-2.0

package pulpfake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"syscall"
	"time"
)

// TB is what [Start] needs of a test.
type TB interface {
	Helper()
	Cleanup(func())
	Fatalf(format string, args ...any)
}

// Start makes a server, listens on a free port of 127.0.0.1 and closes it with the test. base has no trailing slash.
func Start(t TB, opt Options) (s *Server, base string) {
	t.Helper()
	s = New(opt)
	base, err := s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatalf("pulpfake: %v", err)
	}
	t.Cleanup(s.Close)
	return s, base
}

// Listen serves on addr ("127.0.0.1:0" for a free port) until [Server.Close] and returns the base URL.
func (s *Server) Listen(addr string) (base string, err error) {
	s.life.Lock()
	defer s.life.Unlock()
	return s.listen(addr)
}

func (s *Server) listen(addr string) (string, error) {
	l, err := listenRetry(addr)
	if err != nil {
		return "", fmt.Errorf("listen on %s: %w", addr, err)
	}
	s.listener, s.addr = l, l.Addr().String()
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
	s.running.Add(1)
	go func(h *http.Server) {
		defer s.running.Done()
		_ = h.Serve(l)
	}(s.http)
	base := "http://" + s.addr
	s.mu.Lock()
	if s.origin == "" {
		s.origin = base
	}
	s.mu.Unlock()
	return base, nil
}

// listenRetry waits up to two seconds for a port that the kernel still holds, as after [Server.Stop].
func listenRetry(addr string) (net.Listener, error) {
	deadline := time.Now().Add(2 * time.Second)
	for {
		l, err := net.Listen("tcp", addr)
		if err == nil || !errors.Is(err, syscall.EADDRINUSE) || time.Now().After(deadline) {
			return l, err
		}
		<-time.After(20 * time.Millisecond)
	}
}

// Base is the URL the server listens on, "" before [Server.Listen].
func (s *Server) Base() string {
	s.life.Lock()
	defer s.life.Unlock()
	if s.addr == "" {
		return ""
	}
	return "http://" + s.addr
}

// Stop makes the whole server unreachable: open connections are cut, new ones refused. Pulp tasks go on, as Pulp's
// workers do when only the API is down.
func (s *Server) Stop() {
	s.life.Lock()
	defer s.life.Unlock()
	if s.http != nil {
		_ = s.http.Close()
		s.http = nil
	}
}

// Restart listens again on the port that [Server.Stop] closed.
func (s *Server) Restart() error {
	s.life.Lock()
	defer s.life.Unlock()
	if s.http != nil {
		return nil
	}
	_, err := s.listen(s.addr)
	return err
}

// Close stops listening, ends every Pulp task and waits for all of the server's goroutines.
func (s *Server) Close() {
	s.Stop()
	s.stopAll()
	s.running.Wait()
}

// WaitIdle waits until no Pulp task is waiting or running, or ctx ends. Tasks that are held, or whose worker was
// killed, keep it waiting.
func (s *Server) WaitIdle(ctx context.Context) error {
	for {
		s.mu.Lock()
		busy, changed := s.pool.unfinished > 0, s.pool.changed
		s.mu.Unlock()
		if !busy {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
