// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"context"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// Names of the cookie that holds a browser's token. Browsers take the first one over TLS only, for this host only.
const (
	secureCookie = "__Host-pulp_manager_session"
	plainCookie  = "pulp_manager_session"
)

// Token gives the token that a request carries: of its Authorization header, else of its session cookie; empty: none.
// The error is Unauthenticated: the header is there and is not `Bearer TOKEN`.
func Token(r *http.Request) (token string, cookie bool, err error) {
	header := strings.TrimSpace(r.Header.Get("Authorization"))
	if len(r.Header.Values("Authorization")) == 0 {
		c, err := r.Cookie(cookieName(r))
		if err != nil {
			return "", false, nil
		}
		return c.Value, c.Value != "", nil
	}
	scheme, token, _ := strings.Cut(header, " ")
	token = strings.TrimSpace(token)
	if !strings.EqualFold(scheme, "Bearer") || token == "" || strings.ContainsAny(token, " \t") || len(r.Header.Values("Authorization")) > 1 {
		return "", false, fault.New(fault.Unauthenticated, "the Authorization header must be one, and `Bearer TOKEN`").WithHint("%s", howToLogIn)
	}
	return token, false, nil
}

// howToLogIn is the hint for those who are not.
const howToLogIn = "POST /v1/auth/login gives a token; send it as `Authorization: Bearer TOKEN`"

// NeedLogin is the error for somebody who is not logged in and must be.
func NeedLogin() error {
	return fault.New(fault.Unauthenticated, "this needs a login").WithHint("%s", howToLogIn)
}

// encryptedKey is of Encrypted in contexts.
type encryptedKey struct{}

// Encrypted gives a context of a request whose client speaks TLS to a trusted proxy before us.
func Encrypted(ctx context.Context) context.Context {
	return context.WithValue(ctx, encryptedKey{}, true)
}

// Secure tells whether the client speaks TLS: to us, or to a trusted proxy. Nobody else is asked.
func Secure(r *http.Request) bool {
	encrypted, _ := r.Context().Value(encryptedKey{}).(bool)
	return r.TLS != nil || encrypted
}

func cookieName(r *http.Request) string {
	if Secure(r) {
		return secureCookie
	}
	return plainCookie
}

// SetCookie makes a browser keep a login's token until it ends. Scripts cannot read it, and no other site's page makes
// the browser send it.
func SetCookie(w http.ResponseWriter, r *http.Request, s Session) {
	cookie := sessionCookie(r, s.Token)
	cookie.Expires = s.Principal.Expires
	http.SetCookie(w, cookie)
}

// ClearCookie makes a browser forget the token.
func ClearCookie(w http.ResponseWriter, r *http.Request) {
	cookie := sessionCookie(r, fleet.Secret{})
	cookie.MaxAge, cookie.Expires = -1, time.Unix(1, 0)
	http.SetCookie(w, cookie)
}

func sessionCookie(r *http.Request, token fleet.Secret) *http.Cookie {
	return &http.Cookie{
		Name: cookieName(r), Value: token.Reveal(), Path: "/", HttpOnly: true, Secure: Secure(r), SameSite: http.SameSiteStrictMode,
	}
}

// Address gives the address of a request's client, without the port. Behind trusted proxies it is the one they told:
// the server puts it into RemoteAddr.
func Address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
