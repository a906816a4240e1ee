// SPDX-License-Identifier: Apache-2.0

package pulpfake

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// maxRequestLine is gunicorn's default limit.
const maxRequestLine = 4094

// reply is one answer.
type reply struct {
	status int
	body   any // marshalled; nil for none
	html   string
	header http.Header
}

func ok(body any) reply      { return reply{status: http.StatusOK, body: body} }
func created(body any) reply { return reply{status: http.StatusCreated, body: body} }
func accepted(t *task) reply { return reply{status: http.StatusAccepted, body: obj{"task": t.href()}} }
func noContent() reply       { return reply{status: http.StatusNoContent} }
func bad(errors any) reply   { return reply{status: http.StatusBadRequest, body: errors} }
func detail(n int, m string) reply {
	return reply{status: n, body: obj{"detail": m}}
}

func notFound(noun string) reply {
	return detail(http.StatusNotFound, "No "+noun+" matches the given query.")
}

// call is one API request being handled. Handlers hold mu.
type call struct {
	s    *Server
	r    *http.Request
	op   string // "GET repositories/deb/apt/{}/"
	segs []string
	cid  string
	user string
}

// ServeHTTP answers the API below /pulp/api/v3/, the content app below /pulp/content/, package indices below /pypi/ and the
// registry below /v2/.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.opt.WithoutProxy {
		w.Header().Set("Connection", "close")
	}
	if n := len(r.Method) + 1 + len(r.RequestURI) + 1 + len(r.Proto); n > maxRequestLine {
		page(w, http.StatusBadRequest, "Bad Request", fmt.Sprintf("Request Line is too large (%d &gt; %d)", n, maxRequestLine))
		return
	}
	if strings.HasPrefix(r.URL.Path, contentPrefix) {
		if s.contentFault(w, r) {
			s.serveContent(w, r)
		}
		return
	}
	for prefix, serve := range map[string]http.HandlerFunc{pypiPrefix: s.servePyPI, registryPrefix: s.serveRegistry} {
		if strings.HasPrefix(r.URL.Path, prefix) {
			if s.contentFault(w, r) {
				serve(w, r)
			}
			return
		}
	}
	s.serveAPI(w, r)
}

func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	s.mu.Lock()
	s.requests++
	n, inject, hook := s.requests, s.faults.inject, s.faults.hook
	if hook == nil {
		hook = s.opt.Hook
	}
	s.mu.Unlock()
	if hook == nil {
		hook = func(int, Moment, *http.Request) {}
	}
	hook(n, Before, r)
	fault := None
	if inject != nil {
		fault = inject(r, n)
	}
	cid := correlation(r)
	entry := Request{
		N: n, Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery, Correlation: cid, Fault: fault.String(), At: start,
	}
	switch fault.kind {
	case faultRefuse:
		s.record(entry, start)
		panic(http.ErrAbortHandler)
	case faultBadGateway, faultUnavailable:
		entry.Status = proxyPage(w, fault)
		s.record(entry, start)
		return
	case faultDelay:
		pause(r, fault.delay)
	}
	c := &call{s: s, r: r, cid: cid}
	c.op, c.segs = operation(r)
	if s.opt.Delay != nil {
		pause(r, s.opt.Delay(c.op))
	}
	s.mu.Lock()
	rep := c.handle()
	s.mu.Unlock()
	hook(n, Done, r)
	switch fault.kind {
	case faultLoseReply:
		s.record(entry, start)
		panic(http.ErrAbortHandler)
	case faultBadGatewayDone:
		entry.Status = proxyPage(w, fault)
		s.record(entry, start)
		return
	}
	entry.Status = rep.status
	s.record(entry, start)
	rep.write(w, cid)
	_ = http.NewResponseController(w).Flush()
	hook(n, After, r)
}

func pause(r *http.Request, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
	}
}

var (
	uuidPattern = regexp.MustCompile(`^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$`)
	hex32       = regexp.MustCompile(`^[0-9a-fA-F]{32}$`)
	digits      = regexp.MustCompile(`^[0-9]+$`)
)

// operation is the request's method and path below api/v3/ with ids and numbers written {}.
func operation(r *http.Request) (op string, segs []string) {
	rest, isAPI := strings.CutPrefix(r.URL.Path, apiPrefix)
	if !isAPI || (rest != "" && !strings.HasSuffix(rest, "/")) {
		return r.Method + " ?", nil
	}
	segs = strings.Split(strings.TrimSuffix(rest, "/"), "/")
	parts := append([]string{}, segs...)
	for i, p := range parts {
		if uuidPattern.MatchString(p) || digits.MatchString(p) {
			parts[i] = "{}"
		}
	}
	return r.Method + " " + strings.Join(parts, "/") + "/", segs
}

// correlation is the request's Correlation-ID if Pulp accepts it (a uuid in any spelling), else a new one.
func correlation(r *http.Request) string {
	if id := r.Header.Get("Correlation-ID"); uuidPattern.MatchString(id) || hex32.MatchString(id) {
		return id
	}
	return randomHex(16)
}

func (rep reply) write(w http.ResponseWriter, cid string) {
	h := w.Header()
	for k, v := range rep.header {
		h[k] = append(h[k], v...)
	}
	h.Set("Correlation-ID", cid)
	h.Set("Access-Control-Expose-Headers", "Correlation-ID")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Vary", "Accept")
	if rep.html != "" {
		h.Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(rep.status)
		_, _ = w.Write([]byte(rep.html))
		return
	}
	if rep.body == nil {
		w.WriteHeader(rep.status)
		return
	}
	h.Set("Content-Type", "application/json")
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(rep.body); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.WriteHeader(rep.status)
	_, _ = w.Write(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

func page(w http.ResponseWriter, status int, title, text string) {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "<html>\n  <head>\n    <title>%s</title>\n  </head>\n  <body>\n    <h1><p>%s</p></h1>\n    %s\n  </body>\n</html>\n",
		title, title, text)
}

func proxyPage(w http.ResponseWriter, f Fault) int {
	status := http.StatusBadGateway
	if f.kind == faultUnavailable {
		status = http.StatusServiceUnavailable
		w.Header().Set("Retry-After", "1")
	}
	title := fmt.Sprintf("%d %s", status, http.StatusText(status))
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "<html>\r\n<head><title>%s</title></head>\r\n<body>\r\n<center><h1>%s</h1></center>\r\n<hr><center>proxy</center>\r\n</body>\r\n</html>\r\n",
		title, title)
	return status
}

func htmlPage(status int, title, text string) reply {
	return reply{status: status, html: "\n<!doctype html>\n<html lang=\"en\">\n<head>\n  <title>" + html.EscapeString(title) +
		"</title>\n</head>\n<body>\n  <h1>" + html.EscapeString(title) + "</h1><p>" + html.EscapeString(text) + "</p>\n</body>\n</html>\n"}
}
