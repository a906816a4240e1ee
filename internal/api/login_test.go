// SPDX-License-Identifier: Apache-2.0

package api

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/auth"
	"github.com/pulp/pulp-manager/internal/fault"
)

func TestLogin(t *testing.T) {
	d := newDoor()
	o := newMemory().options()
	o.Access = d
	h := New(o)
	for _, test := range []struct {
		body   string
		status int
		detail string
	}{
		{`{"username":"alice","password":"wrong"}`, 401, "name or password are wrong"}, // D52
		{`{"username":"alice","password":""}`, 401, "name or password are wrong"},      // D49
		{`{"username":"carol","password":"` + rightPassword + `"}`, 403, "carol is in no group that may use Pulp Manager"},
		{`{"username":"impatient","password":"x"}`, 429, "too many failed logins"},
		{`{"username":"alice"}`, 422, "body.password is required"}, // D43
		{`{"username":"","password":"x"}`, 422, "body.username expected length >= 1"},
	} {
		got := ask(t, h, http.MethodPost, "/v1/auth/login", test.body)
		if p := got.problem(t); got.status != test.status || p.Detail != test.detail {
			t.Errorf("%s: answered %d %q, want %d %q", test.body, got.status, p.Detail, test.status, test.detail)
		}
		if retry := got.header.Get("Retry-After"); (test.status == 429) != (retry == "30") {
			t.Errorf("%s: Retry-After %q", test.body, retry)
		}
		if len(got.header.Values("Set-Cookie")) > 0 {
			t.Error("the API sets a cookie")
		}
	}
	got := ask(t, h, http.MethodPost, "/v1/auth/login", `{"username":"alice","password":"`+rightPassword+`"}`)
	answer, _ := plain(t, got.body).(map[string]any)
	if _, ok := answer["expires_in"].(float64); !ok || got.status != http.StatusOK {
		t.Fatalf("answered %d %s", got.status, got.body)
	}
	delete(answer, "expires_in")
	want := map[string]any{"access_token": adminToken, "token_type": "bearer", "role": "admin", "expires": "2026-11-23T19:10:14.123456Z"}
	if diff := cmp.Diff(want, answer); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
	d.err = fault.New(fault.Unavailable, "no directory answers")
	if got := ask(t, h, http.MethodPost, "/v1/auth/login", `{"username":"alice","password":"x"}`); got.status != 503 {
		t.Errorf("directory down: answered %d", got.status)
	}
}

// The shape is the original's (legacy section 3.3), and the role.
func TestTokenLookup(t *testing.T) {
	o := newMemory().options()
	o.Access = newDoor()
	h := New(o)
	got := ask(t, h, http.MethodGet, "/v1/auth/token_lookup?token="+adminToken, "")
	if want := `{"username":"alice","groups":["pulpmaster-rw"],"expires":"19:10:14 23-11-2026 UTC","role":"admin"}`; got.status != 200 || got.body != want {
		t.Errorf("answered %d %s, want %s", got.status, got.body, want)
	}
	for target, status := range map[string]int{
		"?token=" + expiredToken: 401, "?token=wrong": 401, "?token=": 401, // D53
		"": 422, "?token=a&token=b": 422, "?token=" + adminToken + "&x=1": 422, "?token=%ff": 422, "?token=%zz": 422,
	} {
		got := ask(t, h, http.MethodGet, "/v1/auth/token_lookup"+target, "")
		if got.status != status || strings.Contains(got.body, "token-of") || strings.Contains(got.body, "wrong") {
			t.Errorf("%q: answered %d %s, want %d", target, got.status, got.body, status)
		}
	}
	o.Access = auth.Everyone()
	if got := ask(t, New(o), http.MethodGet, "/v1/auth/token_lookup?token=x", ""); got.status != 401 {
		t.Errorf("where nobody logs in: answered %d %s", got.status, got.body)
	}
}

func TestMeAndLogout(t *testing.T) {
	d := newDoor()
	o := newMemory().options()
	o.Access = d
	h := New(o)
	bob := []string{"Authorization", "Bearer " + readerToken}
	if got, want := ask(t, h, http.MethodGet, "/v1/auth/me", "", bob...), `{"username":"bob","role":"reader","groups":[],"expires":"2026-11-23T09:10:14.123456Z"}`; got.body != want {
		t.Errorf("me: answered %d %s, want %s", got.status, got.body, want)
	}
	if got := ask(t, h, http.MethodPost, "/v1/auth/logout", "", bob...); got.status != 200 || got.body != `{"logged_out":true}` {
		t.Errorf("logout: answered %d %s", got.status, got.body)
	}
	if diff := cmp.Diff([]string{"2"}, d.revoked); diff != "" {
		t.Errorf("revoked (-want +got):\n%s", diff)
	}
	o.Access = auth.Everyone()
	h = New(o)
	if got, want := ask(t, h, http.MethodGet, "/v1/auth/me", ""), `{"username":null,"role":"admin","groups":[],"expires":null}`; got.body != want {
		t.Errorf("me, where nobody logs in: %s, want %s", got.body, want)
	}
	if got := ask(t, h, http.MethodPost, "/v1/auth/logout", ""); got.body != `{"logged_out":false}` {
		t.Errorf("logout, where nobody logs in: %d %s", got.status, got.body)
	}
}
