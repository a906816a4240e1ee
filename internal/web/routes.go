// SPDX-License-Identifier: Apache-2.0

package web

import "net/http"

// routes is the map of the pages.
func (w *web) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", w.home)
	mux.HandleFunc("GET /login", w.showLogin)
	mux.Handle("POST /login", w.origins.Handler(http.HandlerFunc(w.login)))
	mux.Handle("POST /logout", w.origins.Handler(http.HandlerFunc(w.logout)))
	mux.HandleFunc("GET /static/pages.css", serveCSS)
	if w.Jobs != nil {
		mux.HandleFunc(JobsPrefix+"/", w.jobs)
	}
	return mux
}
