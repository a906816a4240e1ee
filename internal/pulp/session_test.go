// SPDX-License-Identifier: Apache-2.0

package pulp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/pulp/pulp-manager/internal/fault"
)

const apiRoot = "/pulp/api/v3/"

// django is the login of a Pulp server: sessions by cookie with a CSRF token, or
// a name and password.
type django struct {
	mu         sync.Mutex
	password   string
	sessions   map[string]bool
	n          int
	noLogin    bool // Pulp before 3.70
	noSessions bool // logs in, but takes no cookie afterwards
	block      chan struct{}
}

func (d *django) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, password, basic := r.BasicAuth()
	if r.URL.Path == apiRoot+loginPath && r.Method == http.MethodPost {
		if d.block != nil {
			<-d.block
		}
		d.login(w, password)
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	session, _ := r.Cookie("sessionid")
	switch {
	case basic && password != d.password:
		reply(w, http.StatusUnauthorized, `{"detail":"Invalid username/password."}`)
	case basic:
		d.serve(w, r)
	case session == nil || !d.sessions[session.Value] || d.noSessions:
		reply(w, http.StatusUnauthorized, `{"detail":"Authentication credentials were not provided."}`)
	case r.Method != http.MethodGet && r.Header.Get("X-CSRFToken") != "token-"+session.Value:
		reply(w, http.StatusForbidden, `{"detail":"CSRF Failed: CSRF token missing."}`)
	case r.Method != http.MethodGet && r.Header.Get("Referer") != "http://pulp.example/":
		reply(w, http.StatusForbidden, `{"detail":"CSRF Failed: Referer checking failed - no Referer."}`)
	case r.Method == http.MethodDelete && r.URL.Path == apiRoot+loginPath:
		delete(d.sessions, session.Value)
		w.WriteHeader(http.StatusNoContent)
	default:
		d.serve(w, r)
	}
}

func (d *django) login(w http.ResponseWriter, password string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.noLogin {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusNotFound)
		return
	}
	if password != d.password {
		reply(w, http.StatusUnauthorized, `{"detail":"Invalid username/password."}`)
		return
	}
	d.n++
	id := fmt.Sprintf("s%d", d.n)
	if d.sessions == nil {
		d.sessions = map[string]bool{}
	}
	d.sessions[id] = true
	http.SetCookie(w, &http.Cookie{Name: "sessionid", Value: id, Path: "/", HttpOnly: true})
	http.SetCookie(w, &http.Cookie{Name: "csrftoken", Value: "token-" + id, Path: "/"})
	reply(w, http.StatusCreated, `{"username":"admin"}`)
}

func (d *django) serve(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		reply(w, http.StatusCreated, `{"pulp_href":"/x/","name":"n"}`)
		return
	}
	reply(w, http.StatusOK, `{"count":0,"results":[]}`)
}

func (d *django) endSessions() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sessions = nil
}

func TestOneLoginForManyRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &django{password: "right", block: make(chan struct{})}
		c, w := newWire(t, d.ServeHTTP, withLogin(fixed("right")))
		var failed atomic.Int32
		for range 20 {
			go func() {
				if _, err := c.Count(t.Context(), "tasks/", nil); err != nil {
					failed.Add(1)
				}
			}()
		}
		synctest.Wait()
		if n := len(w.seen(http.MethodPost, apiRoot+loginPath)); n != 1 {
			t.Fatalf("%d logins at once, want 1", n)
		}
		close(d.block)
		synctest.Wait()
		if n := len(w.seen("", apiRoot+loginPath)); n != 1 || failed.Load() != 0 {
			t.Errorf("%d logins, %d of 20 requests failed", n, failed.Load())
		}
		for _, r := range w.seen(http.MethodGet, "") {
			if r.Header.Get("Authorization") != "" {
				t.Fatal("a request in a session also carried the password")
			}
		}
	})
}

func TestOneNewLoginWhenTheSessionEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &django{password: "right"}
		c, w := newWire(t, d.ServeHTTP, withLogin(fixed("right")))
		if _, err := c.Count(t.Context(), "tasks/", nil); err != nil {
			t.Fatal(err)
		}
		d.endSessions()
		d.block = make(chan struct{})
		var failed atomic.Int32
		for range 10 {
			go func() {
				if _, err := c.CreateRepository(t.Context(), "file/file", nil); err != nil {
					failed.Add(1)
				}
			}()
		}
		synctest.Wait()
		close(d.block)
		synctest.Wait()
		if n := len(w.seen("", apiRoot+loginPath)); n != 2 || failed.Load() != 0 {
			t.Errorf("%d logins, want 2; %d of 10 requests failed", n, failed.Load())
		}
	})
}

func TestWaitersShareAFailedLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &django{password: "right", block: make(chan struct{})}
		c, w := newWire(t, d.ServeHTTP, withLogin(fixed("wrong")))
		var refused atomic.Int32
		for range 10 {
			go func() {
				if _, err := c.Count(t.Context(), "tasks/", nil); fault.Is(err, fault.Unauthenticated) && NotSent(err) {
					refused.Add(1)
				}
			}()
		}
		synctest.Wait()
		close(d.block)
		synctest.Wait()
		if n := len(w.seen("", "")); n != 1 || refused.Load() != 10 {
			t.Errorf("%d requests, want the one login; %d of 10 refused", n, refused.Load())
		}
	})
}

func TestLoginGivenUpByOneIsDoneByTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &django{password: "right", block: make(chan struct{})}
		c, _ := newWire(t, d.ServeHTTP, withLogin(fixed("right")))
		ctx, cancel := context.WithCancel(t.Context())
		first, second := make(chan error, 1), make(chan error, 1)
		go func() { _, err := c.Count(ctx, "tasks/", nil); first <- err }()
		synctest.Wait()
		go func() { _, err := c.Count(t.Context(), "tasks/", nil); second <- err }()
		synctest.Wait()
		cancel()
		synctest.Wait()
		close(d.block)
		if err := <-first; !errors.Is(err, context.Canceled) || !NotSent(err) {
			t.Errorf("the one that gave up: %v", err)
		}
		if err := <-second; err != nil {
			t.Errorf("the one that waited: %v", err)
		}
	})
}

func TestCSRFRefusalLogsInAgain(t *testing.T) {
	d := &django{password: "right"}
	c, w := newWire(t, d.ServeHTTP, withLogin(fixed("right")))
	if _, err := c.Count(t.Context(), "tasks/", nil); err != nil {
		t.Fatal(err)
	}
	c.session.current.cookies.SetCookies(c.base, []*http.Cookie{{Name: csrfCookie, Value: "stale", Path: "/"}})
	if _, err := c.CreateRepository(t.Context(), "file/file", nil); err != nil {
		t.Fatal(err)
	}
	if n := len(w.seen("", apiRoot+loginPath)); n != 2 {
		t.Errorf("%d logins, want 2", n)
	}
}

func TestServerWithoutLoginGetsThePassword(t *testing.T) {
	d := &django{password: "right", noLogin: true}
	c, w := newWire(t, d.ServeHTTP, withLogin(fixed("right")))
	for range 3 {
		if _, err := c.Count(t.Context(), "tasks/", nil); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(w.seen("", apiRoot+loginPath)); n != 1 {
		t.Errorf("tried to log in %d times, want once", n)
	}
	if err := c.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestServerThatTakesNoSessionGetsThePassword(t *testing.T) {
	d := &django{password: "right", noSessions: true}
	c, w := newWire(t, d.ServeHTTP, withLogin(fixed("right")))
	for range 3 {
		if _, err := c.CreateRepository(t.Context(), "file/file", nil); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(w.seen("", apiRoot+loginPath)); n != 2 {
		t.Errorf("%d logins, want 2 and then none", n)
	}
}

func TestCloseLogsOut(t *testing.T) {
	d := &django{password: "right"}
	c, w := newWire(t, d.ServeHTTP, withLogin(fixed("right")))
	if err := c.Close(t.Context()); err != nil || len(w.seen("", "")) != 0 {
		t.Fatalf("without a session: %v, %d requests", err, len(w.seen("", "")))
	}
	if _, err := c.Count(t.Context(), "tasks/", nil); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(d.sessions) != 0 {
		t.Error("the session is still there")
	}
}

func TestLoginIsRepeatedForAWriteToo(t *testing.T) {
	d := &django{password: "right"}
	logins := 0
	c, w := newWire(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == apiRoot+loginPath {
			if logins++; logins == 1 {
				reply(w, http.StatusBadGateway, "")
				return
			}
		}
		d.ServeHTTP(w, r)
	}, withLogin(fixed("right")))
	if _, err := c.CreateRepository(t.Context(), "file/file", nil); err != nil {
		t.Fatal(err)
	}
	if n := len(w.seen(http.MethodPost, apiRoot+"repositories/file/file/")); n != 1 {
		t.Errorf("the write itself was sent %d times", n)
	}
}

func TestFailedLoginMeansTheRequestWasNotSent(t *testing.T) {
	c, w := newWire(t, replyWith(http.StatusBadGateway, ""), withLogin(fixed("right")))
	_, err := c.CreateRepository(t.Context(), "file/file", nil)
	if !fault.Is(err, fault.Unavailable) || !NotSent(err) {
		t.Errorf("%v, NotSent %v", err, NotSent(err))
	}
	if n := len(w.seen(http.MethodPost, apiRoot+"repositories/file/file/")); n != 0 {
		t.Errorf("the write was sent %d times", n)
	}
}
