// SPDX-License-Identifier: Apache-2.0

// Package fault holds the kinds of error the program knows.
//
// An adapter classifies an error once, where it enters the program; code in the
// middle wraps it with %w; the edge decides from its kind what to answer (HTTP
// status, retry, exit code). An error without a kind is Internal.
package fault

import (
	"context"
	"errors"
	"fmt"
)

// Kind tells what sort of error happened, and so what to do about it.
type Kind int

const (
	// Internal is an error of ours: a person must look. The zero value.
	Internal Kind = iota
	// Invalid is input that can never work as given.
	Invalid
	// NotFound is a thing that is not there.
	NotFound
	// Conflict is a thing that exists already, or is in use by another.
	Conflict
	// Unauthenticated is a missing or refused login.
	Unauthenticated
	// Forbidden is a login without the right to do this.
	Forbidden
	// Unavailable is another system (Pulp, database, directory) that did not
	// answer: trying again later may help.
	Unavailable
	// TooMany is one request too many in a time: later it may be heard.
	TooMany
)

var names = [...]string{"internal", "invalid", "not found", "conflict", "unauthenticated", "forbidden", "unavailable", "too many"}

// String gives the kind in words, for logs.
func (k Kind) String() string {
	if k < 0 || int(k) >= len(names) {
		return fmt.Sprintf("kind %d", int(k))
	}
	return names[k]
}

// Error is an error with a kind. Msg may be shown to a user; Err is for the log
// only and may hold anything.
type Error struct {
	Kind Kind
	Msg  string // what failed, on which server and repository, why
	Hint string // what to do about it; may be empty
	Err  error  // cause, for the log; may be nil
}

// New makes an error whose text may be shown.
func New(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Msg: fmt.Sprintf(format, args...)}
}

// Wrap makes an error whose text may be shown, caused by err, which is logged only.
func Wrap(kind Kind, err error, format string, args ...any) *Error {
	return &Error{Kind: kind, Msg: fmt.Sprintf(format, args...), Err: err}
}

// WithHint returns a copy of e that also says what to do.
func (e *Error) WithHint(format string, args ...any) *Error {
	c := *e
	c.Hint = fmt.Sprintf(format, args...)
	return &c
}

// Error gives the message and its cause: for logs.
func (e *Error) Error() string {
	if e.Err == nil {
		return e.Msg
	}
	return e.Msg + ": " + e.Err.Error()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf gives the kind of the outermost Error in err's chain. A context that
// ran into its deadline is Unavailable; everything else unknown is Internal.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return Unavailable
	}
	return Internal
}

// Is tells whether err is of that kind. It is false for nil.
func Is(err error, kind Kind) bool { return err != nil && KindOf(err) == kind }

// Message gives the part of err that may be shown: the outermost Error's Msg, or
// "internal error" where there is none.
func Message(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Msg
	}
	return "internal error"
}

// Hint gives the first non-empty hint in err's chain.
func Hint(err error) string {
	var e *Error
	for errors.As(err, &e) {
		if e.Hint != "" {
			return e.Hint
		}
		err = e.Err
	}
	return ""
}
