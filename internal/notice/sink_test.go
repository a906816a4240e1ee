// SPDX-License-Identifier: Apache-2.0

package notice

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// sink is a mail server on loopback that keeps what it is given.
type sink struct {
	address  string
	roots    *x509.CertPool // that its certificate is checked by
	tls      bool           // from the start
	offer    string         // extensions beside STARTTLS, one a line: "AUTH PLAIN"
	starttls bool
	reject   string // recipient that it does not know
	config   *tls.Config

	mu    sync.Mutex
	mails []received
}

// received is a mail.
type received struct {
	from, to, text string
	encrypted      bool
	login          string // user and password
}

// listen serves until the test ends.
func (s *sink) listen(t *testing.T) *sink {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mail"}, NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	s.roots = x509.NewCertPool()
	s.roots.AddCert(certificate)
	s.config = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address = l.Addr().String()
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { s.serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		serving.Wait()
	})
	return s
}

func (s *sink) serve(conn net.Conn) {
	encrypted := s.tls
	if s.tls {
		conn = tls.Server(conn, s.config)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	in := bufio.NewReader(conn)
	say := func(lines ...string) { _, _ = fmt.Fprint(conn, strings.Join(lines, "\r\n")+"\r\n") }
	line := func() string {
		text, _ := in.ReadString('\n')
		return strings.TrimRight(text, "\r\n")
	}
	mail := received{encrypted: encrypted}
	say("220 sink ESMTP")
	for {
		command := line()
		verb, rest, _ := strings.Cut(command, " ")
		switch strings.ToUpper(verb) {
		case "EHLO":
			lines := []string{"250-sink"}
			if s.starttls && !mail.encrypted {
				lines = append(lines, "250-STARTTLS")
			}
			if s.offer != "" {
				lines = append(lines, "250-"+s.offer)
			}
			say(append(lines, "250 8BITMIME")...)
		case "STARTTLS":
			say("220 go")
			conn = tls.Server(conn, s.config)
			in, mail.encrypted = bufio.NewReader(conn), true
		case "AUTH":
			method, first, _ := strings.Cut(rest, " ")
			decode := func(text string) string { b, _ := base64.StdEncoding.DecodeString(text); return string(b) }
			if method == "PLAIN" {
				mail.login = strings.ReplaceAll(strings.TrimPrefix(decode(first), "\x00"), "\x00", " ")
			} else {
				say("334 " + base64.StdEncoding.EncodeToString([]byte("Username:")))
				user := decode(line())
				say("334 " + base64.StdEncoding.EncodeToString([]byte("Password:")))
				mail.login = user + " " + decode(line())
			}
			if mail.login != "pm hunter2" {
				say("535 5.7.8 no")
				continue
			}
			say("235 in")
		case "MAIL":
			mail.from = between(rest)
			say("250 ok")
		case "RCPT":
			if mail.to = between(rest); mail.to == s.reject {
				say("550 5.1.1 nobody here by that name")
				continue
			}
			say("250 ok")
		case "DATA":
			say("354 go on")
			for text := line(); text != "."; text = line() {
				mail.text += strings.TrimPrefix(text, ".") + "\n"
			}
			s.mu.Lock()
			s.mails = append(s.mails, mail)
			s.mu.Unlock()
			say("250 kept")
		case "QUIT":
			say("221 bye")
			return
		default:
			if command == "" {
				return
			}
			say("500 what?")
		}
	}
}

func between(text string) string {
	_, after, _ := strings.Cut(text, "<")
	inside, _, _ := strings.Cut(after, ">")
	return inside
}

// got gives the mails so far.
func (s *sink) got() []received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]received(nil), s.mails...)
}

// constant is a secret that is known.
func constant(text string) secretOf {
	return func(context.Context) (fleet.Secret, error) { return fleet.NewSecret(text), nil }
}
