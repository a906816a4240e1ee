// SPDX-License-Identifier: Apache-2.0

// Package client is the Go client of Pulp Manager's REST API. It needs nothing else
// of this program.
//
//	c, err := client.New("http://127.0.0.1:8080")
//	task, err := c.Ask(ctx, server.ID, "sync_repos", map[string]any{"max_runtime": "1h", "max_concurrent_syncs": 2})
//	done, err := c.WaitTask(ctx, task.ID, nil)
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// DefaultURL is where the daemon listens unless told otherwise.
const DefaultURL = "http://127.0.0.1:8080"

// maxAnswer bounds an answer, in bytes.
const maxAnswer = 64 << 20

// Client asks one daemon. It is safe for concurrent use.
type Client struct {
	base  *url.URL
	http  *http.Client
	token string // empty: none
	poll  pollTimes
}

// Option changes a client.
type Option func(*Client)

// WithHTTPClient uses another HTTP client: for TLS, proxies, or tests.
func WithHTTPClient(h *http.Client) Option { return func(c *Client) { c.http = h } }

// WithToken sends the token of a login with each request.
func WithToken(token string) Option { return func(c *Client) { c.token = token } }

// WithPolling sets how often WaitTask asks: at first, and at most slowly; and how long it
// puts up with a daemon that does not answer.
func WithPolling(first, slowest, patience time.Duration) Option {
	return func(c *Client) { c.poll = pollTimes{first: first, slowest: slowest, patience: patience} }
}

// New makes a client for the daemon at an address such as http://127.0.0.1:8080, optionally
// with a path in front of /v1.
func New(baseURL string, options ...Option) (*Client, error) {
	base, err := url.Parse(strings.TrimRight(baseURL, "/"))
	if err != nil || (base.Scheme != "http" && base.Scheme != "https") || base.Host == "" || base.RawQuery != "" || base.Fragment != "" {
		return nil, &Error{
			Status: http.StatusUnprocessableEntity, Detail: fmt.Sprintf("%q is not the address of a daemon", baseURL),
			Hint: "write it as " + DefaultURL,
		}
	}
	c := &Client{base: base, http: &http.Client{Timeout: time.Minute}, poll: defaultPoll}
	for _, option := range options {
		option(c)
	}
	return c, nil
}

// Close gives back idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Page is one page of a list.
type Page[T any] struct {
	Items    []T `json:"items"`
	Total    int `json:"total"`
	Page     int `json:"page"`
	PageSize int `json:"page_size"`
}

// do sends a request and reads the answer into into.
func (c *Client) do(ctx context.Context, method, path string, query url.Values, body, into any) error {
	req, err := c.request(ctx, method, path, query, body)
	if err != nil {
		return err
	}
	res, err := c.http.Do(req)
	if err != nil {
		return c.unreachable(ctx, err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return c.unreachable(ctx, err)
	}
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return errorOf(res, text)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return &Error{
			Status: res.StatusCode, RequestID: res.Header.Get("X-Request-ID"), Err: err,
			Detail: method + " " + path + " was answered with something else than expected: is this a Pulp Manager?",
		}
	}
	return nil
}

// request makes a request.
func (c *Client) request(ctx context.Context, method, path string, query url.Values, body any) (*http.Request, error) {
	address := *c.base
	address.Path += path
	address.RawQuery = query.Encode()
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, &Error{Status: http.StatusUnprocessableEntity, Detail: "the body cannot be written as JSON", Err: err}
		}
		content = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, address.String(), content)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return req, nil
}

// unreachable is the error for a daemon that did not answer. The context's own end
// goes before.
func (c *Client) unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var where *url.Error // its text has the address again
	if errors.As(err, &where) {
		err = where.Err
	}
	return &Error{
		Detail: "no answer from " + c.base.Redacted() + ": " + err.Error(), Err: err,
		Hint: "is the daemon running there? start it with `pulp-manager serve`, or give another address",
	}
}

// every calls visit for each item of all pages of a list.
func every[T any](ctx context.Context, find func(ctx context.Context, query url.Values) (Page[T], error), query url.Values, visit func(T)) error {
	query = cloneValues(query)
	for number, seen := 1, 0; ; number++ {
		query.Set("page", strconv.Itoa(number))
		page, err := find(ctx, query)
		if err != nil {
			return err
		}
		for _, item := range page.Items {
			visit(item)
		}
		if seen += len(page.Items); len(page.Items) == 0 || seen >= page.Total {
			return nil
		}
	}
}

// All gives the items of all pages of a list, such as c.Servers.
func All[T any](ctx context.Context, find func(ctx context.Context, query url.Values) (Page[T], error), query url.Values) ([]T, error) {
	var all []T
	err := every(ctx, find, query, func(item T) { all = append(all, item) })
	return all, err
}

func cloneValues(from url.Values) url.Values {
	to := url.Values{}
	for key, values := range from {
		to[key] = append([]string(nil), values...)
	}
	return to
}
