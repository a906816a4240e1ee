// SPDX-License-Identifier: Apache-2.0

package pulp

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/pulp/pulp-manager/internal/fault"
)

// request is one thing asked of Pulp.
type request struct {
	what   string // for error texts: "create repository \"x\""
	method string
	path   string // escaped, from the root of the server
	query  url.Values
	body   any // sent as JSON unless nil

	anonymous bool // needs no login
	login     bool // is itself part of logging in: passes no gate
}

// safe tells that the request changes nothing, or nothing that matters.
func (r request) safe() bool { return r.method == http.MethodGet || r.login }

// answer is a success.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (c *Client) get(ctx context.Context, what, path string, q url.Values) (Fields, error) {
	r := request{what: what, method: http.MethodGet, path: path, query: q}
	got, err := c.do(ctx, r)
	if err != nil {
		return nil, err
	}
	return c.object(r, got)
}

// read gets the object at an href.
func (c *Client) read(ctx context.Context, what string, href Href) (Fields, error) {
	path, err := href.path()
	if err != nil {
		return nil, err
	}
	return c.get(ctx, what, path, nil)
}

// Object reads any object by its href.
func (c *Client) Object(ctx context.Context, href Href) (Fields, error) {
	return c.read(ctx, "read "+string(href), href)
}

// Change is what came of an update. Pulp answers 200 when nothing was changed or
// it was done at once, else with a task, which may be final already.
type Change struct {
	Task   Href   // "" with a 200
	Fields Fields // the object, with a 200
}

// create posts body to a collection and gives the new object.
func (c *Client) create(ctx context.Context, what, path string, body Fields) (Fields, error) {
	r := request{what: what, method: http.MethodPost, path: c.api + path, body: orEmpty(body)}
	got, err := c.do(ctx, r)
	if got == nil {
		return nil, err
	}
	object, bad := c.object(r, got)
	return object, either(err, bad)
}

// start posts body and gives the task that Pulp started.
func (c *Client) start(ctx context.Context, what, path string, body Fields) (Href, error) {
	r := request{what: what, method: http.MethodPost, path: path, body: orEmpty(body)}
	got, err := c.do(ctx, r)
	if got == nil {
		return "", err
	}
	task, bad := c.task(r, got)
	return task, either(err, bad)
}

// startAt posts to a place below an object, such as its "sync/".
func (c *Client) startAt(ctx context.Context, what string, href Href, below string, body Fields) (Href, error) {
	path, err := href.path()
	if err != nil {
		return "", err
	}
	return c.start(ctx, what, strings.TrimSuffix(path, "/")+"/"+below, body)
}

// update patches an object: 200 with the object, or 202 with a task.
func (c *Client) update(ctx context.Context, what string, href Href, body Fields) (Change, error) {
	path, err := href.path()
	if err != nil {
		return Change{}, err
	}
	r := request{what: what, method: http.MethodPatch, path: path, body: orEmpty(body)}
	got, err := c.do(ctx, r)
	if got == nil {
		return Change{}, err
	}
	if got.status == http.StatusAccepted {
		task, bad := c.task(r, got)
		return Change{Task: task}, either(err, bad)
	}
	object, bad := c.object(r, got)
	return Change{Fields: object}, either(err, bad)
}

// remove deletes an object: 202 with a task, or 204 without.
func (c *Client) remove(ctx context.Context, what string, href Href) (Href, error) {
	path, err := href.path()
	if err != nil {
		return "", err
	}
	r := request{what: what, method: http.MethodDelete, path: path}
	got, err := c.do(ctx, r)
	if got == nil || got.status != http.StatusAccepted {
		return "", err
	}
	task, bad := c.task(r, got)
	return task, either(err, bad)
}

// object reads an answer that must be one JSON object.
func (c *Client) object(r request, got *answer) (Fields, error) {
	var fields Fields
	if json.Unmarshal(got.body, &fields) != nil || fields == nil {
		return nil, c.unreadable(r, got)
	}
	return fields, nil
}

// task reads an answer that must name a task.
func (c *Client) task(r request, got *answer) (Href, error) {
	fields, err := c.object(r, got)
	if err != nil {
		return "", err
	}
	if href := fields.href("task"); href != "" {
		return href, nil
	}
	return "", c.unreadable(r, got)
}

func (c *Client) unreadable(r request, got *answer) error {
	words := "the answer is not what Pulp's API answers"
	if bytes.HasPrefix(bytes.TrimSpace(got.body), []byte("<")) {
		words += ": " + htmlWords(string(got.body))
	}
	return c.broken(fault.Internal, r.what, failure{}, words).
		WithHint("check that the address of server %s leads to Pulp's API", c.name)
}

func orEmpty(body Fields) Fields {
	if body == nil {
		return Fields{}
	}
	return body
}

func either(a, b error) error {
	if a != nil {
		return a
	}
	return b
}
