// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

func TestTokenOfARequest(t *testing.T) {
	for _, test := range []struct {
		name    string
		headers [][2]string
		token   string
		cookie  bool
		refused bool
	}{
		{name: "nothing"},
		{name: "header", headers: [][2]string{{"Authorization", "Bearer a.b.c"}}, token: "a.b.c"},
		{name: "scheme in any case", headers: [][2]string{{"Authorization", "bEARER  a.b.c "}}, token: "a.b.c"},
		{name: "empty", headers: [][2]string{{"Authorization", ""}}, refused: true},
		{name: "scheme alone", headers: [][2]string{{"Authorization", "Bearer"}}, refused: true},
		{name: "another scheme", headers: [][2]string{{"Authorization", "Basic YTpi"}}, refused: true},
		{name: "more", headers: [][2]string{{"Authorization", "Bearer a b"}}, refused: true},
		{name: "two headers", headers: [][2]string{{"Authorization", "Bearer a"}, {"Authorization", "Bearer b"}}, refused: true},
		{name: "cookie", headers: [][2]string{{"Cookie", "x=y; pulp_manager_session=a.b.c"}}, token: "a.b.c", cookie: true},
		{name: "empty cookie", headers: [][2]string{{"Cookie", "pulp_manager_session="}}},
		{name: "header before cookie", headers: [][2]string{{"Cookie", "pulp_manager_session=a"}, {"Authorization", "Bearer b"}}, token: "b"},
		{name: "wrong header before cookie", headers: [][2]string{{"Cookie", "pulp_manager_session=a"}, {"Authorization", "b"}}, refused: true},
		{name: "cookie of TLS without it", headers: [][2]string{{"Cookie", "__Host-pulp_manager_session=a"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			for _, h := range test.headers {
				r.Header.Add(h[0], h[1])
			}
			token, cookie, err := Token(r)
			if token != test.token || cookie != test.cookie || fault.Is(err, fault.Unauthenticated) != test.refused {
				t.Errorf("token %q, cookie %v, %v", token, cookie, err)
			}
		})
	}
}

func TestSessionCookie(t *testing.T) {
	end := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	session := Session{Token: fleet.NewSecret("a.b.c"), Principal: fleet.Principal{Expires: end}}
	for target, want := range map[string][2]string{
		"http://example.com/": {
			"pulp_manager_session=a.b.c; Path=/; Expires=Mon, 23 Nov 2026 09:00:00 GMT; HttpOnly; SameSite=Strict",
			"pulp_manager_session=; Path=/; Expires=Thu, 01 Jan 1970 00:00:01 GMT; Max-Age=0; HttpOnly; SameSite=Strict",
		},
		"https://example.com/": {
			"__Host-pulp_manager_session=a.b.c; Path=/; Expires=Mon, 23 Nov 2026 09:00:00 GMT; HttpOnly; Secure; SameSite=Strict",
			"__Host-pulp_manager_session=; Path=/; Expires=Thu, 01 Jan 1970 00:00:01 GMT; Max-Age=0; HttpOnly; Secure; SameSite=Strict",
		},
	} {
		r, w := httptest.NewRequest(http.MethodGet, target, nil), httptest.NewRecorder()
		r.Header.Set("X-Forwarded-Proto", "https") // which anybody may say
		SetCookie(w, r, session)
		ClearCookie(w, r)
		if diff := cmp.Diff(want[:], w.Header().Values("Set-Cookie")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", target, diff)
		}
	}
}

func TestSecure(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "http://example.com/", nil)
	if Secure(r) || !Secure(r.WithContext(Encrypted(r.Context()))) || !Secure(httptest.NewRequest(http.MethodGet, "https://example.com/", nil)) {
		t.Error("TLS is not told from none")
	}
}

func TestAddressOfARequest(t *testing.T) {
	for remote, want := range map[string]string{"192.0.2.1:123": "192.0.2.1", "[2001:db8::1]:123": "2001:db8::1", "192.0.2.1": "192.0.2.1", "": ""} {
		if got := Address(&http.Request{RemoteAddr: remote}); got != want {
			t.Errorf("%q gives %q, want %q", remote, got, want)
		}
	}
}
