// SPDX-License-Identifier: Apache-2.0

package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/pulp/pulp-manager/internal/auth"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

const (
	maxForm   = 16 << 10        // bytes of a form
	maxField  = 1024            // bytes of a name or a password
	auditTime = 5 * time.Second // for recording a login
)

var loginPage = page("login.html")

// loginForm is what the login page shows.
type loginForm struct{ User, Next, Problem, Hint string }

// showLogin shows the form, or goes on for somebody who is logged in.
func (w *web) showLogin(rw http.ResponseWriter, r *http.Request) {
	next := local(r.URL.Query().Get("next"))
	who, err := w.who(r)
	switch {
	case err != nil:
		w.fail(rw, r, who, err)
	case who.User != "" || w.Access.Policy().Open:
		http.Redirect(rw, r, next, http.StatusSeeOther)
	default:
		w.show(rw, r, http.StatusOK, loginPage, who, "Log in", loginForm{Next: next})
	}
}

// login checks the form and makes the browser keep the token.
func (w *web) login(rw http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(rw, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		w.fail(rw, r, fleet.Principal{}, fault.Wrap(fault.Invalid, err, "The form could not be read."))
		return
	}
	user, password, next := r.PostForm.Get("username"), r.PostForm.Get("password"), local(r.PostForm.Get("next"))
	session, err := w.check(r, user, password)
	if err == nil {
		w.record(rw, r, session.Principal, "login", http.StatusSeeOther, "")
		auth.SetCookie(rw, r, session)
		http.Redirect(rw, r, next, http.StatusSeeOther)
		return
	}
	status, text := said(err)
	if status >= http.StatusInternalServerError {
		w.Logger.ErrorContext(r.Context(), "nobody can log in", "request_id", rw.Header().Get("X-Request-ID"), "err", err)
	}
	if many := (*auth.TooManyError)(nil); errors.As(err, &many) {
		rw.Header().Set("Retry-After", strconv.FormatInt(max(1, int64((many.After+time.Second-1)/time.Second)), 10))
	}
	w.record(rw, r, fleet.Principal{}, "login", status, refused(user, text))
	w.show(rw, r, status, loginPage, fleet.Principal{}, "Log in", loginForm{User: user, Next: next, Problem: text, Hint: fault.Hint(err)})
}

// check logs somebody in.
func (w *web) check(r *http.Request, user, password string) (auth.Session, error) {
	if user == "" || password == "" || len(user) > maxField || len(password) > maxField {
		return auth.Session{}, fault.New(fault.Invalid, "Give a name and a password.")
	}
	return w.Access.Login(r.Context(), auth.Attempt{User: user, Password: fleet.NewSecret(password), Address: auth.Address(r)})
}

// refused is what the audit log says of a login that failed.
func refused(user, why string) string {
	if len(user) > maxField {
		user = user[:maxField]
	}
	name, err := json.Marshal(map[string]string{"username": strings.ToValidUTF8(user, "?")})
	if err != nil { // a text: cannot happen
		return why
	}
	return string(name) + " refused: " + why
}

// logout ends the login and makes the browser forget it.
func (w *web) logout(rw http.ResponseWriter, r *http.Request) {
	who, err := w.who(r)
	if err == nil && who.TokenID != "" {
		if err = w.Access.Logout(r.Context(), who); err == nil {
			w.record(rw, r, who, "logout", http.StatusSeeOther, "")
		}
	}
	if err != nil {
		w.fail(rw, r, who, err)
		return
	}
	auth.ClearCookie(rw, r)
	http.Redirect(rw, r, "/login", http.StatusSeeOther)
}

// record puts a login or a logout into the audit log.
func (w *web) record(rw http.ResponseWriter, r *http.Request, who fleet.Principal, action string, status int, detail string) {
	address := auth.Address(r)
	if w.Audit == nil || status == http.StatusTooManyRequests && w.rare.Seen(address+" "+action, time.Now()) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), auditTime)
	defer cancel()
	id := rw.Header().Get("X-Request-ID")
	err := w.Audit.Record(ctx, fleet.AuditEntry{
		User: who.User, Role: who.Role, Address: address, Action: action, Method: r.Method, Path: r.URL.Path, Status: status, RequestID: id, Detail: detail,
	})
	if err != nil {
		w.Logger.ErrorContext(ctx, "a login is not in the audit log", "action", action, "user", who.User, "status", status, "request_id", id, "err", err)
	}
}

// local gives an address to go on to if it is a path of ours, else the first page: no other site can be named.
func local(next string) string {
	u, err := url.Parse(next)
	bad := err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" || !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") ||
		strings.ContainsFunc(next, func(c rune) bool { return c <= ' ' || c == '\\' || c == 0x7f }) || strings.HasPrefix(u.Path, "//") || u.Path == "/login"
	if bad {
		return "/"
	}
	return next
}
