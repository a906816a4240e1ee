// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// proxy stands between us and a real server, and lets faults befall the requests to its API. What secondaries read passes unharmed.
type proxy struct {
	seed    uint64
	server  http.Handler
	address string
	count   func(k kind)
	n       atomic.Uint64

	mu      sync.Mutex
	windows []window
}

// startProxy listens on a free port of loopback until stop is called.
func startProxy(ctx context.Context, seed uint64, server string, count func(kind)) (p *proxy, stop func(), err error) {
	target, err := url.Parse(server)
	if err != nil {
		return nil, nil, err
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	through := httputil.NewSingleHostReverseProxy(target)
	through.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) } // as a cut connection
	p = &proxy{seed: seed, server: through, address: listener.Addr().String(), count: count}
	s := &http.Server{Handler: p, ReadHeaderTimeout: 10 * time.Second}
	var serving sync.WaitGroup
	serving.Go(func() { _ = s.Serve(listener) })
	return p, func() { _ = s.Close(); serving.Wait() }, nil
}

// during lets requests suffer while an event lasts.
func (p *proxy) during(ctx context.Context, w window) {
	p.mu.Lock()
	p.windows = append(p.windows, w)
	p.mu.Unlock()
	_ = pause(ctx, w.lasts)
	p.mu.Lock()
	defer p.mu.Unlock()
	left := p.windows[:0:0]
	for _, x := range p.windows {
		if x.number != w.number {
			left = append(left, x)
		}
	}
	p.windows = left
}

// ServeHTTP passes a request on, or lets something befall it.
func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	k, by := p.befalls(r)
	switch k {
	case lostReplies:
		if r.Method == http.MethodGet {
			break
		}
		p.count(k)
		// What is done stays done, however soon we hang up.
		p.server.ServeHTTP(&nowhere{header: http.Header{}}, r.WithContext(context.WithoutCancel(r.Context())))
		panic(http.ErrAbortHandler)
	case delays:
		p.count(k)
		_ = pause(r.Context(), between(by, 50*time.Millisecond, 2*time.Second))
	case hanging:
		p.count(k)
		_ = pause(r.Context(), between(by, realRequestLimit, 2*realRequestLimit))
	case errors5xx:
		p.count(k)
		if by.IntN(3) == 0 {
			panic(http.ErrAbortHandler)
		}
		http.Error(w, "<html><body>chaos</body></html>", []int{http.StatusBadGateway, http.StatusServiceUnavailable}[by.IntN(2)])
		return
	}
	p.server.ServeHTTP(w, r)
}

// befalls gives the kind of what befalls a request; empty: nothing.
func (p *proxy) befalls(r *http.Request) (kind, *rand.Rand) {
	if !strings.HasPrefix(r.URL.Path, "/pulp/api/") {
		return "", nil
	}
	n := p.n.Add(1)
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, w := range p.windows {
		if by := chance(p.seed^w.number<<32, n); by.Float64() < w.share {
			return w.kind, by
		}
	}
	return "", nil
}

// nowhere is where a lost reply goes.
type nowhere struct{ header http.Header }

func (n *nowhere) Header() http.Header         { return n.header }
func (n *nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (n *nowhere) WriteHeader(int)             {}
