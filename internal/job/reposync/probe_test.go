// SPDX-License-Identifier: Apache-2.0

package reposync

import (
	"context"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/pulp/pulp-manager/internal/content"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/inventory"
	"github.com/pulp/pulp-manager/internal/pulp"
)

// upstream answers probes for a repository whose only file is /repodata/repomd.xml.
func upstream(t *testing.T, tls bool, answer http.HandlerFunc) (*inventory.Repository, *httptest.Server) {
	t.Helper()
	server := httptest.NewUnstartedServer(answer)
	if tls {
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	kind, _ := content.Find("rpm")
	return &inventory.Repository{Type: kind, Remote: &pulp.Remote{
		Hidden: map[string]bool{"password": false}, Object: pulp.Keep(pulp.Fields{"url": server.URL, "tls_validation": true, "headers": nil, "client_cert": nil}),
	}}, server
}

// set gives a remote another field.
func set(r *pulp.Remote, field string, value any) {
	fields := r.Fields()
	fields[field] = value
	r.Object = pulp.Keep(fields)
}

func text(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }
}

func TestProbeTellsChanges(t *testing.T) {
	body := "one"
	r, _ := upstream(t, false, func(w http.ResponseWriter, _ *http.Request) { text(body)(w, nil) })
	first, err := probe(t.Context(), r, nil)
	if err != nil || len(first) != 1 || first[0].SHA256 == "" {
		t.Fatalf("%+v, %v", first, err)
	}
	again, err := probe(t.Context(), r, first)
	if err != nil || !slices.Equal(first, again) {
		t.Errorf("the same: %+v, %v", again, err)
	}
	body = "two"
	changed, err := probe(t.Context(), r, first)
	if err != nil || changed[0].SHA256 == first[0].SHA256 {
		t.Errorf("changed: %+v, %v", changed, err)
	}
}

// TestProbeAsksByValidator: what is known is not read again, and what is not known is never asked by a validator.
func TestProbeAsksByValidator(t *testing.T) {
	var conditional, read int
	r, _ := upstream(t, false, func(w http.ResponseWriter, q *http.Request) {
		if q.Header.Get("If-None-Match") == `"e1"` && q.Header.Get("If-Modified-Since") == "Wed, 25 Nov 2026 02:00:00 GMT" {
			conditional++
			w.WriteHeader(http.StatusNotModified)
			return
		}
		read++
		w.Header().Set("ETag", `"e1"`)
		w.Header().Set("Last-Modified", "Wed, 25 Nov 2026 02:00:00 GMT")
		text("one")(w, q)
	})
	first, err := probe(t.Context(), r, []fleet.SourceFile{{URL: "http://other.test/repodata/repomd.xml", SHA256: "1", ETag: `"e1"`}})
	if err != nil || conditional != 0 || read != 1 {
		t.Fatalf("%+v, %v: %d conditional, %d read", first, err, conditional, read)
	}
	again, err := probe(t.Context(), r, first)
	if err != nil || !slices.Equal(first, again) || conditional != 1 || read != 1 {
		t.Errorf("%+v, %v: %d conditional, %d read", again, err, conditional, read)
	}
}

// TestProbeOdd: anything odd is an error, so that Pulp looks itself.
func TestProbeOdd(t *testing.T) {
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	for name, answer := range map[string]http.HandlerFunc{
		"not found":   status(http.StatusNotFound),
		"broken":      status(http.StatusInternalServerError),
		"login":       status(http.StatusUnauthorized),
		"unasked 304": status(http.StatusNotModified),
		"no content":  status(http.StatusNoContent),
		"empty":       status(http.StatusOK),
		"encoded": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "br")
			text("x")(w, nil)
		},
		"cut off": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "10")
			text("x")(w, nil)
		},
		"redirected ever":   func(w http.ResponseWriter, q *http.Request) { http.Redirect(w, q, "/again", http.StatusFound) },
		"redirected to ftp": func(w http.ResponseWriter, q *http.Request) { http.Redirect(w, q, "ftp://u.test/x", http.StatusFound) },
		"too large": func(w http.ResponseWriter, _ *http.Request) {
			chunk := make([]byte, 1<<20)
			for range probeSize>>20 + 1 {
				_, _ = w.Write(chunk)
			}
		},
	} {
		r, _ := upstream(t, false, answer)
		if files, err := probe(t.Context(), r, nil); err == nil {
			t.Errorf("%s: %+v", name, files)
		}
	}
	r, server := upstream(t, false, text("x"))
	server.Close()
	if files, err := probe(t.Context(), r, nil); err == nil {
		t.Errorf("nobody listens: %+v", files)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r, _ = upstream(t, false, text("x"))
	if files, err := probe(ctx, r, nil); err == nil {
		t.Errorf("canceled: %+v", files)
	}
}

// TestProbeRedirected: a redirect or two are followed, but never from https to http.
func TestProbeRedirected(t *testing.T) {
	r, _ := upstream(t, false, func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path == "/repodata/repomd.xml" {
			http.Redirect(w, q, "/elsewhere", http.StatusFound)
			return
		}
		text("x")(w, q)
	})
	if _, err := probe(t.Context(), r, nil); err != nil {
		t.Error(err)
	}
	plain := httptest.NewServer(text("x"))
	t.Cleanup(plain.Close)
	r, _ = upstream(t, true, func(w http.ResponseWriter, q *http.Request) { http.Redirect(w, q, plain.URL, http.StatusFound) })
	set(r.Remote, "tls_validation", false)
	if _, err := probe(t.Context(), r, nil); err == nil || !strings.Contains(err.Error(), "redirected to http") {
		t.Errorf("%v", err)
	}
}

// TestProbeAsTheRemoteSays: certificates and proxy are the remote's.
func TestProbeAsTheRemoteSays(t *testing.T) {
	r, server := upstream(t, true, text("x"))
	if _, err := probe(t.Context(), r, nil); err == nil {
		t.Error("an unknown certificate was believed")
	}
	set(r.Remote, "tls_validation", false)
	if _, err := probe(t.Context(), r, nil); err != nil {
		t.Errorf("not to be validated: %v", err)
	}
	set(r.Remote, "tls_validation", true)
	set(r.Remote, "ca_cert", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	if _, err := probe(t.Context(), r, nil); err != nil {
		t.Errorf("with its certificate: %v", err)
	}
	set(r.Remote, "ca_cert", "none")
	if _, err := probe(t.Context(), r, nil); err == nil {
		t.Error("a certificate that cannot be read was left out")
	}
	proxied := ""
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		proxied = q.URL.String()
		text("x")(w, q)
	}))
	t.Cleanup(proxy.Close)
	r, _ = upstream(t, false, text("y"))
	set(r.Remote, "url", "http://upstream.test/rpm")
	set(r.Remote, "proxy_url", proxy.URL)
	if _, err := probe(t.Context(), r, nil); err != nil || proxied != "http://upstream.test/rpm/repodata/repomd.xml" {
		t.Errorf("by the proxy: %q, %v", proxied, err)
	}
	set(r.Remote, "proxy_url", "://")
	if _, err := probe(t.Context(), r, nil); err == nil {
		t.Error("a proxy that cannot be read was left out")
	}
}

// TestProbeLeavesSecretsAlone: an upstream that Pulp logs in to is not asked at all.
func TestProbeLeavesSecretsAlone(t *testing.T) {
	for name, change := range map[string]func(*pulp.Remote){
		"a password":         func(r *pulp.Remote) { r.Hidden["password"] = true },
		"nothing told":       func(r *pulp.Remote) { r.Hidden = nil },
		"a certificate":      func(r *pulp.Remote) { set(r, "client_cert", "pem") },
		"headers":            func(r *pulp.Remote) { set(r, "headers", []any{map[string]any{"Authorization": "x"}}) },
		"headers, otherwise": func(r *pulp.Remote) { set(r, "headers", map[string]any{}) },
		"a token":            func(r *pulp.Remote) { set(r, "sles_auth_token", "x") },
		"no url":             func(r *pulp.Remote) { set(r, "url", "") },
	} {
		asked := false
		r, _ := upstream(t, false, func(http.ResponseWriter, *http.Request) { asked = true })
		change(r.Remote)
		if files, err := probe(t.Context(), r, nil); err == nil || asked {
			t.Errorf("%s: asked %t, %+v", name, asked, files)
		}
	}
	r, _ := upstream(t, false, text("x"))
	set(r.Remote, "headers", []any{})
	if _, err := probe(t.Context(), r, nil); err != nil {
		t.Errorf("no headers: %v", err)
	}
	r.Type, _ = content.Find("container")
	if _, err := probe(t.Context(), r, nil); err == nil {
		t.Error("a type that cannot be probed was")
	}
}
