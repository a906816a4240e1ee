// SPDX-License-Identifier: Apache-2.0

package pulpcontract

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
)

var sessions = []contract{
	{"no, wrong and dead credentials are 401", credentials},
	{"basic authentication needs no CSRF token", basicAuth},
	{"a session writes only with its CSRF token", csrf},
	{"logging out ends the session", logout},
}

// fresh is a client without a session.
func (c *check) fresh() *server {
	c.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		c.Fatal(err)
	}
	s := *c.primary
	s.http = &http.Client{Jar: jar, Timeout: c.primary.http.Timeout}
	s.token = new(string)
	return &s
}

func (c *check) basic(r *http.Request) { r.SetBasicAuth(c.env.Username, c.env.Password) }

// login opens a session of its own and returns it with its CSRF token.
func (c *check) login() (*server, string) {
	c.Helper()
	s := c.fresh()
	a := s.want(201, "POST", "login/", nil, c.basic)
	c.equal("username", a.str("username"), c.env.Username)
	u, err := url.Parse(s.base)
	if err != nil {
		c.Fatal(err)
	}
	token, session := "", ""
	for _, k := range s.http.Jar.Cookies(u) {
		switch k.Name {
		case "csrftoken":
			token = k.Value
		case "sessionid":
			session = k.Value
		}
	}
	if token == "" || session == "" {
		c.Fatalf("login set %v", a.header["Set-Cookie"])
	}
	return s, token
}

func credentials(c *check) {
	s := c.fresh()
	a := s.want(401, "GET", "repositories/", nil)
	c.equal("none", a.str("detail"), "Authentication credentials were not provided.")
	c.equal("challenge", a.header.Get("WWW-Authenticate"), `Basic realm="api"`)
	for _, path := range []string{"repositories/", "login/"} {
		method := map[string]string{"login/": "POST"}[path]
		if method == "" {
			method = "GET"
		}
		a = s.want(401, method, path, nil, func(r *http.Request) { r.SetBasicAuth(c.env.Username, "wrong") })
		c.equal("wrong password", a.str("detail"), "Invalid username/password.")
	}
	a = s.want(401, "GET", "repositories/", nil, func(r *http.Request) { r.Header.Set("Cookie", "sessionid=0123456789") })
	c.equal("dead session", a.str("detail"), "Authentication credentials were not provided.")
}

func basicAuth(c *check) {
	s := c.fresh()
	body := obj{"name": c.prefix + "basic"}
	a := s.want(201, "POST", "repositories/file/file/", body, c.basic)
	c.primary.later(a.str("pulp_href"))
}

func csrf(c *check) {
	s, token := c.login()
	s.get("repositories/?limit=1")
	body := obj{"name": c.prefix + "csrf"}
	a := s.want(403, "POST", "repositories/file/file/", body)
	c.equal("missing", a.str("detail"), "CSRF Failed: CSRF token missing.")
	a = s.want(403, "POST", "repositories/file/file/", body, func(r *http.Request) { r.Header.Set("X-CSRFToken", strings.Repeat("x", 32)) })
	c.equal("wrong", a.str("detail"), "CSRF Failed: CSRF token from the 'X-Csrftoken' HTTP header incorrect.")
	a = s.want(201, "POST", "repositories/file/file/", body, func(r *http.Request) { r.Header.Set("X-CSRFToken", token) })
	c.primary.later(a.str("pulp_href"))
	s.want(204, "DELETE", "login/", nil, func(r *http.Request) { r.Header.Set("X-CSRFToken", token) })
}

func logout(c *check) {
	s, token := c.login()
	u, err := url.Parse(s.base)
	if err != nil {
		c.Fatal(err)
	}
	cookies := s.http.Jar.Cookies(u)
	s.want(204, "DELETE", "login/", nil, func(r *http.Request) { r.Header.Set("X-CSRFToken", token) })
	a := c.fresh().want(401, "GET", "repositories/", nil, func(r *http.Request) {
		for _, k := range cookies {
			r.AddCookie(k)
		}
	})
	c.equal("after logout", a.str("detail"), "Authentication credentials were not provided.")
}
