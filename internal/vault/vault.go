// SPDX-License-Identifier: Apache-2.0

// Package vault reads secrets from Vault or OpenBao, through an agent that adds the login to
// each request (legacy section 7), or with a login of its own.
package vault

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/openbao/openbao/api/v2"
	"golang.org/x/sync/singleflight"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

const timeout = 30 * time.Second

// Config says where Vault is and how to log in.
type Config struct {
	Addr string // base URL of an agent, or of Vault itself
	// Namespace is that of the login and of references; empty: none. SecretNamespace is that of
	// secrets that definitions name; empty: Namespace. The original sends one for the latter only.
	Namespace       string
	SecretNamespace string
	CA              []byte // PEM, trusted beside the system's; nil: none
	Login           Login
	Secrets         fleet.Secrets // what Login refers to
	Timeout         time.Duration // of a request; 0: 30 s
}

// Client reads secrets. It is safe for use by many goroutines and keeps no secret but its login:
// each call asks Vault, and calls for the same at the same time share one answer, so a
// changed secret is seen by the next call.
type Client struct {
	addr      string
	namespace string
	second    string // SecretNamespace
	session   *session

	flights singleflight.Group
	flying  sync.WaitGroup

	mu     sync.Mutex
	closed bool
	// forms remembers by namespace and first segments of a path how its mount is read.
	forms map[string]form
}

var _ fleet.Secrets = (*Client)(nil)

// New makes a client. It sends nothing. The error is Invalid: no address, or a bad one, a CA
// that is none, or a login that is not whole.
func New(cfg Config) (*Client, error) {
	u, err := url.Parse(cfg.Addr)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || u.User != nil {
		return nil, fault.New(fault.Invalid, "the address of Vault is not a URL such as http://127.0.0.1:8200").
			WithHint("set [vault] vault_addr in config.ini")
	}
	addr := strings.TrimRight(cfg.Addr, "/")
	wire, err := newWire(addr, cfg)
	if err != nil {
		return nil, err
	}
	login, err := cfg.Login.method(cfg.Secrets)
	if err != nil {
		return nil, err
	}
	second := cfg.SecretNamespace
	if second == "" {
		second = cfg.Namespace
	}
	return &Client{
		addr: addr, namespace: cfg.Namespace, second: second,
		session: newSession(addr, wire.WithNamespace(cfg.Namespace), login), forms: map[string]form{},
	}, nil
}

// Close waits for what is asked for, then ends the renewal of our login, and the login itself where
// it is our own. What is asked for afterwards is Unavailable.
func (c *Client) Close(ctx context.Context) error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	return errors.Join(wait(ctx, &c.flying), c.session.close(ctx))
}

// Secret reads the field of a reference vault:MOUNT/PATH#FIELD. Errors name the path and the
// field: Invalid (bad reference, or the field is not text), NotFound, Forbidden, Unauthenticated
// (no login), Unavailable.
func (c *Client) Secret(ctx context.Context, ref fleet.SecretRef) (fleet.Secret, error) {
	rest, isVault := strings.CutPrefix(string(ref), "vault:")
	path, field, hasField := strings.Cut(rest, "#")
	segments := strings.Split(strings.Trim(path, "/"), "/")
	if !isVault || !hasField || field == "" || len(segments) < 2 {
		return fleet.Secret{}, fault.New(fault.Invalid, "a reference to a secret is not vault:MOUNT/PATH#FIELD").
			WithHint("name mount, path and field")
	}
	return c.field(ctx, question{c.namespace, segments, 1, len(segments) - 1}, field)
}

// Source reads a secret that a definition names. Unlike in a reference, where the mount ends is known.
func (c *Client) Source(ctx context.Context, s fleet.SecretSource) (fleet.Secret, error) {
	mount := strings.Split(strings.Trim(s.Mount, "/"), "/")
	segments := slices.Concat(mount, strings.Split(strings.Trim(s.Path, "/"), "/"))
	return c.field(ctx, question{c.second, segments, len(mount), len(mount)}, s.Field)
}

// field takes a field of a secret.
func (c *Client) field(ctx context.Context, q question, name string) (fleet.Secret, error) {
	fields, err := c.share(ctx, q)
	if err != nil {
		return fleet.Secret{}, err
	}
	value, there := fields[name]
	if !there || value == nil {
		return fleet.Secret{}, fault.New(fault.NotFound, "Vault: secret %s has no field %q", q.path(), name).
			WithHint("add the field to the secret, or correct the reference")
	}
	text, ok := value.(string)
	if !ok || text == "" {
		return fleet.Secret{}, fault.New(fault.Invalid, "Vault: field %q of secret %s is empty or not text", name, q.path()).
			WithHint("store it as a text")
	}
	return fleet.NewSecret(text), nil
}

// share reads a secret together with all who ask for it at this moment. One who gives up leaves
// the others their answer.
func (c *Client) share(ctx context.Context, q question) (map[string]any, error) {
	key := fmt.Sprintf("%#v", q)
	answer := c.flights.DoChan(key, func() (any, error) {
		if !c.begin() {
			return nil, c.refused(q.path(), errClosed)
		}
		defer c.flying.Done()
		return c.read(context.WithoutCancel(ctx), q) // each request has its own time limit
	})
	select {
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case got := <-answer:
		fields, _ := got.Val.(map[string]any)
		return fields, got.Err
	}
}

// begin counts a flight, unless the client is closed.
func (c *Client) begin() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.flying.Add(1)
	}
	return !c.closed
}

// get asks for a path below /v1/ and gives the answer's data, nil where there is none.
func get(ctx context.Context, c *api.Client, path string) (data map[string]any, status int, err error) {
	resp, err := c.Logical().ReadRawWithContext(ctx, path)
	if resp != nil {
		defer resp.Body.Close()
		status = resp.StatusCode
	}
	if err != nil {
		return nil, status, err
	}
	secret, err := api.ParseSecret(resp.Body)
	if err != nil || secret == nil || secret.Data == nil {
		// The error of the decoder may repeat a part of the answer.
		return nil, status, errNoSecret
	}
	return secret.Data, status, nil
}
