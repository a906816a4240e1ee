// SPDX-License-Identifier: Apache-2.0

package web

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/pulp/pulp-manager/internal/auth"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// jobsPolicy lets the engine's pages load their own files. They set styles from script; what they know about
// themselves is in the page as data, which is no script to a browser.
const jobsPolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; " +
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// jobs lets admins look at the engine's pages.
func (w *web) jobs(rw http.ResponseWriter, r *http.Request) {
	changes := r.Method != http.MethodGet && r.Method != http.MethodHead
	forScript := changes || strings.HasPrefix(r.URL.Path, JobsPrefix+"/api/")
	who, err := w.who(r)
	switch {
	case err != nil:
	case who.Role.May(fleet.RoleAdmin) && changes:
		rw.Header().Set("Allow", "GET, HEAD")
		answer(rw, http.StatusMethodNotAllowed, "jobs are only shown here", "cancel a task with PATCH /v1/tasks/{id}; ask for it again to retry it")
		return
	case who.Role.May(fleet.RoleAdmin):
		w.showJobs(rw, r)
		return
	case who.User != "":
		err = fault.New(fault.Forbidden, "This is for admins, and %s is %s.", who.User, who.Role)
	case !forScript:
		http.Redirect(rw, r, "/login?"+url.Values{"next": {r.URL.RequestURI()}}.Encode(), http.StatusSeeOther)
		return
	default:
		err = auth.NeedLogin()
	}
	if forScript {
		status, text := said(err)
		answer(rw, status, text, fault.Hint(err))
		return
	}
	w.fail(rw, r, who, err)
}

// showJobs shows one of the pages, or what belongs to it.
func (w *web) showJobs(rw http.ResponseWriter, r *http.Request) {
	h := rw.Header()
	h.Set("Content-Security-Policy", jobsPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	if strings.HasPrefix(r.URL.Path, JobsPrefix+"/assets/") { // their names change with what is in them
		h.Set("Cache-Control", "private, max-age=31536000, immutable")
	}
	w.Jobs.ServeHTTP(rw, r)
}

// answer refuses a request of a script, in the API's shape.
func answer(rw http.ResponseWriter, status int, detail, hint string) {
	h := rw.Header()
	h.Set("Content-Type", "application/json")
	if status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", "Bearer")
	}
	rw.WriteHeader(status)
	_ = json.NewEncoder(rw).Encode(map[string]string{"detail": detail, "hint": hint, "message": detail + ": " + hint, "request_id": h.Get("X-Request-ID")})
}
