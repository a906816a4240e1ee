// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// exchange is what is known about a request while it is served.
type exchange struct {
	id    string
	err   error // why it failed, for the log
	quiet bool

	audited bool             // what happened is recorded
	entry   fleet.AuditEntry // as far as it is known
}

type exchangeKey struct{}

// exchangeOf gives a request's exchange. Outside of guard there is an empty one.
func exchangeOf(ctx context.Context) *exchange {
	if x, ok := ctx.Value(exchangeKey{}).(*exchange); ok {
		return x
	}
	return &exchange{}
}

// guard gives each request an id, refuses those that a browser was tricked into,
// turns panics into answers, and logs.
func (a *api) guard(next http.Handler) http.Handler {
	origins := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := &exchange{id: requestID(r.Header.Get("X-Request-ID"))}
		r = r.WithContext(context.WithValue(r.Context(), exchangeKey{}, x))
		start, rec := time.Now(), &recorder{ResponseWriter: w}
		setHeaders(rec.Header(), x.id)
		defer func() { a.log(r, x, rec, time.Since(start)) }()
		defer func() { a.audit(r, x, rec.statusOr200()) }()
		defer a.recover(rec, r, x)

		switch err := origins.Check(r); {
		case err != nil:
			writeProblem(rec, r, http.StatusForbidden, Problem{Detail: "a page of another site may not use this API"})
		case a.Loopback && a.unlocked() && !local(r.Host):
			writeProblem(rec, r, http.StatusMisdirectedRequest, Problem{
				Detail: "this daemon answers to localhost and to addresses only, not to " + quote(r.Host),
				Hint:   "it listens on loopback and not everything needs a login; behind a proxy, send the header Host: localhost",
			})
		default:
			next.ServeHTTP(rec, r)
		}
	})
}

// requestID gives the client's id for the request if it is a sane one, else a new one.
func requestID(given string) string {
	sane := given != "" && len(given) <= 128 && strings.IndexFunc(given, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("._:-", c)
	}) < 0
	if sane {
		return given
	}
	return rand.Text()
}

// setHeaders sets what every answer has. Documentation pages replace the policy.
func setHeaders(h http.Header, id string) {
	h.Set("X-Request-ID", id)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
}

// local tells whether a Host header names this machine in a way that no foreign name
// server can claim.
func local(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.Trim(host, "[]")
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// recover answers 500 to a request whose handler panicked.
func (a *api) recover(w *recorder, r *http.Request, x *exchange) {
	switch p := recover(); p {
	case nil:
	case http.ErrAbortHandler:
		panic(p)
	default:
		x.err = &panicError{value: p, stack: debug.Stack()}
		if w.status == 0 {
			writeProblem(w, r, http.StatusInternalServerError, Problem{Detail: "internal error"})
		}
	}
}

// panicError is a panic of a handler, for the log.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v\n%s", e.value, e.stack) }

// log writes one line a request: no query, no body, no header, so no secret.
func (a *api) log(r *http.Request, x *exchange, w *recorder, took time.Duration) {
	level := slog.LevelInfo
	attrs := []slog.Attr{
		slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Int("status", w.statusOr200()),
		slog.Duration("duration", took), slog.String("request_id", x.id),
		slog.String("client", clientAddress(r)),
	}
	if x.entry.User != "" {
		attrs = append(attrs, slog.String("user", x.entry.User))
	}
	switch {
	case w.statusOr200() == statusClientGone:
	case w.statusOr200() >= 500 && x.err != nil:
		level = slog.LevelError
		attrs = append(attrs, slog.String("err", x.err.Error()))
	case x.quiet:
		level = slog.LevelDebug
	}
	a.Logger.LogAttrs(r.Context(), level, "request", attrs...)
}

// recorder remembers the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader remembers the status.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write is an answer with status 200 where none was set.
func (r *recorder) Write(b []byte) (int, error) {
	r.status = r.statusOr200()
	return r.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func (r *recorder) statusOr200() int {
	if r.status == 0 {
		return http.StatusOK
	}
	return r.status
}
