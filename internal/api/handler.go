// SPDX-License-Identifier: Apache-2.0

package api

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/pulp/pulp-manager/internal/auth"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// maxBody is the largest request body, in bytes.
const maxBody = 1 << 20

// route is one operation: how it is reached, what it does, and what the document
// says about it.
type route struct {
	method, path string
	pattern      string // path as the mux needs it; empty: path
	handle       handler
	access       access   // who may use it
	status       int      // of success; 0: 200
	list         *listing // query parameters; nil: it takes none
	params       []param  // query parameters of a route that is no list
	body         *body    // request body; nil: it takes none
	stream       bool     // the answer is a stream of events
	binary       bool     // the answer is no JSON; the example does not count
	quiet        bool     // asked every few seconds: logged at debug level

	id, tag, summary, description string

	example any   // an answer; its type is the answer's
	errors  []int // statuses of errors, besides those any operation can answer
}

// handler does an operation. The value becomes the JSON body of the answer.
type handler func(ctx context.Context, r *request) (any, error)

// request is what a handler is given: checked, so that it only looks at meanings.
type request struct {
	c      huma.Context
	query  fleet.Query       // of a list
	body   any               // a value of the body's type
	params map[string]string // of a route with params
	fields map[string]any    // the body as JSON, after coercion
	http   *http.Request     // for what is about the connection
}

// id gives a path parameter that is an id.
func (r *request) id(name string) (int64, error) {
	text := r.c.Param(name)
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, invalid(FieldProblem{"path." + name, "must be an integer, not " + quote(text)})
	}
	return n, nil
}

// statuser is a value that decides the status of its answer.
type statuser interface{ status() int }

// register puts a route into the mux and into the document.
func (a *api) register(rt route) {
	op := a.describe(rt)
	a.document.AddOperation(&op)
	if !strings.Contains(rt.path, "{") {
		a.literal[rt.path] = append(a.literal[rt.path], rt.method)
	}
	pattern := rt.method + " " + cmp.Or(rt.pattern, rt.path)
	if strings.HasSuffix(pattern, "/") {
		pattern += "{$}" // the list root alone, not all below it
	}
	a.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		x := exchangeOf(r.Context())
		x.quiet, x.audited = rt.quiet, rt.audited()
		x.entry.Action = rt.id
		who, err := a.admit(r, rt)
		x.entry.User, x.entry.Role = who.User, who.Role
		ctx := auth.NewContext(r.Context(), who)
		r = r.WithContext(ctx)
		c := humago.NewContext(&op, r, w)
		var value any
		if err == nil {
			value, err = a.run(ctx, c, r, rt)
		}
		if err != nil {
			a.fail(ctx, c, err)
			return
		}
		x.note(value)
		if s, ok := value.(streamer); ok {
			s.stream(ctx, w, r)
			return
		}
		status := rt.status
		if s, ok := value.(statuser); ok {
			status = s.status()
		}
		a.answer(ctx, c, status, value)
	})
}

// run reads the request and calls the handler.
func (a *api) run(ctx context.Context, c huma.Context, raw *http.Request, rt route) (any, error) {
	r := &request{c: c, http: raw}
	var problems []FieldProblem
	if rt.params != nil {
		r.params, problems = parseParams(rt.params, raw.URL.RawQuery)
	} else {
		r.query, problems = rt.list.parse(raw.URL.RawQuery, a.PageSize, a.MaxPageSize)
	}
	if len(problems) > 0 {
		return nil, invalid(problems...)
	}
	if rt.body != nil {
		raw, err := readBody(c)
		if err != nil {
			return nil, err
		}
		if r.body, r.fields, problems = rt.body.decode(raw); len(problems) > 0 {
			return nil, invalid(problems...)
		}
		exchangeOf(ctx).entry.Detail = auditDetail(r.fields)
	}
	return rt.handle(ctx, r)
}

// readBody reads a JSON body, not longer than maxBody. A missing content type is
// taken for JSON; browsers cannot send that one across origins unasked, and
// guard refuses them anyway.
func readBody(c huma.Context) ([]byte, error) {
	if t := c.Header("Content-Type"); t != "" {
		media, _, _ := strings.Cut(strings.ToLower(t), ";")
		if media = strings.TrimSpace(media); media != "application/json" && !strings.HasSuffix(media, "+json") {
			return nil, &answerError{status: http.StatusUnsupportedMediaType, detail: "the body must be application/json, not " + media}
		}
	}
	if coding := c.Header("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return nil, &answerError{status: http.StatusUnsupportedMediaType, detail: "the body must not be compressed", hint: "send it without the header Content-Encoding"}
	}
	raw, err := io.ReadAll(io.LimitReader(c.BodyReader(), maxBody+1))
	switch {
	case err != nil:
		return nil, &answerError{status: http.StatusBadRequest, detail: "the body could not be read", err: err}
	case len(raw) > maxBody:
		return nil, &answerError{status: http.StatusRequestEntityTooLarge, detail: "the body is larger than 1 MiB"}
	}
	return raw, nil
}

// answer writes a value as JSON. It and fail, which uses it, are the only places that
// write answers of the API.
func (a *api) answer(ctx context.Context, c huma.Context, status int, value any) {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		a.fail(ctx, c, fault.Wrap(fault.Internal, err, "answer cannot be written as JSON"))
		return
	}
	if status == 0 {
		status = http.StatusOK
	}
	c.SetHeader("Content-Type", "application/json")
	c.SetStatus(status)
	// A failed write means that the client is gone; nobody is left to be told.
	_, _ = c.BodyWriter().Write(bytes.TrimRight(buffer.Bytes(), "\n"))
}

// dispatch gives a request to its route. What no route takes is redirected to the
// same path with or without a final slash if that one is taken (as the original does),
// else refused in JSON.
func (a *api) dispatch(w http.ResponseWriter, r *http.Request) {
	if allow, ok := a.refused(r); ok {
		w.Header().Set("Allow", allow)
		writeProblem(w, r, http.StatusMethodNotAllowed, Problem{Detail: "Method Not Allowed"})
		return
	}
	handler, pattern := a.mux.Handler(r)
	if pattern != "" {
		a.mux.ServeHTTP(w, r)
		return
	}
	if a.Pages != nil {
		if _, pattern := a.Pages.Handler(r); pattern != "" {
			a.Pages.ServeHTTP(w, r)
			return
		}
	}
	if other := toggleSlash(r.URL); other != nil {
		twin := r.Clone(r.Context())
		twin.URL = other
		if _, pattern := a.mux.Handler(twin); pattern != "" {
			w.Header().Set("Location", other.RequestURI())
			w.WriteHeader(http.StatusTemporaryRedirect)
			return
		}
	}
	refusal := &refusal{header: http.Header{}}
	handler.ServeHTTP(refusal, r)
	status, detail := http.StatusNotFound, "Not Found"
	if refusal.status == http.StatusMethodNotAllowed {
		status, detail = refusal.status, "Method Not Allowed"
		w.Header().Set("Allow", refusal.header.Get("Allow"))
	}
	writeProblem(w, r, status, Problem{Detail: detail})
}

// refused tells whether a path that has routes of its own, without parameters, lacks the method, and which
// it has: the mux would give the request to a route such as PATCH /v1/tasks/{id}.
func (a *api) refused(r *http.Request) (allow string, refused bool) {
	methods, ok := a.literal[r.URL.Path]
	if !ok || slices.Contains(methods, r.Method) {
		return "", false
	}
	if slices.Contains(methods, http.MethodGet) {
		if r.Method == http.MethodHead {
			return "", false
		}
		methods = append(slices.Clone(methods), http.MethodHead)
	}
	slices.Sort(methods)
	return strings.Join(methods, ", "), true
}

// toggleSlash gives the address with or without a final slash; nil for the root. It never begins with two, which
// browsers take for another host.
func toggleSlash(u *url.URL) *url.URL {
	name := path.Clean("/" + u.Path)
	if name == "/" {
		return nil
	}
	if !strings.HasSuffix(u.Path, "/") {
		name += "/"
	}
	return &url.URL{Path: name, RawQuery: u.RawQuery}
}

// refusal takes the mux's own answer, to be given in our words.
type refusal struct {
	header http.Header
	status int
}

func (r *refusal) Header() http.Header         { return r.header }
func (r *refusal) WriteHeader(status int)      { r.status = status }
func (r *refusal) Write(b []byte) (int, error) { return len(b), nil }
