// SPDX-License-Identifier: Apache-2.0

package ldap

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"sync/atomic"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// maxRead is how much a server may send on one connection, in bytes: far more than any login needs.
const maxRead = 16 << 20

// trust makes what certificates are checked by.
func trust(cfg Config) (*tls.Config, error) {
	var pool *x509.CertPool // nil: the system's
	if cfg.OnlyCA || len(cfg.CA) > 0 {
		pool = x509.NewCertPool()
		if !cfg.OnlyCA {
			if system, err := x509.SystemCertPool(); err == nil {
				pool = system
			}
		}
		if !pool.AppendCertsFromPEM(cfg.CA) {
			return nil, fault.New(fault.Invalid, "the CA for LDAP holds no certificate in PEM").
				WithHint("correct the file that [auth] ldap_ca_file, REQUESTS_CA_BUNDLE or [ca] root_ca_file_path names")
		}
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool}, nil
}

// conn is a connection to one server, for one login.
type conn struct {
	*ldap.Conn
	server *server
	wire   *wire
	leave  func() bool // stops watching the context
}

// connect makes a connection, encrypted unless the server is plain. Each error is an outage.
func (d *Directory) connect(ctx context.Context, s *server) (*conn, error) {
	limit, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	raw, err := (&net.Dialer{}).DialContext(limit, "tcp", s.addr)
	if err != nil {
		return nil, d.unreachable(s, err)
	}
	w := &wire{Conn: raw, timeout: d.timeout}
	w.left.Store(maxRead)
	leave := context.AfterFunc(ctx, func() { _ = raw.Close() })
	ready, err := s.secure(limit, w)
	if err != nil {
		leave()
		_ = raw.Close()
		return nil, d.unreachable(s, err)
	}
	c := &conn{Conn: ldap.NewConn(ready, s.way != plain), server: s, wire: w, leave: leave}
	c.SetTimeout(d.timeout)
	c.Start()
	return c, nil
}

// secure begins TLS as the server's way is, within the deadline of ctx.
func (s *server) secure(ctx context.Context, w *wire) (net.Conn, error) {
	if s.way == plain {
		return w, nil
	}
	if s.way == startTLS {
		at, _ := ctx.Deadline()
		_ = w.SetReadDeadline(at)
		if err := askTLS(w); err != nil {
			return nil, err
		}
		_ = w.SetReadDeadline(time.Time{})
	}
	c := tls.Client(w, s.tls)
	return c, c.HandshakeContext(ctx)
}

func (c *conn) close() {
	c.leave()
	_ = c.Close()
}

// askTLS sends StartTLS and reads the answer, and not a byte more: what somebody on the way adds in clear to the
// answer would else be read as part of the encrypted conversation.
func askTLS(w net.Conn) error {
	packet := ber.NewSequence("LDAP Request")
	packet.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, int64(1), "MessageID"))
	request := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationExtendedRequest, nil, "Start TLS")
	request.AppendChild(ber.NewString(ber.ClassContext, ber.TypePrimitive, 0, "1.3.6.1.4.1.1466.20037", "TLS Extended Command"))
	packet.AppendChild(request)
	if _, err := w.Write(packet.Bytes()); err != nil {
		return err
	}
	answer, err := ber.ReadPacket(w)
	if err != nil {
		return err
	}
	if len(answer.Children) < 2 || answer.Children[1].Tag != ldap.ApplicationExtendedResponse {
		return errNotLDAP
	}
	return ldap.GetLDAPError(answer)
}

// bind logs in. An error is Unauthenticated, or an outage.
func (c *conn) bind(n name, password fleet.Secret) error {
	if n.bind == "" || password.Empty() {
		return refused("it would be anonymous") // never reached: parse and usable see to it
	}
	err := c.Bind(n.bind, password.Reveal())
	if err == nil {
		return nil
	}
	code, text, answered := resultOf(err)
	if !answered {
		return c.broken(err)
	}
	return c.bindResult(code, text)
}

// broken is the outage of a connection that ended.
func (c *conn) broken(err error) error {
	if c.wire.left.Load() <= 0 {
		err = errTooLarge
	}
	return outage{server: c.server, reason: reason(err, c.wire.timeout), dead: true, err: err}
}

func (d *Directory) unreachable(s *server, err error) error {
	_, _, answered := resultOf(err)
	return outage{server: s, reason: reason(err, d.timeout), dead: !answered, err: err}
}

var (
	errNotLDAP  = errors.New("it does not speak LDAP on this port")
	errTooLarge = errors.New("its answer is too large")
)

// wire bounds what a server may send, and how long a write may take.
type wire struct {
	net.Conn
	left    atomic.Int64 // bytes that may still be read
	timeout time.Duration
}

func (w *wire) Read(p []byte) (int, error) {
	left := w.left.Load()
	if left <= 0 {
		return 0, errTooLarge
	}
	n, err := w.Conn.Read(p[:min(int64(len(p)), left)])
	w.left.Add(-int64(n))
	return n, err
}

func (w *wire) Write(p []byte) (int, error) {
	_ = w.SetWriteDeadline(time.Now().Add(w.timeout))
	return w.Conn.Write(p)
}
