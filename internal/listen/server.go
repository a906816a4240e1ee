// SPDX-License-Identifier: Apache-2.0

// Package listen serves HTTP to clients that need not be friendly: TLS with a certificate that may change, reverse
// proxies that are believed, other sites' pages, and limits on everything that a client could use up.
//
// It knows nothing of what is served, but for two habits of the API: a path that ends in /events is a stream, which
// takes as long as it takes, and a refusal is a JSON object with detail and request_id.
package listen

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
)

// Server serves one handler at one address. Open it, then Serve.
type Server struct {
	Address string // host:port
	Handler http.Handler
	Logger  *slog.Logger

	CertificateFile string           // PEM chain; empty: no TLS
	KeyFile         string           // PEM
	Hangup          <-chan os.Signal // reads the two files again at once; may be nil

	TrustedProxies []netip.Prefix // whose word about a request's client is taken
	Origins        []string       // pages that may use what is served from a browser

	MaxRequests    int           // served at once; 0: any number
	MaxStreams     int           // event streams at once; 0: any number
	RequestTimeout time.Duration // of one request that is no stream; 0: none
	Always         []string      // paths that are answered whatever the load, such as /healthz

	times       times
	listener    net.Listener
	certificate *certificate
	ending      context.Context // ends streams
	end         context.CancelFunc
}

// times are limits that nobody sets but tests. Zero ones become those of usual.
type times struct {
	header   time.Duration // to send a request's header, and for TLS to be agreed on
	read     time.Duration // to send a whole request
	slack    time.Duration // to read an answer, beyond RequestTimeout
	write    time.Duration // to read one part of a stream
	idle     time.Duration // between requests of a connection
	look     time.Duration // between looks at the certificate's files
	shutdown time.Duration // for requests under way when serving ends
}

var usual = times{
	header: 10 * time.Second, read: time.Minute, slack: 30 * time.Second, write: 30 * time.Second, idle: 2 * time.Minute,
	look: 5 * time.Second, shutdown: 5 * time.Second,
}

// What one request, and one connection, may be at most.
const (
	maxHeader       = 64 << 10 // bytes
	maxAddress      = 48 << 10 // bytes of path and query
	maxBody         = 2 << 20  // bytes; what is served may allow less
	streamsPerConn  = 100      // requests at once of an HTTP/2 connection
	connsPerRequest = 4        // connections there may be for each of MaxRequests: most are idle
	fewestConns     = 64
)

// suites are the ciphers of TLS 1.2: with forward secrecy and authenticated. TLS 1.3 has no others.
var suites = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
}

// Open reads the certificate and takes the address, and gives it: with a port where that was 0. Errors are
// Invalid (the certificate) and Conflict (the address).
func (s *Server) Open() (string, error) {
	if s.Logger == nil {
		s.Logger = slog.New(slog.DiscardHandler)
	}
	if s.times == (times{}) {
		s.times = usual
	}
	if s.CertificateFile != "" || s.KeyFile != "" {
		c, err := newCertificate(s.CertificateFile, s.KeyFile, s.Logger)
		if err != nil {
			return "", err
		}
		s.certificate = c
	}
	listener, err := net.Listen("tcp", s.Address)
	if err != nil {
		return "", fault.Wrap(fault.Conflict, err, "cannot listen on %s: %v", s.Address, err).
			WithHint("stop what uses the address, or choose another with --listen or --metrics-listen")
	}
	s.listener = s.limited(listener)
	s.ending, s.end = context.WithCancel(context.Background())
	return listener.Addr().String(), nil
}

// Serve serves until ctx ends, then ends streams and waits a little for other requests. The error is of what ended it
// earlier.
func (s *Server) Serve(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	server := s.server()
	done := make(chan struct{})
	go func() {
		defer close(done)
		<-ctx.Done()
		s.end()
		limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.times.shutdown)
		defer cancel()
		if err := server.Shutdown(limit); err != nil {
			_ = server.Close()
		}
	}()
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		if s.certificate != nil {
			s.certificate.watch(ctx, s.times.look, s.Hangup)
		}
	}()
	var err error
	if s.certificate != nil {
		err = server.ServeTLS(s.listener, "", "")
	} else {
		err = server.Serve(s.listener)
	}
	stop()
	<-done
	<-watched
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fault.Wrap(fault.Internal, err, "%s is no longer served", s.Address)
}

// server makes Go's server, with all that a request passes before it gets to the handler.
func (s *Server) server() *http.Server {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(s.certificate != nil)
	server := &http.Server{
		Handler:           s.believe(s.secure(s.cors(s.bound(s.Handler)))),
		Protocols:         &protocols,
		ReadHeaderTimeout: s.times.header, ReadTimeout: s.times.read, IdleTimeout: s.times.idle, MaxHeaderBytes: maxHeader,
		HTTP2:    &http.HTTP2Config{MaxConcurrentStreams: streamsPerConn, SendPingTimeout: s.times.idle, WriteByteTimeout: s.times.write},
		ErrorLog: slog.NewLogLogger(complaints{s.Logger.Handler()}, slog.LevelWarn),
	}
	if s.RequestTimeout > 0 {
		server.WriteTimeout = s.RequestTimeout + s.times.slack
	}
	if s.certificate != nil {
		server.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, CipherSuites: suites, GetCertificate: s.certificate.get}
	}
	return server
}

// secure tells browsers to use TLS only, where they did.
func (s *Server) secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if IsHTTPS(r) {
			w.Header().Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

// Certificate tells how the certificate is: what is wrong with it, and what is about to be. Both are empty where all
// is well, and where there is none.
func (s *Server) Certificate() (problem, warning string) {
	if s.certificate == nil {
		return "", ""
	}
	return s.certificate.state(time.Now())
}
