// SPDX-License-Identifier: Apache-2.0

package pulpfake

import (
	"fmt"
	"net/http"
	"sort"
	"strings"
	"time"
)

// contentFault applies an injected fault to a request of the content app and tells whether to serve it.
func (s *Server) contentFault(w http.ResponseWriter, r *http.Request) bool {
	s.mu.Lock()
	inject := s.faults.inject
	s.mu.Unlock()
	if inject == nil {
		return true
	}
	switch f := inject(r, 0); f.kind {
	case faultRefuse, faultLoseReply:
		panic(http.ErrAbortHandler)
	case faultBadGateway, faultBadGatewayDone, faultUnavailable:
		proxyPage(w, f)
		return false
	case faultDelay:
		pause(r, f.delay)
	}
	return true
}

// serveContent is Pulp's content app: files of publications, html listings for directories.
func (s *Server) serveContent(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		plain(w, http.StatusMethodNotAllowed, "405: Method Not Allowed")
		return
	}
	path := strings.TrimPrefix(r.URL.Path, contentPrefix)
	s.mu.Lock()
	dist, rel := s.distributionAt(path)
	var a *artifact
	var entries map[string]bool
	if dist != nil {
		if a = s.fileOf(dist, rel); a == nil {
			entries = s.directory(dist, rel)
		}
	}
	s.mu.Unlock()
	switch {
	case a != nil:
		h := w.Header()
		h.Set("Content-Type", "application/octet-stream")
		h.Set("ETag", fmt.Sprintf("%q", a.sha256[:16]))
		h.Set("X-PULP-ARTIFACT-SIZE", fmt.Sprint(len(a.data)))
		http.ServeContent(w, r, "", a.created.Truncate(time.Second), strings.NewReader(string(a.data)))
	case len(entries) > 0 && !strings.HasSuffix(r.URL.Path, "/"):
		http.Redirect(w, r, r.URL.Path+"/", http.StatusMovedPermanently)
	case len(entries) > 0:
		listing(w, r.URL.Path, entries)
	default:
		plain(w, http.StatusNotFound, "404: Not Found")
	}
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text))
}

// distributionAt finds the distribution whose base_path path begins with.
func (s *Server) distributionAt(path string) (*object, string) {
	for i := 0; i <= len(path); i++ {
		if i < len(path) && path[i] != '/' {
			continue
		}
		if o := s.basePaths[path[:i]]; o != nil {
			return o, strings.TrimPrefix(path[i:], "/")
		}
	}
	return nil, ""
}

// fileOf finds a file a distribution serves. A deb distribution looks at what it noted first (see distributed), the
// others at what they point at and only then at what they served before.
func (s *Server) fileOf(o *object, rel string) *artifact {
	noted := func() *artifact {
		now := s.now()
		for _, d := range o.dist.history {
			if d.pub.gone || (!d.expires.IsZero() && d.expires.Before(now)) {
				continue
			}
			if a := d.pub.pub.files[rel]; a != nil {
				return a
			}
		}
		return nil
	}
	if o.kind == python.dist {
		return s.fileOfVersion(o, rel)
	}
	pointed := func() *artifact {
		if p := s.resolve(o); p != nil {
			return p.pub.files[rel]
		}
		return nil
	}
	first, then := pointed, noted
	if o.kind.plugin == deb {
		first, then = noted, pointed
	}
	if a := first(); a != nil {
		return a
	}
	return then()
}

func (s *Server) directory(o *object, rel string) map[string]bool {
	p := s.resolve(o)
	if p == nil {
		return nil
	}
	if rel != "" && !strings.HasSuffix(rel, "/") {
		rel += "/"
	}
	res := map[string]bool{}
	for f := range p.pub.files {
		if rest, inside := strings.CutPrefix(f, rel); inside {
			name, _, deeper := strings.Cut(rest, "/")
			if deeper {
				name += "/"
			}
			res[name] = true
		}
	}
	return res
}

func listing(w http.ResponseWriter, path string, entries map[string]bool) {
	names := sortedKeys(entries)
	sort.Strings(names)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = fmt.Fprintf(w, "\n<html>\n<head><title>Index of %s</title></head>\n<body bgcolor=\"white\">\n<h1>Index of %s</h1>\n<hr><pre><a href=\"../\">../</a>\n", path, path)
	for _, n := range names {
		_, _ = fmt.Fprintf(w, "<a href=\"./%s\">%s</a>\n", n, n)
	}
	_, _ = fmt.Fprint(w, "</pre><hr></body>\n</html>")
}
