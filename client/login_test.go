// SPDX-License-Identifier: Apache-2.0

package client

import (
	"errors"
	"io"
	"net/http"
	"testing"
	"time"
)

func TestLogin(t *testing.T) {
	var asked, header, body string
	c := newClient(t, func(w http.ResponseWriter, r *http.Request) {
		asked, header, body = r.Method+" "+r.URL.Path, r.Header.Get("Authorization"), ""
		if r.Body != nil {
			text, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			body = string(text)
		}
		switch r.URL.Path {
		case "/base/v1/auth/login":
			write(w, 200, `{"access_token":"t","token_type":"bearer","expires_in":60,"expires":"2026-11-23T09:14:46.5Z","role":"admin"}`)
		case "/base/v1/auth/me":
			write(w, 200, `{"username":"alice","role":"admin","groups":["g"],"expires":null}`)
		case "/base/v1/auth/logout":
			write(w, 200, `{"logged_out":true}`)
		}
	}, WithToken("a.b.c"))

	login, err := c.Login(t.Context(), "alice", "secret")
	if want := time.Date(2026, 11, 23, 9, 14, 46, 5e8, time.UTC); err != nil || login.Token != "t" || !login.Expires.Equal(want) || login.Role != "admin" || login.ExpiresIn != 60 {
		t.Errorf("login %+v, %v", login, err)
	}
	if asked != "POST /base/v1/auth/login" || body != `{"password":"secret","username":"alice"}` {
		t.Errorf("asked %s with %s", asked, body)
	}
	me, err := c.Me(t.Context())
	if err != nil || me.Username == nil || *me.Username != "alice" || !me.Expires.IsZero() || header != "Bearer a.b.c" {
		t.Errorf("me %+v, %v, sent %q", me, err, header)
	}
	ended, err := c.Logout(t.Context())
	if err != nil || !ended || asked != "POST /base/v1/auth/logout" || body != "" {
		t.Errorf("logout %v, %v, asked %s with %q", ended, err, asked, body)
	}
}

// A wrong password is no reason to say how to log in.
func TestLoginRefused(t *testing.T) {
	c := newClient(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("a token out of nowhere")
		}
		write(w, 401, `{"detail":"name or password are wrong"}`)
	})
	_, err := c.Login(t.Context(), "alice", "wrong")
	var got *Error
	if !errors.As(err, &got) || got.Hint != "" || ExitCode(err) != ExitForbidden {
		t.Errorf("error %v, hint %q", err, got.Hint)
	}
}
