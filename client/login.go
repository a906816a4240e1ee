// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"net/http"
)

const loginPath = "/v1/auth/login"

// Login is a login that succeeded.
type Login struct {
	Token     string `json:"access_token"`
	ExpiresIn int64  `json:"expires_in"` // seconds
	Expires   Time   `json:"expires"`
	Role      string `json:"role"` // "reader" or "admin"
}

// Me tells who one is.
type Me struct {
	Username *string  `json:"username"` // nil: not logged in
	Role     string   `json:"role"`
	Groups   []string `json:"groups"`
	Expires  Time     `json:"expires"` // zero: there is no login to end
}

// Login gives a token for a name and a password. The client itself goes on as it was; make one with WithToken.
func (c *Client) Login(ctx context.Context, username, password string) (Login, error) {
	var login Login
	err := c.do(ctx, http.MethodPost, loginPath, nil, map[string]string{"username": username, "password": password}, &login)
	return login, err
}

// Logout ends the login of the client's token. It tells whether there was one.
func (c *Client) Logout(ctx context.Context) (bool, error) {
	var answer struct {
		LoggedOut bool `json:"logged_out"`
	}
	err := c.do(ctx, http.MethodPost, "/v1/auth/logout", nil, nil, &answer)
	return answer.LoggedOut, err
}

// Me tells who the client's token belongs to, and what they may do.
func (c *Client) Me(ctx context.Context) (Me, error) {
	return get[Me](ctx, c, "/v1/auth/me", nil)
}
