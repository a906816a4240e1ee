// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"net"
	"net/netip"
	"sync"
)

// share is a number of things of which everybody may have some.
type share struct {
	most int // of all; 0: any number
	each int // of one address

	mu   sync.Mutex
	used int
	by   map[netip.Addr]int
}

func newShare(most, each int) *share {
	return &share{most: most, each: max(each, 1), by: map[netip.Addr]int{}}
}

// take takes one for an address if there is one left for it. A known one, such as a proxy, may have all.
func (s *share) take(address netip.Addr, known bool) bool {
	address = client(address)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.most > 0 && (s.used >= s.most || !known && s.by[address] >= s.each) {
		return false
	}
	s.used++
	s.by[address]++
	return true
}

// give gives one back.
func (s *share) give(address netip.Addr) {
	address = client(address)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used--
	if s.by[address]--; s.by[address] <= 0 {
		delete(s.by, address)
	}
}

// client is what counts as one client: an IPv4 address, or the network that one IPv6 customer is given.
func client(address netip.Addr) netip.Addr {
	address = address.Unmap().WithZone("")
	if address.Is6() {
		if network, err := address.Prefix(64); err == nil {
			return network.Addr()
		}
	}
	return address
}

// limited keeps the number of connections down, of all and of one address.
func (s *Server) limited(inner net.Listener) net.Listener {
	if s.MaxRequests <= 0 {
		return inner
	}
	most := max(connsPerRequest*s.MaxRequests+s.MaxStreams, fewestConns)
	return &limitedListener{Listener: inner, server: s, conns: newShare(most, most/4)}
}

type limitedListener struct {
	net.Listener
	server  *Server
	conns   *share
	refused seldom
}

// Accept gives the next connection. Those that are too many are closed at once.
func (l *limitedListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from := addressOf(conn.RemoteAddr().String())
		if l.conns.take(from, l.server.trusts(from)) {
			return &countedConn{Conn: conn, give: sync.OnceFunc(func() { l.conns.give(from) })}, nil
		}
		_ = conn.Close()
		l.refused.happened(func(times int) {
			l.server.Logger.Warn("too many connections: closed at once", "client", from.String(), "times", times)
		})
	}
}

// countedConn gives its place back once.
type countedConn struct {
	net.Conn
	give func()
}

// Close closes the connection.
func (c *countedConn) Close() error {
	defer c.give()
	return c.Conn.Close()
}

// addressOf gives the address of host:port; the zero one where it is none.
func addressOf(hostport string) netip.Addr {
	at, err := netip.ParseAddrPort(hostport)
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap()
}
