// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// recording answers each request with what it was.
var recording = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	fmt.Fprintf(w, "<%s %s %q %v>", r.Method, r.URL.Path, body, err)
})

// What a proxy and we could read differently is refused, or ends the connection, so that nothing is ever taken for a
// second request.
func TestSmuggling(t *testing.T) {
	t.Parallel()
	address := start(t, &Server{Handler: recording, times: quick()})
	const hidden = "GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n"
	for name, test := range map[string]struct {
		request string
		status  string // "" : closed without an answer
	}{
		"length and chunks":        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden, "200"},
		"chunks and length":        {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 400\r\n\r\n0\r\n\r\n" + hidden, "200"},
		"chunks alone":             {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden, "200"},
		"two lengths":              {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\n" + hidden, "400"},
		"two lengths in a list":    {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0, 5\r\n\r\n" + hidden, "400"},
		"a length with a sign":     {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +0\r\n\r\n" + hidden, "400"},
		"a length below zero":      {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n" + hidden, "400"},
		"a huge length":            {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n" + hidden, "400"},
		"an unknown coding":        {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + hidden, "501"},
		"two codings":              {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" + hidden, "501"},
		"the coding twice":         {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + hidden, "501"},
		"chunks in HTTP/1.0":       {"POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden, "200"},
		"blank before the colon":   {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + hidden, "400"},
		"tab before the colon":     {"GET / HTTP/1.1\r\nHost: x\r\nContent-Length\t: 5\r\n\r\n" + hidden, "400"},
		"blank before the name":    {"GET / HTTP/1.1\r\n Host: x\r\n\r\n" + hidden, "400"},
		"a line of nothing known":  {"GET / HTTP/1.1\r\nHost: x\r\nnonsense\r\n\r\n" + hidden, "400"},
		"NUL in a header":          {"GET / HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n" + hidden, "400"},
		"CR in a header":           {"GET / HTTP/1.1\r\nHost: x\r\nX: a\rContent-Length: 5\r\n\r\n" + hidden, "400"},
		"a chunk that is too long": {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n" + hidden, "200"},
		"a chunk ended by LF":      {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;a\nX\r\n0\r\n\r\n" + hidden, "200"},
		"two hosts":                {"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n" + hidden, "400"},
		"no host":                  {"GET / HTTP/1.1\r\n\r\n" + hidden, "400"},
		"a host that is none":      {"GET / HTTP/1.1\r\nHost: x/y z\r\n\r\n" + hidden, "400"},
		"HTTP/0.9":                 {"GET /\r\n" + hidden, "400"},
		"HTTP/3":                   {"GET / HTTP/3.0\r\nHost: x\r\n\r\n" + hidden, "505"},
		"a version that is none":   {"GET / HTTP/1.10\r\nHost: x\r\n\r\n" + hidden, "400"},
		"blanks in the address":    {"GET /a /b HTTP/1.1\r\nHost: x\r\n\r\n" + hidden, "400"},
		"a method that is none":    {"GE(T / HTTP/1.1\r\nHost: x\r\n\r\n" + hidden, "400"},
		"an unknown expectation":   {"GET / HTTP/1.1\r\nHost: x\r\nExpect: wonders\r\n\r\n" + hidden, "417"},
		"CONNECT":                  {"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\nConnection: close\r\n\r\n" + hidden, "405"},
		"bytes":                    {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n" + hidden, "400"},
		"a huge header":            {"GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("a", maxHeader+8<<10) + "\r\n\r\n" + hidden, "431"},
		"many headers":             {"GET / HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X: a\r\n", maxHeader/4) + "\r\n" + hidden, "431"},
		"a huge address":           {"GET /" + strings.Repeat("a", maxHeader+8<<10) + " HTTP/1.1\r\nHost: x\r\n\r\n" + hidden, "431"},
		"a long address":           {"GET /" + strings.Repeat("a", maxAddress) + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" + hidden, "414"},
	} {
		t.Run(name, func(t *testing.T) {
			got := raw(t, address, test.request)
			_, status, _ := strings.Cut(got, " ")
			if !strings.HasPrefix(got, "HTTP/1.") || !strings.HasPrefix(status, test.status+" ") {
				t.Errorf("answered %.200q, want %s", got, test.status)
			}
			if strings.Contains(got, "<GET /hidden") || strings.Count(got, "HTTP/1.") != 1 {
				t.Errorf("a hidden request is answered: %.400q", got)
			}
			if test.status == "405" && strings.Contains(got, "<") {
				t.Errorf("the handler was asked: %q", got)
			}
		})
	}
}

// What the standard allows to be read in one way only is read so.
func TestOldManners(t *testing.T) {
	address := start(t, &Server{Handler: recording, times: quick()})
	for name, test := range map[string]struct{ request, want string }{
		"lines ended by LF":      {"GET /a HTTP/1.1\nHost: x\nConnection: close\n\n", `<GET /a "" <nil>>`},
		"a folded header":        {"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n 2\r\nConnection: close\r\n\r\n{}", `<POST /a "{}" <nil>>`},
		"the same length twice":  {"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}", `<POST /a "{}" <nil>>`},
		"another method wanted":  {"GET /a HTTP/1.1\r\nHost: x\r\nX-HTTP-Method-Override: DELETE\r\nX-Method-Override: DELETE\r\nConnection: close\r\n\r\n", `<GET /a "" <nil>>`},
		"another address wanted": {"GET /a HTTP/1.1\r\nHost: x\r\nX-Original-URL: /b\r\nX-Rewrite-URL: /b\r\nConnection: close\r\n\r\n", `<GET /a "" <nil>>`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := raw(t, address, test.request); !strings.Contains(got, test.want) || strings.Count(got, "HTTP/1.") != 1 {
				t.Errorf("answered %q, want %s", got, test.want)
			}
		})
	}
}

// Clients that are slow on purpose lose their connection, and keep nobody from being served.
func TestSlowClients(t *testing.T) {
	t.Parallel()
	address := start(t, &Server{Handler: recording, MaxRequests: 256, MaxStreams: 1000, times: quick()})
	begins := map[string]string{
		"a header":          "GET / HTTP/1.1\r\nHost: x\r\nX: a",
		"a line":            "GET / HT",
		"nothing":           "",
		"a body":            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
		"chunks":            "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
		"after the request": "GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nX: ",
	}
	for name, sent := range begins {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			var slow []net.Conn
			for range 60 {
				conn := dial(t, address, "127.0.0.2")
				if _, err := io.WriteString(conn, sent); err != nil {
					t.Fatal(err)
				}
				slow = append(slow, conn)
			}
			if answer, _ := get(t, address, "/"); answer.StatusCode != http.StatusOK {
				t.Errorf("others are answered %d", answer.StatusCode)
			}
			for _, conn := range slow {
				got := rest(t, conn)
				if strings.Contains(got, "200 OK") != (name == "a body" || name == "chunks" || name == "after the request") || strings.Contains(got, `"" <nil>`) != (name == "after the request") {
					t.Errorf("answered %q", got)
				}
			}
			if took := time.Since(began); took > patience/2 {
				t.Errorf("took %s", took)
			}
		})
	}
}

// A client that sends a little now and then does not get more time by that.
func TestDrip(t *testing.T) {
	t.Parallel()
	address := start(t, &Server{Handler: recording, times: quick()})
	conn := dial(t, address, "127.0.0.1")
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n"); err != nil {
		t.Fatal(err)
	}
	for began := time.Now(); ; <-tick.C {
		if _, err := io.WriteString(conn, "X: a\r\n"); err != nil {
			return
		}
		if time.Since(began) > patience {
			t.Fatal("the connection stays")
		}
	}
}

// A body that does not end is not read to its end.
func TestEndlessBody(t *testing.T) {
	t.Parallel()
	var read atomic.Int64
	address := start(t, &Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		read.Store(n)
		if err != nil {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
		}
	})})
	conn := dial(t, address, "127.0.0.1")
	sent, failed := 0, false
	if _, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	chunk := fmt.Sprintf("10000\r\n%s\r\n", bytes.Repeat([]byte("a"), 0x10000))
	for sent < 64<<20 && !failed {
		n, err := io.WriteString(conn, chunk)
		sent += n
		failed = err != nil
	}
	if !failed || read.Load() != maxBody {
		t.Errorf("sent %d bytes, of which %d were read; closed: %v", sent, read.Load(), failed)
	}
}

// CVE-2023-44487: requests of HTTP/2 that are reset as soon as they are sent do not run more handlers than allowed, and others
// are still served. Continuations without end (CVE-2023-45288) end the connection.
func TestRapidReset(t *testing.T) {
	t.Parallel()
	s, config := overTLS(t)
	var running, most atomic.Int64
	release := make(chan struct{})
	s.MaxRequests = 1000
	s.Handler = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			return
		}
		for n := running.Add(1); ; {
			if m := most.Load(); n <= m || most.CompareAndSwap(m, n) {
				break
			}
		}
		defer running.Add(-1)
		<-release
	})
	address := start(t, s)
	config.NextProtos = []string{"h2"}
	conn, framer := framed(t, address, config)
	refused := make(chan error, 1)
	go func() { // what the server says, until it hangs up
		_, err := io.Copy(io.Discard, conn)
		refused <- err
	}()
	header := fields("/work")
	for id := uint32(1); id < 20_000; id += 2 {
		if framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: header, EndHeaders: true, EndStream: true}) != nil {
			break
		}
		if framer.WriteRSTStream(id, http2.ErrCodeCancel) != nil {
			break
		}
	}
	wait(t, "the end of the connection", refused)
	if m := most.Load(); m == 0 || m > streamsPerConn {
		t.Errorf("%d handlers at once for one connection", m)
	}
	close(release)

	conn, framer = framed(t, address, config)
	go func() {
		_, err := io.Copy(io.Discard, conn)
		refused <- err
	}()
	err := framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: header, EndStream: true})
	filler := bytes.Repeat([]byte{0x00, 0x01, 'x', 0x01, 'y'}, 2000)
	for i := 0; err == nil && i < 10_000; i++ {
		err = framer.WriteContinuation(1, false, filler)
	}
	if err == nil {
		t.Error("100 MB of headers were taken")
	}
	wait(t, "the end of the connection", refused)

	transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	answer, err := (&http.Client{Transport: transport, Timeout: patience}).Get("https://" + address + "/")
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK || answer.ProtoMajor != 2 {
		t.Errorf("others are answered %s %d", answer.Proto, answer.StatusCode)
	}
}

// framed speaks HTTP/2 by hand.
func framed(t *testing.T, address string, config *tls.Config) (net.Conn, *http2.Framer) {
	t.Helper()
	conn, err := tls.Dial("tcp", address, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	framer := http2.NewFramer(conn, conn)
	if err := framer.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	return conn, framer
}

func fields(path string) []byte {
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	encoder.SetMaxDynamicTableSize(0)
	for _, f := range [][2]string{{":method", "GET"}, {":scheme", "https"}, {":authority", "x"}, {":path", path}} {
		_ = encoder.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}) // to memory
	}
	return block.Bytes()
}

// Nothing that a handler puts into a header becomes a second one.
func TestHeaderInjection(t *testing.T) {
	address := start(t, &Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Name", "a\r\nSet-Cookie: evil=1\r\n\r\n<script>")
		w.Header().Set("X-Bad\r\nSet-Cookie: evil", "2")
		w.WriteHeader(http.StatusOK)
	})})
	got := raw(t, address, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	if !strings.Contains(got, "X-Name: a  Set-Cookie: evil=1") || strings.Contains(got, "\nSet-Cookie") || strings.Contains(got, "\n<script>") {
		t.Errorf("answered %q", got)
	}
}
