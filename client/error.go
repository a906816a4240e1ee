// SPDX-License-Identifier: Apache-2.0

package client

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
)

// Error is a request that was refused or not answered.
type Error struct {
	Status    int    // of the answer; 0: there was none
	Detail    string // what is wrong
	Hint      string // what to do about it; may be empty
	RequestID string // names the request in the daemon's log; may be empty
	Fields    []FieldError
	Err       error // cause, where there was no answer or not the expected one
}

// FieldError says what is wrong with one part of a request.
type FieldError struct {
	Location string `json:"location"`
	Message  string `json:"message"`
}

// Error gives detail, and the request id of errors that a person must look into.
func (e *Error) Error() string {
	text := e.Detail
	if text == "" {
		text = http.StatusText(e.Status)
	}
	if e.Status >= 500 && e.RequestID != "" {
		text += " (request " + e.RequestID + ")"
	}
	return text
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Unavailable tells whether trying again later may help.
func (e *Error) Unavailable() bool {
	switch e.Status {
	case 0, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout, http.StatusTooManyRequests:
		return true
	}
	return false
}

// errorOf reads an error answer. What is no JSON of ours, such as a proxy's page, is told
// by its status.
func errorOf(res *http.Response, text []byte) error {
	var answer struct {
		Detail    string       `json:"detail"`
		Hint      string       `json:"hint"`
		RequestID string       `json:"request_id"`
		Errors    []FieldError `json:"errors"`
	}
	e := &Error{Status: res.StatusCode, RequestID: res.Header.Get("X-Request-ID")}
	if err := json.Unmarshal(text, &answer); err == nil && answer.Detail != "" {
		e.Detail, e.Hint, e.Fields = answer.Detail, answer.Hint, answer.Errors
		if answer.RequestID != "" {
			e.RequestID = answer.RequestID
		}
		e.sayHowToLogIn(res)
		return e
	}
	e.sayHowToLogIn(res)
	e.Detail = strings.TrimSpace(res.Request.Method + " " + res.Request.URL.Path + " was answered " + res.Status)
	return e
}

// sayHowToLogIn replaces the hint where a login is missing or over: the API's is for programs.
func (e *Error) sayHowToLogIn(res *http.Response) {
	if e.Status == http.StatusUnauthorized && !strings.HasSuffix(res.Request.URL.Path, loginPath) {
		e.Hint = "log in with `pulp-manager login`"
	}
}

// Exit codes of programs that use the API.
const (
	ExitOK          = 0
	ExitFailed      = 1 // a task failed, or an error of ours
	ExitInvalid     = 2
	ExitForbidden   = 3
	ExitNotFound    = 4
	ExitConflict    = 5
	ExitUnavailable = 6
)

// ExitCode gives the exit code for an error; nil is 0.
func ExitCode(err error) int {
	var e *Error
	switch {
	case err == nil:
		return ExitOK
	case !errors.As(err, &e):
		return ExitFailed
	case e.Unavailable():
		return ExitUnavailable
	}
	switch e.Status {
	case http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType:
		return ExitInvalid
	case http.StatusUnauthorized, http.StatusForbidden:
		return ExitForbidden
	case http.StatusNotFound:
		return ExitNotFound
	case http.StatusConflict:
		return ExitConflict
	}
	return ExitFailed
}
