// SPDX-License-Identifier: Apache-2.0

package pulp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"

	"github.com/pulp/pulp-manager/internal/fault"
)

const (
	loginPath  = "login/" // Pulp 3.70
	csrfCookie = "csrftoken"
	csrfHeader = "X-Csrftoken"
)

// credentials go along with a request: a session's cookies, or a name and
// password, which costs Pulp a quarter of a second each time. The zero value is
// nobody.
type credentials struct {
	cookies            http.CookieJar
	username, password string // used when there are no cookies of a session yet
	basic              bool
}

// put adds the credentials to a request. Pulp wants a token beside the cookie of
// a request that changes something, and over TLS a Referer of its own.
func (a credentials) put(base *url.URL, req *http.Request) {
	if a.basic {
		req.SetBasicAuth(a.username, a.password)
		return
	}
	if a.cookies == nil {
		return
	}
	for _, cookie := range a.cookies.Cookies(req.URL) {
		req.AddCookie(cookie)
		if cookie.Name == csrfCookie && req.Method != http.MethodGet {
			req.Header.Set(csrfHeader, cookie.Value)
			req.Header.Set("Referer", base.String()+"/")
		}
	}
}

// keep takes over the cookies of an answer.
func (a credentials) keep(base *url.URL, resp *http.Response) {
	if a.cookies != nil {
		a.cookies.SetCookies(base, resp.Cookies())
	}
}

// session is the client's login. Many requests share it; one at a time renews it.
type session struct {
	client   *Client
	username string
	ask      func(context.Context) (string, error)
	turn     chan struct{} // held while logging in

	mu        sync.Mutex
	current   *credentials
	basicOnly bool  // Pulp has no login, or does not take its cookies
	logins    int   // finished tries to log in
	lastErr   error // of the last one
}

func (s *session) init(c *Client, username string, ask func(context.Context) (string, error)) {
	s.client, s.username, s.ask = c, username, ask
	s.turn = make(chan struct{}, 1)
}

// authorized sends a request with the login it needs. When Pulp refuses the
// session, it logs in again, once; when it refuses a fresh session too, the server
// does not take sessions, and a name and password are tried.
func (c *Client) authorized(ctx context.Context, r request) (*answer, error) {
	if r.anonymous || c.session.username == "" {
		return c.exchange(ctx, r, credentials{})
	}
	first, err := c.session.get(ctx, r)
	if err != nil {
		return nil, err
	}
	got, err := c.exchange(ctx, r, *first)
	if !loginRefused(err) {
		return got, err
	}
	second, renewErr := c.session.renew(ctx, r, first, err)
	if renewErr != nil {
		return nil, renewErr
	}
	got, err = c.exchange(ctx, r, *second)
	if !loginRefused(err) || second.basic {
		return got, err
	}
	third, err := c.session.withPassword(ctx)
	if err != nil {
		return nil, err
	}
	got, err = c.exchange(ctx, r, *third)
	if !loginRefused(err) {
		c.session.stayBasic(third)
	}
	return got, err
}

// loginRefused tells that Pulp refused who we are, not what we asked.
func loginRefused(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && (e.Status == http.StatusUnauthorized ||
		e.Status == http.StatusForbidden && strings.HasPrefix(e.Detail, "CSRF"))
}

func (s *session) get(ctx context.Context, r request) (*credentials, error) {
	s.mu.Lock()
	current := s.current
	s.mu.Unlock()
	if current != nil {
		return current, nil
	}
	return s.renew(ctx, r, nil, nil)
}

// renew logs in unless somebody else has done so since old was handed out, which
// Pulp refused with refusal. Those who wait for a login that fails share its error.
func (s *session) renew(ctx context.Context, r request, old *credentials, refusal error) (*credentials, error) {
	s.mu.Lock()
	before := s.logins
	s.mu.Unlock()
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return nil, s.client.noAnswer(ctx, ctx, r, ctx.Err(), false)
	}
	s.mu.Lock()
	current, logins, lastErr := s.current, s.logins, s.lastErr
	s.mu.Unlock()
	if current != nil && current != old {
		return current, nil
	}
	if logins != before && lastErr != nil {
		return nil, lastErr
	}
	fresh, err := s.login(ctx, old, refusal)
	if err != nil {
		fresh = nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current, s.logins, s.lastErr = fresh, s.logins+1, err
	if ctx.Err() != nil {
		s.lastErr = nil // ours alone: the next one tries itself
	}
	return fresh, err
}

// login asks for the password and opens a session with it. A refused password is
// asked for once more, and tried if it is another one by now.
func (s *session) login(ctx context.Context, old *credentials, refusal error) (*credentials, error) {
	password, err := s.password(ctx)
	if err != nil {
		return nil, err
	}
	if old != nil && old.basic && old.password == password {
		return nil, s.wrongPassword(refusal)
	}
	fresh, err := s.open(ctx, password)
	if !loginRefused(err) {
		return fresh, err
	}
	again, askErr := s.password(ctx)
	if askErr != nil || again == password {
		return nil, err
	}
	return s.open(ctx, again)
}

// open makes a session, or falls back to a name and password where Pulp has no
// login (before 3.70) or gives no cookie.
func (s *session) open(ctx context.Context, password string) (*credentials, error) {
	basic := &credentials{basic: true, username: s.username, password: password}
	s.mu.Lock()
	basicOnly := s.basicOnly
	s.mu.Unlock()
	if basicOnly {
		return basic, nil
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	c := s.client
	first := *basic
	first.cookies = jar
	r := request{
		what: fmt.Sprintf("log in as %q", s.username), method: http.MethodPost,
		path: c.api + loginPath, login: true,
	}
	_, err = c.repeat(ctx, r, func() (*answer, error) { return c.exchange(ctx, r, first) })
	if e, ok := errors.AsType[*Error](err); ok && (e.Status == http.StatusNotFound || e.Status == http.StatusMethodNotAllowed) {
		s.stayBasic(basic)
		return basic, nil
	}
	if err != nil {
		if f, ok := errors.AsType[*fault.Error](err); ok {
			return nil, notSent(f) // nor was the request that needed the login
		}
		return nil, err
	}
	if len(jar.Cookies(&url.URL{Scheme: c.base.Scheme, Host: c.base.Host, Path: c.api})) == 0 {
		s.stayBasic(basic)
		return basic, nil
	}
	return &credentials{cookies: jar}, nil
}

// withPassword gives the name and password for a server that takes no sessions.
func (s *session) withPassword(ctx context.Context) (*credentials, error) {
	password, err := s.password(ctx)
	if err != nil {
		return nil, err
	}
	return &credentials{basic: true, username: s.username, password: password}, nil
}

func (s *session) stayBasic(with *credentials) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.basicOnly, s.current = true, with
}

func (s *session) password(ctx context.Context) (string, error) {
	password, err := s.ask(ctx)
	if err == nil {
		return password, nil
	}
	words := "its password could not be read"
	if f, ok := errors.AsType[*fault.Error](err); ok {
		words += ": " + f.Msg
	}
	return "", s.client.broken(fault.KindOf(err), "log in", failure{notSent: true, err: err}, words)
}

// wrongPassword says, in the words of Pulp's refusal, that there is no other
// password to try.
func (s *session) wrongPassword(refusal error) error {
	words := "the password was refused"
	if e, ok := errors.AsType[*Error](refusal); ok {
		words = e.Detail
	}
	return s.client.broken(fault.Unauthenticated, fmt.Sprintf("log in as %q", s.username),
		failure{notSent: true, err: refusal}, words).
		WithHint("check the user name and password configured for server %s", s.client.name)
}

// logout ends the session, so that Pulp need not keep it for two weeks.
func (s *session) logout(ctx context.Context) error {
	s.mu.Lock()
	current := s.current
	s.current = nil
	s.mu.Unlock()
	if current == nil || current.basic {
		return nil
	}
	c := s.client
	r := request{what: "log out", method: http.MethodDelete, path: c.api + loginPath, login: true}
	_, err := c.exchange(ctx, r, *current)
	if loginRefused(err) {
		return nil // it had ended already
	}
	return err
}
