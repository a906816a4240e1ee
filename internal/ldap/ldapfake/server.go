// SPDX-License-Identifier: Apache-2.0

// Package ldapfake is an LDAP server for tests: it has the ways of OpenLDAP's slapd, or of Active Directory as far as its
// documentation tells them, and goes wrong when asked to. ldapcontract compares it with a real slapd.
package ldapfake

import (
	"crypto/tls"
	"net"
	"slices"
	"sync"
	"testing"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// Options say what kind of server it is.
type Options struct {
	Entries []Entry
	// MemberOf are the DNs below which entries have memberOf.
	MemberOf []string
	// AD is the name of a domain: the server has the ways of Active Directory. People are its entries with a sAMAccountName;
	// an attribute adState is a sub-code that a bind is refused with. Empty: of slapd.
	AD string
	// NoWhoAmI leaves out the operation that tells who is bound.
	NoWhoAmI bool
	// SizeLimit is the server's own, over all pages; 0: none.
	SizeLimit int
	// Host is the name in the certificate; empty: 127.0.0.1.
	Host string
}

// Trouble is how a server goes wrong. Places are "accept", "starttls", "bind", "search" and "groups" (a search of more than one entry).
type Trouble struct {
	Hang    string // no answer here, until the client leaves
	Drop    string // the connection ends here
	Garbage string // what is no LDAP comes here
	Flood   string // too much comes here
	Code    string // a result code here
	Result  uint16
	Text    string // with Result
}

// Server is one.
type Server struct {
	Plain string // host:port; with StartTLS too
	TLS   string // host:port of LDAPS
	CA    []byte // PEM

	o      Options
	config *tls.Config

	mu       sync.Mutex
	trouble  Trouble
	binds    []string
	searches []string
	accepted int
	conns    map[net.Conn]bool
	closed   bool
	serving  sync.WaitGroup
}

// Start makes a server on loopback, which ends with the test.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	s := &Server{o: o, conns: map[net.Conn]bool{}}
	s.config, s.CA = certificate(t, o.Host)
	one, two := listen(t), listen(t)
	s.Plain, s.TLS = one.Addr().String(), two.Addr().String()
	s.serving.Go(func() { s.accept(one, false) })
	s.serving.Go(func() { s.accept(two, true) })
	t.Cleanup(func() {
		_, _ = one.Close(), two.Close()
		s.mu.Lock()
		s.closed = true
		for c := range s.conns {
			_ = c.Close()
		}
		s.mu.Unlock()
		s.serving.Wait()
	})
	return s
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// GoWrong makes all that comes go wrong; the zero Trouble ends that.
func (s *Server) GoWrong(how Trouble) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trouble = how
}

// Binds are the names that were bound with, right or not, in order.
func (s *Server) Binds() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.binds)
}

// Searches are the filters that were asked for, in order.
func (s *Server) Searches() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.searches)
}

// Accepted counts connections.
func (s *Server) Accepted() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accepted
}

func (s *Server) accept(l net.Listener, secure bool) {
	for {
		raw, err := l.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.accepted++
		closed := s.closed
		s.conns[raw] = true
		s.mu.Unlock()
		if closed {
			_ = raw.Close()
			return
		}
		s.serving.Go(func() {
			defer func() {
				_ = raw.Close()
				s.mu.Lock()
				delete(s.conns, raw)
				s.mu.Unlock()
			}()
			s.serve(raw, secure)
		})
	}
}

func (s *Server) serve(raw net.Conn, secure bool) {
	c := &client{server: s, raw: raw, Conn: raw}
	if !c.wrong("accept", 0, 0) {
		return
	}
	if secure {
		c.Conn = tls.Server(raw, s.config)
	}
	for {
		packet, err := ber.ReadPacket(c)
		if err != nil || len(packet.Children) < 2 {
			return
		}
		if !c.handle(packet) {
			return
		}
	}
}

// client is one connection.
type client struct {
	net.Conn
	raw    net.Conn
	server *Server
	bound  string // DN; empty: anonymous
}

// handle answers a request; false ends the connection.
func (c *client) handle(packet *ber.Packet) bool {
	id, _ := packet.Children[0].Value.(int64)
	request := packet.Children[1]
	switch request.Tag {
	case ldap.ApplicationBindRequest:
		return c.bind(id, request)
	case ldap.ApplicationSearchRequest:
		var paging *ldap.ControlPaging
		if len(packet.Children) > 2 {
			for _, child := range packet.Children[2].Children {
				if control, err := ldap.DecodeControl(child); err == nil {
					paging, _ = control.(*ldap.ControlPaging)
				}
			}
		}
		return c.search(id, request, paging)
	case ldap.ApplicationExtendedRequest:
		return c.extended(id, request)
	}
	return false // an unbind, or what nobody sends
}

func (c *client) extended(id int64, request *ber.Packet) bool {
	const beginTLS, whoAmI = "1.3.6.1.4.1.1466.20037", "1.3.6.1.4.1.4203.1.11.3"
	switch oid := request.Children[0].Data.String(); {
	case oid == beginTLS:
		if !c.wrong("starttls", id, ldap.ApplicationExtendedResponse) {
			return false
		}
		c.result(id, ldap.ApplicationExtendedResponse, ldap.LDAPResultSuccess, "")
		c.Conn = tls.Server(c.raw, c.server.config)
		return true
	case oid == whoAmI && !c.server.o.NoWhoAmI:
		answer := result(ldap.ApplicationExtendedResponse, ldap.LDAPResultSuccess, "")
		answer.AppendChild(ber.NewString(ber.ClassContext, ber.TypePrimitive, 11, c.whoAmI(), "authzId"))
		c.send(id, answer)
		return true
	}
	c.result(id, ldap.ApplicationExtendedResponse, ldap.LDAPResultProtocolError, "unsupported extended operation")
	return true
}

// wrong does what goes wrong at a place; false ends the connection.
func (c *client) wrong(place string, id int64, tag ber.Tag) bool {
	c.server.mu.Lock()
	trouble := c.server.trouble
	c.server.mu.Unlock()
	switch place {
	case trouble.Hang:
		_, _ = c.raw.Read(make([]byte, 1)) // ends when the client leaves
		for {
			if _, err := c.raw.Read(make([]byte, 1024)); err != nil {
				return false
			}
		}
	case trouble.Drop:
		return false
	case trouble.Garbage:
		_, _ = c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
		return false
	case trouble.Flood:
		for {
			if _, err := c.Write(append([]byte{0x30, 0x84, 0x7f, 0, 0, 0}, make([]byte, 1<<20)...)); err != nil {
				return false
			}
		}
	case trouble.Code:
		c.result(id, tag, trouble.Result, trouble.Text)
		return false
	}
	return true
}

func (c *client) result(id int64, tag ber.Tag, code uint16, text string) {
	c.send(id, result(tag, code, text))
}

func (c *client) send(id int64, op *ber.Packet, controls ...ldap.Control) {
	packet := ber.NewSequence("LDAP Response")
	packet.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, id, "MessageID"))
	packet.AppendChild(op)
	if len(controls) > 0 {
		all := ber.Encode(ber.ClassContext, ber.TypeConstructed, 0, nil, "Controls")
		for _, control := range controls {
			all.AppendChild(control.Encode())
		}
		packet.AppendChild(all)
	}
	_, _ = c.Write(packet.Bytes())
}

func result(tag ber.Tag, code uint16, text string) *ber.Packet {
	op := ber.Encode(ber.ClassApplication, ber.TypeConstructed, tag, nil, "Response")
	op.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagEnumerated, int64(code), "resultCode"))
	op.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, "", "matchedDN"))
	op.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, text, "diagnosticMessage"))
	return op
}
