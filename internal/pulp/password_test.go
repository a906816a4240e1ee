// SPDX-License-Identifier: Apache-2.0

package pulp

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"github.com/pulp/pulp-manager/internal/fault"
)

func TestRotatedPasswordIsAskedForAgain(t *testing.T) {
	for _, noLogin := range []bool{false, true} {
		t.Run(fmt.Sprintf("noLogin=%v", noLogin), func(t *testing.T) {
			d := &django{password: "old", noLogin: noLogin}
			answers := []string{"old", "old", "new"} // the vault still gives the old one when asked first
			asked := 0
			c, _ := newWire(t, d.ServeHTTP, withLogin(func() string {
				asked++
				return answers[min(asked, len(answers))-1]
			}))
			if noLogin {
				answers = []string{"old", "new"}
			}
			if _, err := c.Count(t.Context(), "tasks/", nil); err != nil {
				t.Fatal(err)
			}
			d.mu.Lock()
			d.password = "new"
			d.mu.Unlock()
			d.endSessions()
			if _, err := c.Count(t.Context(), "tasks/", nil); err != nil {
				t.Fatal(err)
			}
			if asked != len(answers) {
				t.Errorf("asked for the password %d times, want %d", asked, len(answers))
			}
		})
	}
}

func TestWrongPasswordIsTriedOnce(t *testing.T) {
	for _, noLogin := range []bool{false, true} {
		d := &django{password: "right", noLogin: noLogin}
		c, w := newWire(t, d.ServeHTTP, withLogin(fixed("hunter2")))
		_, err := c.CreateRepository(t.Context(), "file/file", nil)
		if !fault.Is(err, fault.Unauthenticated) || !NotSent(err) {
			t.Fatalf("noLogin=%v: %v", noLogin, err)
		}
		if want := `Pulp server alpha: log in as "admin": Invalid username/password.`; fault.Message(err) != want {
			t.Errorf("message %q, want %q", fault.Message(err), want)
		}
		if fault.Hint(err) == "" {
			t.Error("no hint")
		}
		want := 1
		if noLogin {
			want = 2 // the login that is not there, and the request
		}
		if n := len(w.seen("", "")); n != want {
			t.Errorf("noLogin=%v: %d requests, want %d", noLogin, n, want)
		}
	}
}

func TestPasswordsAreNotTriedForEver(t *testing.T) {
	for _, noLogin := range []bool{false, true} {
		d := &django{password: "right", noLogin: noLogin}
		asked := 0
		c, w := newWire(t, d.ServeHTTP, withLogin(func() string {
			asked++
			return fmt.Sprintf("guess %d", asked)
		}))
		if _, err := c.Count(t.Context(), "tasks/", nil); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("noLogin=%v: %v", noLogin, err)
		}
		tried := len(w.seen(http.MethodPost, ""))
		if noLogin {
			tried = len(w.seen(http.MethodGet, ""))
		}
		if tried != 2 {
			t.Errorf("noLogin=%v: %d passwords were tried, want 2", noLogin, tried)
		}
	}
}

func TestPasswordThatCannotBeRead(t *testing.T) {
	c, w := newWire(t, replyWith(200, "{}"), func(cfg *Config) {
		cfg.Username = "admin"
		cfg.Password = func(context.Context) (string, error) {
			return "", fault.New(fault.Unavailable, "the vault is sealed")
		}
	})
	_, err := c.CreateRepository(t.Context(), "file/file", nil)
	if !fault.Is(err, fault.Unavailable) || !NotSent(err) {
		t.Errorf("%v", err)
	}
	if want := "Pulp server alpha: log in: its password could not be read: the vault is sealed"; fault.Message(err) != want {
		t.Errorf("message %q", fault.Message(err))
	}
	if len(w.seen("", "")) != 0 {
		t.Error("something was sent")
	}
}
