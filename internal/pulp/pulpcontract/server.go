// SPDX-License-Identifier: Apache-2.0

package pulpcontract

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/pulp"
)

const root = "/pulp/api/v3/"

// obj is a JSON object.
type obj = map[string]any

// server is one Pulp server and a session with it. The plain requests of the contracts are made without the client
// package, so that they do not depend on what they are to keep honest.
type server struct {
	t     *testing.T
	base  string
	env   Env
	http  *http.Client
	token *string

	versions pulp.Status // only its versions
	deleting *[]string   // Pulp tasks of deletions
}

func newServer(t *testing.T, env Env, base string) *server {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, base: base, env: env, http: &http.Client{Jar: jar, Timeout: time.Minute}, token: new(string), deleting: new([]string)}
	a := s.send(http.MethodPost, root+"login/", nil, func(r *http.Request) { r.SetBasicAuth(env.Username, env.Password) })
	if a.status != http.StatusCreated {
		t.Fatalf("login at %s: %d %s", base, a.status, a.raw)
	}
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range jar.Cookies(u) {
		if c.Name == "csrftoken" {
			*s.token = c.Value
		}
	}
	s.learn()
	return s
}

// forTest is the same server and session, reporting to another test.
func (s *server) forTest(t *testing.T) *server {
	res := *s
	res.t = t
	return &res
}

// answer is one answer.
type answer struct {
	status int
	header http.Header
	raw    []byte
	json   any
}

func (a answer) obj() obj                { return objectOf(a.json) }
func (a answer) str(field string) string { return text(a.obj()[field]) }

// send makes one request; path may be a full URL. A body that is a string is sent as it is.
func (s *server) send(method, path string, body any, change ...func(*http.Request)) answer {
	s.t.Helper()
	a, err := s.try(method, path, body, change...)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	return a
}

func (s *server) try(method, path string, body any, change ...func(*http.Request)) (answer, error) {
	var in io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		in = strings.NewReader(b)
	default:
		raw, err := json.Marshal(b)
		if err != nil {
			return answer{}, err
		}
		in = bytes.NewReader(raw)
	}
	switch {
	case strings.HasPrefix(path, "http://"), strings.HasPrefix(path, "https://"):
	case strings.HasPrefix(path, "/"):
		path = s.base + path
	default:
		path = s.base + root + path
	}
	// Not the test's context: what is deleted when it ends is deleted after that has ended.
	req, err := http.NewRequestWithContext(context.Background(), method, path, in)
	if err != nil {
		return answer{}, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if *s.token != "" && method != http.MethodGet {
		req.Header.Set("X-CSRFToken", *s.token)
	}
	for _, f := range change {
		f(req)
	}
	resp, err := s.http.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer{}, err
	}
	a := answer{status: resp.StatusCode, header: resp.Header, raw: raw}
	_ = json.Unmarshal(raw, &a.json)
	return a, nil
}

// want makes a request that must be answered with status.
func (s *server) want(status int, method, path string, body any, change ...func(*http.Request)) answer {
	s.t.Helper()
	a := s.send(method, path, body, change...)
	if a.status != status {
		s.t.Fatalf("%s %s %v: %d, want %d: %.600s", method, path, body, a.status, status, a.raw)
	}
	return a
}

func (s *server) get(path string) answer { s.t.Helper(); return s.want(200, http.MethodGet, path, nil) }

// results are the elements of a list.
func (s *server) results(path string) []obj {
	s.t.Helper()
	return objectsOf(s.get(path).obj()["results"])
}

// wait waits until a Pulp task is final. Where a worker may have missed that it can go on, it is nudged, as the
// orchestrator does.
func (s *server) wait(href string) obj {
	s.t.Helper()
	deadline := time.Now().Add(90 * time.Second)
	nudged := time.Now()
	for {
		t := s.get(href).obj()
		switch t["state"] {
		case "completed", "failed", "canceled", "skipped":
			return t
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%v of %s is %v after 90 s", t["name"], s.base, t["state"])
		}
		if t["state"] == "waiting" {
			s.nudge(&nudged)
		}
		s.pause()
	}
}

// pause is a moment between two looks, short for a fake and kinder to a real server.
func (s *server) pause() {
	d := 2 * time.Millisecond
	if s.env.Target == "real" {
		d = 50 * time.Millisecond
	}
	<-time.After(d)
}

// task makes a request that starts a Pulp task, and waits for it.
func (s *server) task(method, path string, body any) obj {
	s.t.Helper()
	return s.wait(s.want(202, method, path, body).str("task"))
}

// done is task for one that must complete; it returns what was created.
func (s *server) done(method, path string, body any) []string {
	s.t.Helper()
	t := s.task(method, path, body)
	if t["state"] != "completed" {
		s.t.Fatalf("%s %s %v: task %v is %v: %v", method, path, body, t["name"], t["state"], t["error"])
	}
	return textsOf(t["created_resources"])
}

// create makes an object that is answered 201, and deletes it when the test ends.
func (s *server) create(path string, body obj) obj {
	s.t.Helper()
	o := s.want(201, http.MethodPost, path, body).obj()
	s.later(text(o["pulp_href"]))
	return o
}

// distribute creates a distribution and deletes it when the test ends.
func (s *server) distribute(kind string, body obj) string {
	s.t.Helper()
	made := s.done(http.MethodPost, "distributions/"+kind+"/", body)
	if len(made) != 1 {
		s.t.Fatalf("creating a distribution created %v", made)
	}
	s.later(made[0])
	return made[0]
}

// later deletes an object when the test ends, if it is still there. The last one made goes first. The whole run waits
// for the deletions at its end.
func (s *server) later(href string) {
	s.t.Cleanup(func() {
		a, err := s.try(http.MethodDelete, href, nil)
		if err != nil || (a.status != 202 && a.status != 204 && a.status != 404) {
			s.t.Errorf("delete %s: %v %d %s", href, err, a.status, a.raw)
			return
		}
		if a.status == 202 {
			*s.deleting = append(*s.deleting, a.str("task"))
		}
	})
}

// settle waits for all deletions.
func (s *server) settle() {
	s.t.Helper()
	for _, t := range *s.deleting {
		if x := s.wait(t); x["state"] != "completed" {
			s.t.Errorf("%v is %v: %v", t, x["state"], x["error"])
		}
	}
	*s.deleting = nil
}

// file fetches what the content app serves.
func (s *server) file(path string) (int, []byte) {
	s.t.Helper()
	a := s.send(http.MethodGet, "/pulp/content/"+path, nil, func(r *http.Request) { r.Header.Del("Cookie") })
	return a.status, a.raw
}

// text, objectOf, textsOf and objectsOf give what was expected in an answer, or nothing where it is something else.
func text(v any) string {
	t, _ := v.(string)
	return t
}

func objectOf(v any) obj {
	o, _ := v.(obj)
	return o
}

func textsOf(v any) []string { return each(v, text) }
func objectsOf(v any) []obj  { return each(v, objectOf) }

func each[T any](v any, of func(any) T) []T {
	list, _ := v.([]any)
	res := make([]T, 0, len(list))
	for _, x := range list {
		res = append(res, of(x))
	}
	return res
}
