// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

// start serves until the test ends, and gives the address.
func start(t *testing.T, s *Server) string {
	t.Helper()
	address, stop := serve(t, s)
	t.Cleanup(stop)
	return address
}

// serve serves until stop is called, which waits for the end.
func serve(t *testing.T, s *Server) (address string, stop func()) {
	t.Helper()
	s.Address = "127.0.0.1:0"
	address, err := s.Open()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx) }()
	return address, func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(patience):
			t.Error("serving does not end")
		}
	}
}

// quick are short limits.
func quick() times {
	q := usual
	q.header, q.read, q.slack, q.shutdown = 300*time.Millisecond, 600*time.Millisecond, time.Second, 3*time.Second
	return q
}

// pemPair makes a certificate for 127.0.0.1 that ends then, with its key.
func pemPair(t *testing.T, end time.Time) (certificate, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, NotBefore: end.Add(-365 * 24 * time.Hour), NotAfter: end, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
}

// pairFiles writes a new pair into a folder and gives the files' names.
func pairFiles(t *testing.T, dir string, end time.Time) (certificate, key string) {
	t.Helper()
	c, k := pemPair(t, end)
	certificate, key = filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	write(t, certificate, c)
	write(t, key, k)
	return certificate, key
}

func write(t *testing.T, file string, text []byte) {
	t.Helper()
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// nextYear is when a certificate ends that is well.
func nextYear() time.Time { return time.Now().Add(300 * 24 * time.Hour) }

// overTLS makes a Server with a certificate, and a client's settings for it.
func overTLS(t *testing.T) (*Server, *tls.Config) {
	t.Helper()
	file, key := pairFiles(t, t.TempDir(), nextYear())
	pool := x509.NewCertPool()
	text, err := os.ReadFile(file)
	if err != nil || !pool.AppendCertsFromPEM(text) {
		t.Fatal("no certificate:", err)
	}
	return &Server{CertificateFile: file, KeyFile: key}, &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS10}
}

// raw sends bytes on a connection of its own and gives all that comes back until the server closes it.
func raw(t *testing.T, address, text string) string {
	t.Helper()
	conn := dial(t, address, "127.0.0.1")
	if _, err := io.WriteString(conn, text); err != nil {
		t.Logf("sending: %v", err) // the server may have closed already
	}
	return rest(t, conn)
}

// rest gives what comes until the server closes the connection.
func rest(t *testing.T, conn net.Conn) string {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	var all bytes.Buffer
	if _, err := io.Copy(&all, conn); err != nil && strings.Contains(err.Error(), "timeout") {
		t.Fatalf("the server does not close the connection; so far it sent %q", all.String())
	}
	return all.String()
}

// dial connects from an address of this machine.
func dial(t *testing.T, address, from string) net.Conn {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: patience}
	conn, err := dialer.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// reply is an answer but for its body.
type reply struct {
	StatusCode int
	Header     http.Header
}

// get asks with a connection of its own.
func get(t *testing.T, address, path string, headers ...string) (reply, string) {
	t.Helper()
	return ask(t, address, "127.0.0.1", http.MethodGet, path, headers...)
}

func ask(t *testing.T, address, from, method, path string, headers ...string) (reply, string) {
	t.Helper()
	conn := dial(t, address, from)
	defer conn.Close()
	text := method + " " + path + " HTTP/1.1\r\nHost: " + address + "\r\nConnection: close\r\n"
	for i := 0; i+1 < len(headers); i += 2 {
		text += headers[i] + ": " + headers[i+1] + "\r\n"
	}
	if _, err := io.WriteString(conn, text+"\r\n"); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return reply{answer.StatusCode, answer.Header}, string(body)
}

// wait waits for something to happen.
func wait[T any](t *testing.T, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatalf("%s does not happen", what)
		panic("unreachable")
	}
}

// logBook is a log in memory.
type logBook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBook) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBook) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func (b *logBook) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelInfo}))
}
