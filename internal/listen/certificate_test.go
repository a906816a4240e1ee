// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// served gives the certificate that a server shows.
func served(t *testing.T, address string) string {
	t.Helper()
	conn, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return string(conn.ConnectionState().PeerCertificates[0].Raw)
}

func rawOf(t *testing.T, text []byte) string {
	t.Helper()
	block, _ := pem.Decode(text)
	if block == nil {
		t.Fatal("no PEM")
	}
	if _, err := x509.ParseCertificate(block.Bytes); err != nil {
		t.Fatal(err)
	}
	return string(block.Bytes)
}

// until asks again and again, for as long as a change may take to be seen.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(patience); !is(); {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("%s does not happen", what)
		}
	}
}

func TestReload(t *testing.T) {
	var log logBook
	hangup := make(chan os.Signal)
	s, _ := overTLS(t)
	s.Handler, s.Logger, s.Hangup, s.times = protocol, log.logger(), hangup, usual
	s.times.look = 10 * time.Millisecond
	address := start(t, s)
	first := served(t, address)

	second, key := pemPair(t, nextYear())
	write(t, s.CertificateFile, second) // the key is still the first's
	until(t, "the complaint about half a change", func() bool { _, w := s.Certificate(); return strings.Contains(w, "does not match") })
	if served(t, address) != first {
		t.Error("half a pair is used")
	}
	if problem, warning := s.Certificate(); problem != "" || !strings.Contains(warning, "the one before is still used") {
		t.Errorf("state %q %q", problem, warning)
	}
	write(t, s.KeyFile, key)
	until(t, "the new certificate", func() bool { return served(t, address) == rawOf(t, second) })
	if problem, warning := s.Certificate(); problem+warning != "" {
		t.Errorf("state %q %q", problem, warning)
	}

	if err := os.Remove(s.KeyFile); err != nil {
		t.Fatal(err)
	}
	until(t, "the complaint about a missing key", func() bool { _, w := s.Certificate(); return strings.Contains(w, "cannot be read") })
	write(t, s.KeyFile, []byte("-----BEGIN PRIVATE KEY-----\ngarbage\n-----END PRIVATE KEY-----\n"))
	until(t, "the complaint about garbage", func() bool { _, w := s.Certificate(); return strings.Contains(w, "TLS certificate "+s.CertificateFile) })
	if served(t, address) != rawOf(t, second) {
		t.Error("the certificate in force is lost")
	}
	write(t, s.KeyFile, key)
	until(t, "peace", func() bool { _, w := s.Certificate(); return w == "" })

	third, key := pemPair(t, time.Now().Add(time.Hour))
	write(t, s.KeyFile, key)
	write(t, s.CertificateFile, third)
	hangup <- syscall.SIGHUP
	until(t, "the certificate that ends soon", func() bool { _, w := s.Certificate(); return strings.Contains(w, "expires on") })
	if served(t, address) != rawOf(t, third) {
		t.Error("another certificate is shown than warned of")
	}
	for _, part := range []string{"TLS certificate not changed", "TLS certificate in force", "TLS certificate needs attention"} {
		if !strings.Contains(log.String(), part) {
			t.Errorf("the log lacks %q:\n%s", part, log.String())
		}
	}
	if strings.Contains(log.String(), "BEGIN") || strings.Contains(log.String(), "garbage") {
		t.Errorf("the log has a key:\n%s", log.String())
	}
}

// A hangup reads the files at once, whether or not they are looked at otherwise.
func TestHangup(t *testing.T) {
	hangup := make(chan os.Signal)
	s, _ := overTLS(t)
	s.Handler, s.Hangup, s.times = protocol, hangup, usual
	s.times.look = time.Hour
	address := start(t, s)
	second, key := pemPair(t, nextYear())
	write(t, s.CertificateFile, second)
	write(t, s.KeyFile, key)
	hangup <- syscall.SIGHUP
	until(t, "the new certificate", func() bool { return served(t, address) == rawOf(t, second) })
}

func TestExpiry(t *testing.T) {
	now := time.Now()
	for name, test := range map[string]struct {
		end              time.Time
		problem, warning string
	}{
		"well":      {now.Add(15 * 24 * time.Hour), "", ""},
		"soon":      {now.Add(13 * 24 * time.Hour), "", "expires on"},
		"over":      {now.Add(-time.Minute), "has expired", ""},
		"not begun": {now.Add(366 * 24 * time.Hour), "is not valid before", ""},
	} {
		t.Run(name, func(t *testing.T) {
			file, key := pairFiles(t, t.TempDir(), test.end)
			var log logBook
			c, err := newCertificate(file, key, log.logger())
			if err != nil {
				t.Fatal(err)
			}
			problem, warning := c.state(now)
			if !strings.Contains(problem, test.problem) || !strings.Contains(warning, test.warning) || (problem == "") != (test.problem == "") || (warning == "") != (test.warning == "") {
				t.Errorf("problem %q, warning %q", problem, warning)
			}
			c.remind()
			if logged := log.String() != ""; logged != (problem+warning != "") {
				t.Errorf("logged %q", log.String())
			}
		})
	}
}
