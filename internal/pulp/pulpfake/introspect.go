// SPDX-License-Identifier: Apache-2.0

package pulpfake

import (
	"net/http"
	"time"
)

// Request is one line of the log of API requests.
type Request struct {
	N           int // from 1
	Method      string
	Path, Query string
	Status      int // 0: the connection was cut
	Correlation string
	Fault       string // "" for none
	At          time.Time
	Took        time.Duration
}

func (s *Server) record(e Request, start time.Time) {
	e.Took = time.Since(start)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = append(s.log, e)
}

// Requests are all API requests so far, in the order they were answered.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request{}, s.log...)
}

// Writes counts the requests that could change something, logins left out.
func (s *Server) Writes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writes
}

// ForgetRequests empties the log and the counters; numbers of requests go on.
func (s *Server) ForgetRequests() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log, s.writes = nil, 0
}

// Task is a Pulp task as the fake knows it.
type Task struct {
	ID, Href, Name, State, Correlation string
	Subject                            string // name of the repository or object it is about
	About                              string // that object's href
	Reason                             string // why it failed
	Created, Unblocked                 time.Time
	Started, Finished                  time.Time
	Resources                          []string // hrefs of what it created
}

// Tasks are all Pulp tasks that were not purged, oldest first.
func (s *Server) Tasks() []Task {
	s.mu.Lock()
	defer s.mu.Unlock()
	res := make([]Task, 0, len(s.pool.all))
	for _, t := range s.pool.all {
		x := Task{
			ID: t.id, Href: t.href(), Name: t.name, State: t.state, Correlation: t.cid, Subject: t.subject, About: t.about,
			Created: t.created, Unblocked: t.unblocked, Started: t.started, Finished: t.finished,
		}
		if t.err != nil {
			x.Reason = text(t.err["description"]) + text(t.err["reason"])
		}
		for _, r := range t.resources {
			x.Resources = append(x.Resources, r.href)
		}
		res = append(res, x)
	}
	return res
}

// TasksStarted are the Pulp tasks that a request started, whose name contains part; "" is all.
func (s *Server) TasksStarted(part string) []Task {
	var res []Task
	for _, t := range s.Tasks() {
		if (On{Task: part}).matches(&task{name: t.Name}) {
			res = append(res, t)
		}
	}
	return res
}

// ServedFiles are the files that a distribution serves now, by path; nil if there is no such base path.
func (s *Server) ServedFiles(basePath string) map[string][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.basePaths[basePath]
	if o == nil {
		return nil
	}
	res := map[string][]byte{}
	if v := s.servedVersion(o); v != nil && o.kind == container.dist {
		return registryFiles(basePath, v)
	} else if v != nil && o.kind == python.dist {
		for u := range v.units {
			if path, a := u.file(); a != nil {
				res[path] = a.data
			}
		}
		return res
	}
	if p := s.resolve(o); p != nil {
		for path := range p.pub.files {
			if a := s.fileOf(o, path); a != nil {
				res[path] = a.data
			}
		}
	}
	return res
}

// Served is one file that a distribution serves now, nil for 404.
func (s *Server) Served(basePath, path string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.basePaths[basePath]
	if o == nil {
		return nil
	}
	if a := s.fileOf(o, path); a != nil {
		return a.data
	}
	return nil
}

// Object is the object of a class ("repositories", "remotes", "distributions") with a name, as an answer shows it,
// secrets added; nil if there is none. A test looks at what a server really holds without a request.
func (s *Server) Object(class, name string) map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.names[class][name]
	if o == nil {
		return nil
	}
	res := s.view(o)
	if class == "remotes" {
		for _, f := range secrets {
			if v, set := o.f[f]; set {
				res[f] = v
			}
		}
	}
	return res
}

// Names are the names of all objects of a class.
func (s *Server) Names(class string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return sortedKeys(s.names[class])
}

// Content counts the units of a repository's latest version by type ("deb.package" …); nil if there is no such repository.
func (s *Server) Content(repository string) map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.names["repositories"][repository]
	if o == nil || o.repo.latest() == nil {
		return nil
	}
	res := map[string]int{}
	for u := range o.repo.latest().units {
		res[u.kind.ptype]++
	}
	return res
}

// Handler is the server as an http.Handler, for a test that serves it itself.
func (s *Server) Handler() http.Handler { return s }
