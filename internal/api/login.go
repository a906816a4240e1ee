// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"net/http"
	"time"

	"github.com/pulp/pulp-manager/internal/auth"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// loginAction is the operation id of a login.
const loginAction = "login"

// authRoutes are those about who one is.
func (a *api) authRoutes() []route {
	return []route{
		{
			method: http.MethodPost, path: "/v1/auth/login", id: loginAction, tag: tagAuth, access: everyone, handle: a.login,
			summary: "Log in", description: "Gives a token for a name and a password. Send it with every request as `Authorization: Bearer TOKEN`; " +
				"on this page, give it to “Authorize”. Too many failed logins are answered 429 for a while.",
			body: a.bodyOf(Credentials{}), example: exampleLogin,
			errors: []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests},
		},
		{
			method: http.MethodGet, path: "/v1/auth/token_lookup", id: "token-lookup", tag: tagAuth, access: everyone, handle: a.lookUp,
			summary: "Tell whose a token is", description: "For old clients: addresses are seen by proxies and kept in histories. `GET /v1/auth/me` tells the same of the token that is sent as header.",
			params: []param{{name: "token", doc: "A token that a login gave.", example: "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl"}}, example: exampleLookup, errors: []int{http.StatusUnauthorized},
		},
		{
			method: http.MethodGet, path: "/v1/auth/me", id: "who-am-i", tag: tagAuth, access: readers, handle: a.whoAmI,
			summary: "Tell who one is", description: "Who makes this request, and what they may do.", example: exampleMe,
		},
		{
			method: http.MethodPost, path: "/v1/auth/logout", id: "logout", tag: tagAuth, access: readers, handle: a.logout,
			summary: "Log out", description: "Ends the login whose token is sent: the token is good for nothing any more.", example: Logout{LoggedOut: true},
		},
	}
}

// Credentials are a name and a password.
type Credentials struct {
	Username string `json:"username" minLength:"1" maxLength:"256" doc:"Name, with or without a domain." example:"alice"`
	Password string `json:"password" maxLength:"1024" format:"password" doc:"Password." example:"correct horse battery staple"`
}

// Login is a login that succeeded.
type Login struct {
	Token     string  `json:"access_token" doc:"Send it as Authorization: Bearer."`
	Type      string  `json:"token_type" doc:"How to send the token." enum:"bearer"`
	ExpiresIn int64   `json:"expires_in" doc:"Seconds until the login ends."`
	Expires   instant `json:"expires" doc:"When the login ends." nullable:"false"`
	Role      string  `json:"role" doc:"What one may do: reader or admin."`
}

// TokenLookup tells whose a token is; legacy section 3.3.
type TokenLookup struct {
	Username string   `json:"username" doc:"Who logged in."`
	Groups   []string `json:"groups" doc:"Groups of the directory that they are in." nullable:"false"`
	Expires  string   `json:"expires" doc:"When the login ends: time, then date, in UTC."`
	Role     string   `json:"role" doc:"What they may do: reader or admin."`
}

// Me tells who makes a request.
type Me struct {
	Username *string  `json:"username" doc:"null: nobody logged in, and nobody needs to for what the role allows."`
	Role     string   `json:"role" doc:"What one may do." enum:"reader,admin"`
	Groups   []string `json:"groups" doc:"Groups of the directory that one is in." nullable:"false"`
	Expires  instant  `json:"expires" doc:"When the login ends; null: there is none."`
}

// Logout tells that a login was ended.
type Logout struct {
	LoggedOut bool `json:"logged_out" doc:"false: nobody was logged in."`
}

// login gives a token. That too many failed is answered with how long to wait.
func (a *api) login(ctx context.Context, r *request) (any, error) {
	given, ok := r.body.(Credentials)
	if !ok {
		return nil, fault.New(fault.Internal, "body of a login is a %T", r.body)
	}
	if a.Access == nil {
		return nil, fault.New(fault.Unavailable, "nobody can log in here")
	}
	session, err := a.Access.Login(ctx, auth.Attempt{User: given.Username, Password: fleet.NewSecret(given.Password), Address: clientAddress(r.http)})
	if err != nil {
		return nil, err
	}
	who := session.Principal
	x := exchangeOf(ctx)
	x.entry.User, x.entry.Role, x.entry.Detail = who.User, who.Role, ""
	return Login{
		Token: session.Token.Reveal(), Type: "bearer", Role: string(who.Role), Expires: instant(who.Expires),
		ExpiresIn: int64(time.Until(who.Expires).Round(time.Second) / time.Second),
	}, nil
}

// lookupLayout is how the original writes the end of a login (legacy section 3.3).
const lookupLayout = "15:04:05 02-01-2006 UTC"

func (a *api) lookUp(ctx context.Context, r *request) (any, error) {
	if token := r.params["token"]; a.Access != nil && token != "" {
		who, err := a.Access.Principal(ctx, token)
		if err != nil {
			return nil, err
		}
		if who.TokenID != "" {
			return TokenLookup{Username: who.User, Groups: texts(who.Groups), Role: string(who.Role), Expires: who.Expires.UTC().Format(lookupLayout)}, nil
		}
	}
	return nil, fault.New(fault.Unauthenticated, "this is no token of a login here")
}

func (a *api) whoAmI(ctx context.Context, _ *request) (any, error) {
	who := auth.FromContext(ctx)
	return Me{Username: textOrNull(who.User), Role: string(who.Role), Groups: texts(who.Groups), Expires: instant(who.Expires)}, nil
}

func (a *api) logout(ctx context.Context, _ *request) (any, error) {
	who := auth.FromContext(ctx)
	if who.TokenID == "" {
		return Logout{}, nil
	}
	if err := a.Access.Logout(ctx, who); err != nil {
		return nil, err
	}
	return Logout{LoggedOut: true}, nil
}

// Examples for the document.
var (
	exampleLogin  = Login{Token: "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl", Type: "bearer", ExpiresIn: 28_800, Expires: instant(exampleMoment), Role: "admin"}
	exampleLookup = TokenLookup{Username: "alice", Groups: []string{"pulpmaster-rw"}, Expires: "17:14:46 23-11-2026 UTC", Role: "admin"}
	exampleMe     = Me{Username: textOrNull("alice"), Role: "admin", Groups: []string{"pulpmaster-rw"}, Expires: instant(exampleMoment)}
)
