// SPDX-License-Identifier: Apache-2.0

package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"net/http"
	"strings"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

//go:embed templates static
var files embed.FS

// policy lets a page load our style sheet and nothing else.
const policy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// view is what the frame of each page shows.
type view struct {
	Title   string
	User    string // empty: nobody logged in
	Role    string
	Open    bool // nobody needs a login
	Version string
	Page    any
}

// page is a template within the frame.
func page(name string) *template.Template {
	return template.Must(template.ParseFS(files, "templates/frame.html", "templates/"+name))
}

// show writes a page.
func (w *web) show(rw http.ResponseWriter, r *http.Request, status int, t *template.Template, who fleet.Principal, title string, content any) {
	var text bytes.Buffer
	v := view{Title: title, User: who.User, Role: string(who.Role), Open: w.Access.Policy().Open, Version: w.Version, Page: content}
	if err := t.ExecuteTemplate(&text, "frame.html", v); err != nil {
		w.Logger.ErrorContext(r.Context(), "a page cannot be made", "path", r.URL.Path, "err", err)
		http.Error(rw, "internal error", http.StatusInternalServerError)
		return
	}
	h := rw.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", policy)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	rw.WriteHeader(status)
	_, _ = text.WriteTo(rw)
}

var problemPage = page("problem.html")

// problem is what went wrong, in words.
type problem struct{ Text, Hint, Back string }

// fail shows an error as a page.
func (w *web) fail(rw http.ResponseWriter, r *http.Request, who fleet.Principal, err error) {
	status, text := said(err)
	if status >= http.StatusInternalServerError {
		w.Logger.ErrorContext(r.Context(), "a page cannot be shown", "path", r.URL.Path, "request_id", rw.Header().Get("X-Request-ID"), "err", err)
	}
	w.show(rw, r, status, problemPage, who, "Not now", problem{Text: text, Hint: fault.Hint(err), Back: "/"})
}

// said gives the status and the words for an error.
func said(err error) (int, string) {
	switch fault.KindOf(err) {
	case fault.Invalid:
		return http.StatusUnprocessableEntity, fault.Message(err)
	case fault.Unauthenticated:
		return http.StatusUnauthorized, fault.Message(err)
	case fault.Forbidden:
		return http.StatusForbidden, fault.Message(err)
	case fault.TooMany:
		return http.StatusTooManyRequests, fault.Message(err)
	case fault.Unavailable:
		return http.StatusServiceUnavailable, fault.Message(err)
	}
	return http.StatusInternalServerError, "Something went wrong here. The daemon's log says what."
}

var homePage = page("home.html")

// home is a list of where to go.
func (w *web) home(rw http.ResponseWriter, r *http.Request) {
	who, err := w.who(r)
	if err != nil {
		w.fail(rw, r, who, err)
		return
	}
	w.show(rw, r, http.StatusOK, homePage, who, "Pulp Manager", struct{ Jobs bool }{w.Jobs != nil && who.Role.May(fleet.RoleAdmin)})
}

// serveCSS serves the style sheet.
func serveCSS(rw http.ResponseWriter, r *http.Request) {
	text, err := files.ReadFile("static/pages.css")
	if err != nil { // it is embedded: cannot happen
		http.NotFound(rw, r)
		return
	}
	sum := sha256.Sum256(text)
	h := rw.Header()
	h.Set("Content-Type", "text/css; charset=utf-8")
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", `"`+hex.EncodeToString(sum[:8])+`"`)
	if strings.Contains(r.Header.Get("If-None-Match"), h.Get("ETag")) {
		rw.WriteHeader(http.StatusNotModified)
		return
	}
	_, _ = rw.Write(text)
}
