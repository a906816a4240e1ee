// SPDX-License-Identifier: Apache-2.0

package pulpfake

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"strings"
	"time"
)

const (
	sessionCookie = "sessionid"
	csrfCookie    = "csrftoken"
)

func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}

// authenticate accepts basic authentication, which needs no CSRF token, or a session, which does. It returns the
// refusal, or nil.
func (c *call) authenticate() *reply {
	refuse := func(m string) *reply {
		rep := detail(http.StatusUnauthorized, m)
		rep.header = http.Header{"Www-Authenticate": {`Basic realm="api"`}}
		return &rep
	}
	if user, password, given := c.r.BasicAuth(); given {
		if user != c.s.opt.Username || password != c.s.opt.Password {
			return refuse("Invalid username/password.")
		}
		c.user = user
		return nil
	}
	cookie, err := c.r.Cookie(sessionCookie)
	if err != nil {
		return refuse("Authentication credentials were not provided.")
	}
	token, alive := c.s.sessions[cookie.Value]
	if !alive {
		return refuse("Authentication credentials were not provided.")
	}
	switch c.r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
	default:
		if rep := c.checkCSRF(token); rep != nil {
			return rep
		}
	}
	c.user = c.s.opt.Username
	return nil
}

func (c *call) checkCSRF(token string) *reply {
	forbid := func(why string) *reply {
		rep := detail(http.StatusForbidden, "CSRF Failed: "+why)
		return &rep
	}
	if c.r.Header.Get("X-Forwarded-Proto") == "https" || c.r.TLS != nil {
		switch origin, referer := c.r.Header.Get("Origin"), c.r.Header.Get("Referer"); {
		case origin != "":
			if origin != "https://"+c.r.Host {
				return forbid("Origin checking failed - " + origin + " does not match any trusted origins.")
			}
		case referer == "":
			return forbid("Referer checking failed - no Referer.")
		case !strings.HasPrefix(referer, "https://"+c.r.Host+"/"):
			return forbid("Referer checking failed - " + referer + " does not match any trusted origins.")
		}
	}
	sent := c.r.Header.Get("X-CSRFToken")
	cookie, err := c.r.Cookie(csrfCookie)
	switch {
	case err != nil:
		return forbid("CSRF cookie not set.")
	case sent == "":
		return forbid("CSRF token missing.")
	case sent != token || cookie.Value != token:
		return forbid("CSRF token from the 'X-Csrftoken' HTTP header incorrect.")
	}
	return nil
}

func (c *call) login() reply {
	if len(c.segs) > 1 {
		return htmlPage(http.StatusNotFound, "Not Found", "The requested resource was not found on this server.")
	}
	who := obj{"pulp_href": apiPrefix + "users/1/", "prn": "prn:auth.user:1", "username": c.user}
	switch c.r.Method {
	case http.MethodGet, http.MethodHead:
		return ok(who)
	case http.MethodPost:
		id, token := randomHex(16), randomHex(16)
		c.s.sessions[id] = token
		rep := created(who)
		rep.header = http.Header{}
		for _, k := range []http.Cookie{
			{Name: csrfCookie, Value: token, Path: "/", MaxAge: int((364 * 24 * time.Hour).Seconds()), SameSite: http.SameSiteLaxMode},
			{Name: sessionCookie, Value: id, Path: "/", MaxAge: int((14 * 24 * time.Hour).Seconds()), HttpOnly: true, SameSite: http.SameSiteLaxMode},
		} {
			rep.header.Add("Set-Cookie", k.String())
		}
		rep.header.Set("Location", apiPrefix+"users/1/")
		return rep
	case http.MethodDelete:
		if cookie, err := c.r.Cookie(sessionCookie); err == nil {
			delete(c.s.sessions, cookie.Value)
		}
		return noContent()
	}
	return c.notAllowed()
}

// EndSessions makes every session unknown, as a restart with a new secret key or an expiry does.
func (s *Server) EndSessions() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions = map[string]string{}
}

// SetPassword changes the user's password; sessions stay alive.
func (s *Server) SetPassword(password string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opt.Password = password
}
