// SPDX-License-Identifier: Apache-2.0

package pulp

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
)

// Error is Pulp's answer to a request it did not carry out. It is in the chain of
// the fault.Error that every method returns.
type Error struct {
	Server string // name of the server
	Method string
	Path   string // without query
	Status int    // HTTP status

	// Detail is what Pulp said, as one line: "field: message; field: message".
	// A page of HTML is reduced to its text.
	Detail string

	// Fields holds a 400's messages by field. {"a": {"b": "text"}} is "a.b",
	// or "a" when both have the same name; messages about no field are under "".
	Fields map[string][]string
}

// Error gives the request and its status; Detail is in the fault's message.
func (e *Error) Error() string {
	return fmt.Sprintf("%s %s: HTTP %d", e.Method, e.Path, e.Status)
}

// NotSent tells that the failed request certainly had no effect: no connection was
// made, the gate refused, the context ended before, or Pulp refused it with a 4xx.
// Otherwise it may have had its effect although the answer was lost: look it up.
func NotSent(err error) bool {
	if f, ok := errors.AsType[*failure](err); ok && f.notSent {
		return true
	}
	e, ok := errors.AsType[*Error](err)
	return ok && e.Status >= 400 && e.Status < 500
}

// IsNotUnique tells that Pulp refused a value of that field because another object
// has it already.
func IsNotUnique(err error, field string) bool {
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Status != http.StatusBadRequest {
		return false
	}
	for _, message := range e.Fields[field] {
		if strings.Contains(strings.ToLower(message), "must be unique") {
			return true
		}
	}
	return false
}

// failure carries, inside an error, what the retry loop and NotSent need to know.
type failure struct {
	notSent bool          // certainly without effect
	again   bool          // the same request may work shortly
	after   time.Duration // what Pulp asked us to wait before
	err     error
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// notSent marks an error as one of a request that was not sent.
func notSent(e *fault.Error) *fault.Error {
	cause := e.Err
	if cause == nil {
		cause = errors.New("not sent")
	}
	out := *e
	out.Err = &failure{notSent: true, err: cause}
	return &out
}

// broken makes the error of a request that Pulp did not get, or got wrong.
func (c *Client) broken(kind fault.Kind, what string, f failure, words string) *fault.Error {
	if f.err == nil {
		f.err = errors.New(words)
	}
	return fault.Wrap(kind, &f, "Pulp server %s: %s: %s", c.name, what, words)
}

// refused makes the error of an answer that is not a success.
func (c *Client) refused(r request, status int, header http.Header, body []byte) *fault.Error {
	hidden := hiding(r.secrets())
	words, fields := readRefusal(header.Get("Content-Type"), hidden.bytes(body)) // before anything is cut off
	if words == "" {
		words = fmt.Sprintf("HTTP %d %s", status, http.StatusText(status))
	}
	e := &Error{Server: c.name, Method: r.method, Path: r.path, Status: status, Detail: words, Fields: fields}
	e.scrub(hidden)
	out := fault.Wrap(kindOfStatus(status), &failure{
		again: passing(status), after: retryAfter(header), err: e,
	}, "Pulp server %s: %s: %s", c.name, r.what, e.Detail)
	switch {
	case status == http.StatusUnauthorized:
		return out.WithHint("check the user name and password configured for server %s", c.name)
	case status == http.StatusForbidden:
		return out.WithHint("the account on server %s needs the right to do this", c.name)
	case status >= 300 && status < 400:
		out.Msg = fmt.Sprintf("Pulp server %s: %s: redirected elsewhere (HTTP %d)", c.name, r.what, status)
		return out.WithHint("configure server %s by the address it redirects to", c.name)
	case status >= 500:
		return out.WithHint("look at the log of server %s", c.name)
	}
	return out
}

func kindOfStatus(status int) fault.Kind {
	switch status {
	case http.StatusUnauthorized:
		return fault.Unauthenticated
	case http.StatusForbidden:
		return fault.Forbidden
	case http.StatusNotFound:
		return fault.NotFound
	case http.StatusConflict:
		return fault.Conflict
	case http.StatusTooManyRequests, http.StatusRequestTimeout:
		return fault.Unavailable
	}
	if status >= 500 {
		return fault.Unavailable
	}
	return fault.Invalid
}
