// SPDX-License-Identifier: Apache-2.0

package api

import (
	"net/http"
	"net/http/httptest"
	"runtime/pprof"
	"strings"
	"testing"
)

// get asks for something with a token.
func getWith(h http.Handler, target, token string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, target, nil)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// TestProfilesAreForAdmins: readers and strangers get none of it, however they spell it.
func TestProfilesAreForAdmins(t *testing.T) {
	o := newMemory().options()
	o.Access = newDoor()
	h := New(o)
	for _, target := range []string{
		"/debug/pprof/", "/debug/pprof/heap", "/debug/pprof/profile?seconds=1", "/debug/pprof/cmdline", "/debug/pprof/x", "/debug/pprof/goroutine?debug=2",
	} {
		for token, want := range map[string]int{"": http.StatusUnauthorized, expiredToken: http.StatusUnauthorized, readerToken: http.StatusForbidden} {
			if w := getWith(h, target, token); w.Code != want || strings.Contains(w.Body.String(), "goroutine") {
				t.Errorf("%s with %q: answered %d %s, want %d", target, token, w.Code, w.Body.String(), want)
			}
		}
	}
	for target, want := range map[string]int{
		"/debug/pprof/": http.StatusOK, "/debug/pprof/cmdline": http.StatusNotFound, "/debug/pprof/symbol": http.StatusNotFound, "/debug/pprof/trace": http.StatusNotFound,
		"/debug/pprof/heap?debug=3": http.StatusUnprocessableEntity, "/debug/pprof/profile?seconds=0": http.StatusUnprocessableEntity,
		"/debug/pprof/profile?seconds=51": http.StatusUnprocessableEntity, "/debug/pprof/heap?x=1": http.StatusUnprocessableEntity, "/debug": http.StatusNotFound,
	} {
		if w := getWith(h, target, adminToken); w.Code != want {
			t.Errorf("%s: answered %d %s, want %d", target, w.Code, w.Body.String(), want)
		}
	}
	for _, name := range profiles {
		w := getWith(h, "/debug/pprof/"+name+"?seconds=1", adminToken)
		if w.Code != http.StatusOK || !strings.HasPrefix(w.Body.String(), "\x1f\x8b") || w.Header().Get("Content-Type") != "application/octet-stream" {
			t.Errorf("%s: answered %d, %d bytes of %s", name, w.Code, w.Body.Len(), w.Header().Get("Content-Type"))
		}
	}
	if w := getWith(h, "/debug/pprof/goroutine?debug=2", adminToken); !strings.Contains(w.Body.String(), "TestProfilesAreForAdmins") {
		t.Errorf("as text: %d %s", w.Code, w.Body.String())
	}
	if err := pprof.StartCPUProfile(&strings.Builder{}); err != nil {
		t.Fatal(err)
	}
	defer pprof.StopCPUProfile()
	if w := getWith(h, "/debug/pprof/profile", adminToken); w.Code != http.StatusConflict {
		t.Errorf("two at a time: answered %d %s", w.Code, w.Body.String())
	}
}
