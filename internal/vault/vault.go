// SPDX-License-Identifier: Apache-2.0

// Package vault reads secrets from Vault or OpenBao through an agent that adds the
// login to each request (legacy section 7).
package vault

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

const (
	timeout = 30 * time.Second
	maxBody = 4 << 20 // bytes
)

// Config says where the agent is.
type Config struct {
	Addr string // base URL
	// Namespace is sent with each request; empty: none. The original sends one for the
	// secrets of definitions, and none for the passwords of servers.
	Namespace string
	Timeout   time.Duration     // of a request; 0: 30 s
	Transport http.RoundTripper // nil: the default, with the proxy that the environment names
}

// Client reads secrets. It is safe for use by many goroutines and keeps no secret.
type Client struct {
	addr      string
	namespace string
	http      *http.Client

	mu sync.Mutex
	// forms remembers by first segment of a reference how its mount is read.
	forms map[string]form
}

var _ fleet.Secrets = (*Client)(nil)

// New makes a client. It sends nothing. The error is Invalid: no address, or a bad one.
func New(cfg Config) (*Client, error) {
	u, err := url.Parse(cfg.Addr)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || u.User != nil {
		return nil, fault.New(fault.Invalid, "the address of Vault is not a URL such as http://127.0.0.1:8200").
			WithHint("set [vault] vault_addr in config.ini")
	}
	limit := cfg.Timeout
	if limit <= 0 {
		limit = timeout
	}
	return &Client{
		addr: strings.TrimRight(cfg.Addr, "/"), namespace: cfg.Namespace,
		http:  &http.Client{Timeout: limit, Transport: cfg.Transport},
		forms: map[string]form{},
	}, nil
}

// Secret reads the field of a reference vault:MOUNT/PATH#FIELD. Errors name the path and the
// field: Invalid (bad reference, or the field is not text), NotFound, Forbidden, Unavailable.
func (c *Client) Secret(ctx context.Context, ref fleet.SecretRef) (fleet.Secret, error) {
	rest, isVault := strings.CutPrefix(string(ref), "vault:")
	path, field, hasField := strings.Cut(rest, "#")
	segments := strings.Split(strings.Trim(path, "/"), "/")
	if !isVault || !hasField || field == "" || len(segments) < 2 {
		return fleet.Secret{}, fault.New(fault.Invalid, "a reference to a secret is not vault:MOUNT/PATH#FIELD").
			WithHint("name mount, path and field")
	}
	return c.field(ctx, segments, 1, len(segments)-1, field)
}

// Source reads a secret that a definition names. Unlike in a reference, where the mount ends is known.
func (c *Client) Source(ctx context.Context, s fleet.SecretSource) (fleet.Secret, error) {
	mount := strings.Split(strings.Trim(s.Mount, "/"), "/")
	segments := slices.Concat(mount, strings.Split(strings.Trim(s.Path, "/"), "/"))
	return c.field(ctx, segments, len(mount), len(mount), s.Field)
}

// field reads a secret whose mount has from least to most segments, and takes a field of it.
func (c *Client) field(ctx context.Context, segments []string, least, most int, name string) (fleet.Secret, error) {
	path := strings.Join(segments, "/")
	fields, err := c.read(ctx, segments, least, most)
	if err != nil {
		return fleet.Secret{}, err
	}
	value, there := fields[name]
	if !there || value == nil {
		return fleet.Secret{}, fault.New(fault.NotFound, "Vault: secret %s has no field %q", path, name).
			WithHint("add the field to the secret, or correct the reference")
	}
	text, ok := value.(string)
	if !ok || text == "" {
		return fleet.Secret{}, fault.New(fault.Invalid, "Vault: field %q of secret %s is empty or not text", name, path)
	}
	return fleet.NewSecret(text), nil
}

// get asks for a path below /v1/ and gives the answer's data.
func (c *Client) get(ctx context.Context, segments []string) (data map[string]any, status int, err error) {
	escaped := make([]string, len(segments))
	for i, s := range segments {
		escaped[i] = url.PathEscape(s)
	}
	path := strings.Join(segments, "/")
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.addr+"/v1/"+strings.Join(escaped, "/"), nil)
	if err != nil {
		return nil, 0, fault.Wrap(fault.Invalid, err, "Vault: path %s cannot be asked for", path)
	}
	req.Header.Set("X-Vault-Request", "true")
	if c.namespace != "" {
		req.Header.Set("X-Vault-Namespace", c.namespace)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, 0, c.unreachable(path, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err != nil {
		return nil, 0, c.unreachable(path, err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, resp.StatusCode, nil
	}
	var answer struct {
		Data map[string]any `json:"data"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || answer.Data == nil {
		// The error of the decoder may repeat a part of the answer.
		return nil, 0, fault.New(fault.Unavailable, "Vault at %s did not answer with a secret for %s", c.addr, path).
			WithHint("check that [vault] vault_addr is an agent or server of Vault or OpenBao")
	}
	return answer.Data, resp.StatusCode, nil
}

func (c *Client) unreachable(path string, err error) error {
	why := err
	if e := (*url.Error)(nil); errors.As(err, &e) {
		why = e.Err
		if e.Timeout() {
			why = errors.New("it took too long")
		}
	}
	return fault.Wrap(fault.Unavailable, err, "Vault at %s did not answer for %s: %v", c.addr, path, why).
		WithHint("check that the agent runs and can be reached")
}
