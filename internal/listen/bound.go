// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// bound keeps one request, and all of them, within limits.
func (s *Server) bound(next http.Handler) http.Handler {
	requests, streams := newShare(s.MaxRequests, (s.MaxRequests+1)/2), newShare(s.MaxStreams, (s.MaxStreams+1)/2)
	var refused seldom
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TransferEncoding) > 0 {
			// Who sends no length may have sent one too, for a proxy that reads it: what comes after on this connection
			// could be either's (RFC 9112, 6.1).
			w.Header().Set("Connection", "close")
		}
		switch {
		case r.ProtoMajor != 1 && r.TLS == nil: // the start of HTTP/2 in clear, which Go gives to handlers
			w.Header().Set("Connection", "close")
			refuse(w, http.StatusHTTPVersionNotSupported, "HTTP/2 is spoken over TLS only", "")
			return
		case r.Method == http.MethodConnect: // TRACE is refused by the handler, which knows what is allowed
			refuse(w, http.StatusMethodNotAllowed, "Method Not Allowed", "")
			return
		case len(r.RequestURI) > maxAddress:
			refuse(w, http.StatusRequestURITooLong, "the address is longer than 48 KiB", "ask for less at once")
			return
		case slices.Contains(s.Always, r.URL.Path):
			s.serve(next, w, r)
			return
		}
		taken, serve := requests, s.serve
		if stream(r) {
			taken, serve = streams, s.stream
		}
		from := addressOf(r.RemoteAddr)
		if !taken.take(from, s.trusts(from)) {
			refused.happened(func(times int) {
				s.Logger.Warn("too many requests at once: answered 503", "client", from.String(), "times", times)
			})
			w.Header().Set("Retry-After", "5")
			refuse(w, http.StatusServiceUnavailable, "too many requests are being served", "try again in a moment")
			return
		}
		defer taken.give(from)
		serve(next, w, r)
	})
}

// stream tells whether a request is for events, which has no end of its own.
func stream(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/events")
}

// serve gives a request so much time, and its body so much room.
func (s *Server) serve(next http.Handler, w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	if s.RequestTimeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.RequestTimeout)
		defer cancel()
	}
	r = r.WithContext(ctx)
	control := http.NewResponseController(w)
	read := func() { _ = control.SetReadDeadline(time.Time{}) }
	if r.Body == nil || r.Body == http.NoBody {
		read()
	} else {
		r.Body = &timedBody{ReadCloser: http.MaxBytesReader(w, r.Body, maxBody), read: read}
	}
	next.ServeHTTP(w, r)
}

// timedBody tells when all of it has been read: Go's server takes the limit on reading a request for one on
// answering it, and would end its context.
type timedBody struct {
	io.ReadCloser
	read func()
}

// Read reads.
func (b *timedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) { // no other: what is left of the body is still read, before the next request
		b.read()
	}
	return n, err
}

// stream lets a request take as long as it takes, until serving ends. Only a client that does not read what it
// is sent is left.
func (s *Server) stream(next http.Handler, w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(s.ending, cancel)() //nolint:contextcheck // the end of serving, not of the request
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Time{})
	_ = control.SetWriteDeadline(time.Time{})
	next.ServeHTTP(&streamWriter{ResponseWriter: w, control: control, patience: s.times.write}, r.WithContext(ctx))
}

// streamWriter has a time limit on each part of an answer instead of one on all of it.
type streamWriter struct {
	http.ResponseWriter
	control  *http.ResponseController
	patience time.Duration
}

// Write writes within the time limit.
func (w *streamWriter) Write(p []byte) (int, error) {
	defer w.limit()()
	return w.ResponseWriter.Write(p)
}

// FlushError is for http.ResponseController.
func (w *streamWriter) FlushError() error {
	defer w.limit()()
	return w.control.Flush()
}

// Flush is for those who do not want to know.
func (w *streamWriter) Flush() { _ = w.FlushError() }

// Unwrap is for http.ResponseController.
func (w *streamWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// limit sets the time limit; what it gives takes it away, for it would also end a stream of HTTP/2 that only waits.
func (w *streamWriter) limit() (end func()) {
	_ = w.control.SetWriteDeadline(time.Now().Add(w.patience))
	return func() { _ = w.control.SetWriteDeadline(time.Time{}) }
}

// refuse answers in the shape of the API's errors.
func refuse(w http.ResponseWriter, status int, detail, hint string) {
	id := rand.Text()
	body, err := json.Marshal(struct {
		Detail    string `json:"detail"`
		Hint      string `json:"hint,omitempty"`
		RequestID string `json:"request_id"`
	}{detail, hint, id})
	if err != nil { // texts only: cannot happen
		body = []byte(`{"detail":"refused"}`)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Request-ID", id)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
