// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
)

// protocol answers with how it was asked.
var protocol = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "%s https=%v from=%s", r.Proto, IsHTTPS(r), addressOf(r.RemoteAddr))
})

func TestTLS(t *testing.T) {
	s, trusted := overTLS(t)
	s.Handler = protocol
	address := start(t, s)
	for name, test := range map[string]struct {
		change func(*tls.Config)
		want   string // of the answer; empty: the server refuses
	}{
		"1.1":                      {func(c *tls.Config) { c.MaxVersion = tls.VersionTLS11 }, ""},
		"1.2":                      {func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }, "HTTP/1.1"},
		"1.3":                      {func(c *tls.Config) { c.MinVersion = tls.VersionTLS13 }, "HTTP/1.1"},
		"HTTP/2":                   {func(c *tls.Config) { c.NextProtos = []string{"h2"} }, "HTTP/2.0"},
		"no forward secrecy":       {func(c *tls.Config) { old(c, tls.TLS_RSA_WITH_AES_128_GCM_SHA256) }, ""},
		"CBC":                      {func(c *tls.Config) { old(c, tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA) }, ""},
		"ChaCha20 in TLS 1.2":      {func(c *tls.Config) { old(c, tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256) }, "HTTP/1.1"},
		"a protocol that is not h": {func(c *tls.Config) { c.NextProtos = []string{"spdy/1"} }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			config := trusted.Clone()
			test.change(config)
			var protocols http.Protocols
			protocols.SetHTTP2(len(config.NextProtos) > 0)
			protocols.SetHTTP1(len(config.NextProtos) == 0)
			transport := &http.Transport{TLSClientConfig: config, Protocols: &protocols}
			defer transport.CloseIdleConnections()
			if name == "a protocol that is not h" {
				conn, err := tls.Dial("tcp", address, config)
				if err == nil {
					conn.Close()
					t.Error("agreed on a protocol that we do not speak")
				}
				return
			}
			answer, err := (&http.Client{Transport: transport, Timeout: patience}).Get("https://" + address + "/")
			if test.want == "" {
				if err == nil {
					answer.Body.Close()
					t.Error("accepted")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			body, err := io.ReadAll(answer.Body)
			if want := test.want + " https=true from=127.0.0.1"; err != nil || string(body) != want {
				t.Errorf("answered %q (%v), want %q", body, err, want)
			}
			if got := answer.Header.Get("Strict-Transport-Security"); got != "max-age=31536000" {
				t.Errorf("Strict-Transport-Security: %q", got)
			}
		})
	}
	if got := raw(t, address, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); !strings.HasPrefix(got, "HTTP/1.0 400 ") || !strings.Contains(got, "sent an HTTP request to an HTTPS server") {
		t.Errorf("a request without TLS is answered %q", got)
	}
}

func old(c *tls.Config, suite uint16) {
	c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{suite}
}

func TestWithoutTLS(t *testing.T) {
	address := start(t, &Server{Handler: protocol})
	answer, body := get(t, address, "/")
	if want := "HTTP/1.1 https=false from=127.0.0.1"; body != want || answer.Header.Get("Strict-Transport-Security") != "" {
		t.Errorf("answered %q %v, want %q", body, answer.Header, want)
	}
	// HTTP/2 without TLS is not spoken: neither at once nor by an upgrade.
	if got := raw(t, address, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"); strings.Contains(got, "HTTP/2.0 200") || strings.Contains(got, "from=") {
		t.Errorf("answered %q", got)
	}
	answer, body = get(t, address, "/", "Upgrade", "h2c", "HTTP2-Settings", "AAMAAABkAARAAAAAAAIAAAAA")
	if answer.StatusCode != http.StatusOK || !strings.HasPrefix(body, "HTTP/1.1") {
		t.Errorf("answered %d %q", answer.StatusCode, body)
	}
}

func TestCannotOpen(t *testing.T) {
	dir := t.TempDir()
	file, key := pairFiles(t, dir, nextYear())
	other, _ := pairFiles(t, t.TempDir(), nextYear())
	for name, test := range map[string]struct {
		s    Server
		kind fault.Kind
		says string
	}{
		"no key":      {Server{CertificateFile: file}, fault.Invalid, "no file with the TLS key"},
		"no file":     {Server{CertificateFile: dir + "/none", KeyFile: key}, fault.Invalid, "cannot be read: no such file"},
		"other's key": {Server{CertificateFile: other, KeyFile: key}, fault.Invalid, "does not match"},
		"swapped":     {Server{CertificateFile: key, KeyFile: file}, fault.Invalid, "TLS certificate"},
		"no address":  {Server{Address: "127.0.0.1:99999"}, fault.Conflict, "cannot listen on 127.0.0.1:99999"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := test.s.Open(); !fault.Is(err, test.kind) || !strings.Contains(err.Error(), test.says) || fault.Hint(err) == "" {
				t.Errorf("Open = %v (%s)", err, fault.Hint(err))
			}
		})
	}
}

// A handler may take longer than the client may take to send its request, and is told when it has taken too long.
func TestTimeOfRequests(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	s := &Server{RequestTimeout: 900 * time.Millisecond, times: quick(), Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
		ended <- r.Context().Err()
	})}
	address := start(t, s)
	for _, request := range []string{"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"} {
		began := time.Now()
		conn := dial(t, address, "127.0.0.1")
		if _, err := io.WriteString(conn, request); err != nil {
			t.Fatal(err)
		}
		if err := wait(t, "the end of the request's time", ended); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) < s.RequestTimeout {
			t.Errorf("%q ended after %s with %v", request, time.Since(began), err)
		}
	}
}

// Streams have no time limit, but end when serving does; requests under way are waited for.
func TestEnd(t *testing.T) {
	t.Parallel()
	for _, secured := range []bool{false, true} {
		t.Run(fmt.Sprint("TLS ", secured), func(t *testing.T) {
			s, config := &Server{}, (*tls.Config)(nil)
			if secured {
				s, config = overTLS(t)
			}
			began, left, release := make(chan string, 2), make(chan error, 1), make(chan struct{})
			s.RequestTimeout, s.times = 100*time.Millisecond, quick()
			s.times.write, s.times.slack, s.times.read = 50*time.Millisecond, 100*time.Millisecond, 200*time.Millisecond
			s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/v1/tasks/1/events" {
					began <- r.URL.Path
					<-release
					fmt.Fprint(w, "done")
					return
				}
				w.WriteHeader(http.StatusOK)
				if err := http.NewResponseController(w).Flush(); err != nil {
					t.Error(err)
				}
				began <- r.URL.Path
				select {
				case <-time.After(400 * time.Millisecond): // longer than all limits
				case <-r.Context().Done():
					t.Error("the stream ended with the limits of requests")
				}
				fmt.Fprint(w, "data: still there\n\n")
				if err := http.NewResponseController(w).Flush(); err != nil {
					t.Error(err)
				}
				<-r.Context().Done()
				left <- r.Context().Err()
				close(release)
			})
			address, stop := serve(t, s)
			scheme := "http://"
			if secured {
				scheme = "https://"
			}
			transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: secured}
			defer transport.CloseIdleConnections()
			client := &http.Client{Transport: transport, Timeout: patience}

			answer, err := client.Get(scheme + address + "/v1/tasks/1/events")
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			wait(t, "the stream", began)
			event := make([]byte, len("data: still there\n\n"))
			if _, err := io.ReadFull(answer.Body, event); err != nil || string(event) != "data: still there\n\n" {
				t.Fatalf("the stream sent %q, %v", event, err)
			}
			got := make(chan string, 1)
			go func() {
				answer, err := client.Get(scheme + address + "/slow")
				if err != nil {
					got <- err.Error()
					return
				}
				defer answer.Body.Close()
				body, _ := io.ReadAll(answer.Body)
				got <- string(body)
			}()
			wait(t, "the request", began)
			stop()
			if err := wait(t, "the stream's end", left); !errors.Is(err, context.Canceled) {
				t.Errorf("the stream ended with %v", err)
			}
			if text := wait(t, "the request's end", got); text != "done" {
				t.Errorf("a request under way was answered %q", text)
			}
		})
	}
}
