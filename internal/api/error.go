// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/pulp/pulp-manager/internal/auth"
	"github.com/pulp/pulp-manager/internal/fault"
)

// Problem is the body of every error answer. The original's clients read detail
// as text.
type Problem struct {
	Detail    string         `json:"detail" doc:"What is wrong, and where."`
	Hint      string         `json:"hint,omitempty" doc:"What to do about it."`
	RequestID string         `json:"request_id" doc:"Names this request in the daemon's log; also in the header X-Request-ID."`
	Errors    []FieldProblem `json:"errors,omitempty" nullable:"false" doc:"What is wrong with which part of the request."`
}

// FieldProblem says what is wrong with one part of a request.
type FieldProblem struct {
	Location string `json:"location" doc:"Part of the request: path, query or body, then the name." example:"body.max_runtime"`
	Message  string `json:"message" doc:"What is wrong with it." example:"is required"`
}

// statuses are the answers to each kind of error. Unavailable is our own store: the API
// asks nobody else.
var statuses = map[fault.Kind]int{
	fault.Internal:        http.StatusInternalServerError,
	fault.Invalid:         http.StatusUnprocessableEntity,
	fault.NotFound:        http.StatusNotFound,
	fault.Conflict:        http.StatusConflict,
	fault.Unauthenticated: http.StatusUnauthorized,
	fault.Forbidden:       http.StatusForbidden,
	fault.Unavailable:     http.StatusServiceUnavailable,
	fault.TooMany:         http.StatusTooManyRequests,
}

// answerError is an error whose status is not the one of its kind, or that says
// which parts of the request are wrong.
type answerError struct {
	status   int
	detail   string
	hint     string
	problems []FieldProblem
	err      error
}

// Error gives the detail and its cause: for logs.
func (e *answerError) Error() string {
	if e.err == nil {
		return e.detail
	}
	return e.detail + ": " + e.err.Error()
}

// Unwrap gives the cause.
func (e *answerError) Unwrap() error { return e.err }

// invalid is an error about parts of the request.
func invalid(problems ...FieldProblem) error {
	texts := make([]string, len(problems))
	for i, p := range problems {
		texts[i] = p.Location + " " + p.Message
	}
	return &answerError{status: http.StatusUnprocessableEntity, detail: strings.Join(texts, "; "), problems: problems}
}

// fail answers with an error, and keeps it for the log.
func (a *api) fail(ctx context.Context, c huma.Context, err error) {
	x := exchangeOf(ctx)
	status, problem := problemOf(err)
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		status = statusClientGone
	}
	x.err = err
	r, w := humago.Unwrap(c)
	if many := (*auth.TooManyError)(nil); errors.As(err, &many) {
		w.Header().Set("Retry-After", strconv.FormatInt(max(1, int64((many.After+time.Second-1)/time.Second)), 10))
	}
	writeProblem(w, r, status, problem)
}

// statusClientGone is logged where the client did not wait for the answer.
const statusClientGone = 499

// problemOf gives the status and the words for an error.
func problemOf(err error) (int, Problem) {
	var special *answerError
	if errors.As(err, &special) {
		return special.status, Problem{Detail: special.detail, Hint: special.hint, Errors: special.problems}
	}
	kind := fault.KindOf(err)
	status, known := statuses[kind]
	if !known || kind == fault.Internal {
		return http.StatusInternalServerError, Problem{Detail: "internal error"}
	}
	detail := fault.Message(err)
	if kind == fault.Unavailable && errors.Is(err, context.DeadlineExceeded) && detail == "internal error" {
		detail = "the request took too long"
	}
	return status, Problem{Detail: detail, Hint: fault.Hint(err)}
}

// writeProblem writes an error answer.
func writeProblem(w http.ResponseWriter, r *http.Request, status int, p Problem) {
	p.RequestID = exchangeOf(r.Context()).id
	body, err := json.Marshal(p)
	if err != nil { // texts only: cannot happen
		body = []byte(`{"detail":"internal error"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	switch status {
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "5")
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// quote shows a client's text in a message, cut where it is long.
func quote(text string) string {
	const most = 80
	if len(text) > most {
		text = text[:most] + "…"
	}
	return strconv.Quote(text)
}
