// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// site is a fake Pulp server whose requests are told by the process that sent them.
type site struct {
	*pulpfake.Server
	name string // in the fleet: its address

	server  *http.Server
	mu      sync.Mutex
	pids    func() []int
	arrived []arrival
}

// arrival is one request as it reached Pulp.
type arrival struct {
	at           time.Time
	pid          int // 0: not one of the daemon's
	method, path string
}

type pidKey struct{}

// newSite serves a fake on a free port of an address. pids gives the processes there are.
func newSite(ctx context.Context, host string, o pulpfake.Options, pids func() []int) (*site, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", host+":0")
	if err != nil {
		return nil, err
	}
	s := &site{name: l.Addr().String(), pids: pids}
	o.ContentOrigin = "http://" + s.name
	s.Server = pulpfake.New(o)
	s.server = &http.Server{
		ReadHeaderTimeout: 10 * time.Second,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, pidKey{}, peer(c.RemoteAddr().String(), s.pids()))
		},
		Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			pid, _ := r.Context().Value(pidKey{}).(int)
			s.mu.Lock()
			s.arrived = append(s.arrived, arrival{time.Now(), pid, r.Method, r.URL.Path})
			s.mu.Unlock()
			s.ServeHTTP(rw, r)
		}),
	}
	go func() { _ = s.server.Serve(l) }()
	return s, nil
}

func (s *site) close() {
	_ = s.server.Close()
	s.Server.Close()
}

// last gives the last request of a process; a zero one where there is none.
func (s *site) last(pid int) (last arrival) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.arrived {
		if a.pid == pid {
			last = a
		}
	}
	return last
}

// peer gives the process at the other end of a connection, by the kernel's tables: 0 where it is none of these.
func peer(address string, pids []int) int {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return 0
	}
	ip, number := net.ParseIP(host).To4(), 0
	if _, err := fmt.Sscanf(port, "%d", &number); err != nil || ip == nil {
		return 0
	}
	local := fmt.Sprintf("%02X%02X%02X%02X:%04X", ip[3], ip[2], ip[1], ip[0], number)
	for range 5 { // a table that changes while it is read may lack a line
		for _, pid := range pids {
			if inode := inodeOf(fmt.Sprintf("/proc/%d/net/tcp", pid), local); inode != "" && has(pid, "socket:["+inode+"]") {
				return pid
			}
		}
	}
	return 0
}

// inodeOf finds a local address in a table of sockets.
func inodeOf(table, local string) string {
	text, err := os.ReadFile(table)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 9 && f[1] == local {
			return f[9]
		}
	}
	return ""
}

// has tells whether a process has a file open.
func has(pid int, file string) bool {
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false
	}
	for _, e := range entries {
		if target, err := os.Readlink(dir + "/" + e.Name()); err == nil && target == file {
			return true
		}
	}
	return false
}

// tunnel passes connections on to another address, until it is told to swallow everything: then neither end learns anything.
type tunnel struct {
	address  string
	to       string
	listener net.Listener

	mu     sync.Mutex
	open   bool
	opened chan struct{} // closed when it is open
	conns  []net.Conn
}

func newTunnel(ctx context.Context, host, to string) (*tunnel, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", host+":0")
	if err != nil {
		return nil, err
	}
	t := &tunnel{address: l.Addr().String(), to: to, listener: l, open: true, opened: make(chan struct{})}
	close(t.opened)
	go t.serve()
	return t, nil
}

func (t *tunnel) serve() {
	for {
		near, err := t.listener.Accept()
		if err != nil {
			return
		}
		go func() {
			<-t.gate()
			far, err := net.Dial("tcp", t.to) //nolint:noctx // close ends it
			if err != nil {
				_ = near.Close()
				return
			}
			t.mu.Lock()
			t.conns = append(t.conns, near, far)
			t.mu.Unlock()
			go t.pump(near, far)
			t.pump(far, near)
		}()
	}
}

func (t *tunnel) gate() chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.opened
}

// pump passes on what is read, unless everything is swallowed: then it waits, and so does the end of the connection.
func (t *tunnel) pump(from, to net.Conn) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		<-t.gate()
		if n > 0 {
			if _, werr := to.Write(buffer[:n]); werr != nil {
				err = errors.Join(err, werr)
			}
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				_ = from.Close()
			}
			_ = to.Close()
			return
		}
	}
}

// cut swallows everything from now on; heal passes on again what was held back, as a network does that sends again.
func (t *tunnel) cut() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.opened = make(chan struct{})
}

func (t *tunnel) heal() {
	t.mu.Lock()
	defer t.mu.Unlock()
	close(t.opened)
}

func (t *tunnel) close() {
	_ = t.listener.Close()
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range t.conns {
		_ = c.Close()
	}
}
