// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"context"
	"errors"
	"net/http"
	"sync"

	"github.com/openbao/openbao/api/v2"
)

// session is the client's login: a token that is renewed as long as Vault lets us, and replaced by
// a new login when it has ended.
type session struct {
	addr  string
	wire  *api.Client // without a token
	login method
	turn  chan struct{} // held while logging in

	mu      sync.Mutex
	current *held // nil: none
	closed  bool
	work    sync.WaitGroup // renewals
}

// held is a token in use.
type held struct {
	client  *api.Client // with the token
	watcher *api.LifetimeWatcher
}

func newSession(addr string, wire *api.Client, login method) *session {
	return &session{addr: addr, wire: wire, login: login, turn: make(chan struct{}, 1)}
}

// use makes requests with the login. Where they are forbidden because the token is gone, revoked
// say, it logs in again and makes them once more.
func (s *session) use(ctx context.Context, fn func(*api.Client) error) error {
	h, err := s.get(ctx, nil)
	if err != nil {
		return err
	}
	err = fn(h.client)
	if s.login.login == nil || statusOf(err) != http.StatusForbidden || !gone(ctx, h) {
		return err
	}
	next, loginErr := s.get(ctx, h)
	if loginErr != nil {
		return loginErr
	}
	if next.client.Token() == h.client.Token() {
		return err // there is no other
	}
	return fn(next.client)
}

// gone tells whether Vault no longer knows a token: one that it knows may look itself up, by the
// policy that each token has.
func gone(ctx context.Context, h *held) bool {
	_, err := h.client.Auth().Token().LookupSelfWithContext(ctx)
	return statusOf(err) == http.StatusForbidden
}

// get gives the token in use, but not old; it logs in where there is none. One logs in at a time;
// the others share what comes of it.
func (s *session) get(ctx context.Context, old *held) (*held, error) {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	s.mu.Lock()
	current, closed := s.current, s.closed
	s.mu.Unlock()
	switch {
	case closed:
		return nil, errClosed
	case current != nil && current != old:
		return current, nil
	case s.login.login == nil:
		return &held{client: s.wire}, nil
	}
	auth, err := s.login.login(ctx, s.wire)
	if err != nil {
		return nil, err
	}
	return s.hold(auth)
}

// hold takes a token in use and sees to its renewal.
func (s *session) hold(auth *api.SecretAuth) (*held, error) {
	h := &held{client: s.wire.WithNamespace(s.wire.Namespace())}
	h.client.SetToken(auth.ClientToken)
	if auth.LeaseDuration > 0 { // else it does not end
		watcher, err := h.client.NewLifetimeWatcher(&api.LifetimeWatcherInput{Secret: &api.Secret{Auth: auth}})
		if err != nil {
			return nil, err
		}
		h.watcher = watcher
	}
	s.mu.Lock()
	old := s.current
	s.current = h
	if h.watcher != nil {
		s.work.Go(func() {
			h.watcher.Start()
			s.drop(h)
		})
	}
	s.mu.Unlock()
	old.stop()
	return h, nil
}

// drop forgets a token that is about to end.
func (s *session) drop(h *held) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == h {
		s.current = nil
	}
}

func (h *held) stop() {
	if h != nil && h.watcher != nil {
		h.watcher.Stop()
	}
}

// close ends the session. A token of our own login is revoked, and with it what it leased.
func (s *session) close(ctx context.Context) error {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	s.mu.Lock()
	h := s.current
	s.current, s.closed = nil, true
	s.mu.Unlock()
	h.stop()
	var err error
	if h != nil && s.login.ours {
		err = h.client.Auth().Token().RevokeSelfWithContext(ctx, "")
		switch statusOf(err) {
		case http.StatusForbidden, http.StatusBadRequest:
			err = nil // ended already, or of a kind that cannot be revoked
		default:
			if err != nil {
				err = loginRefused(s.addr, "to our logout", err, "the token ends by itself")
			}
		}
	}
	return errors.Join(err, wait(ctx, &s.work))
}

// wait waits for work, but not beyond ctx.
func wait(ctx context.Context, work *sync.WaitGroup) error {
	done := make(chan struct{})
	go func() { work.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
