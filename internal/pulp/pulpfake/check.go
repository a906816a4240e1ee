// SPDX-License-Identifier: Apache-2.0

package pulpfake

import (
	"errors"
	"fmt"
	"path"
	"strings"
)

// Check looks over the whole server for what an orchestrator must never leave behind, and returns everything it finds:
//   - one Correlation-ID that started two tasks of the same name about the same thing (sync, publish, create …);
//   - two publications of one kind made by separate tasks from the same repository version;
//   - a distribution that points at something that is gone, or at nothing;
//   - a distribution whose metadata lists a file it does not serve with the bytes promised;
//   - names or base paths that are not unique, whatever the indexes say.
func (s *Server) Check() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	errs = append(errs, s.checkTasks()...)
	errs = append(errs, s.checkPublications()...)
	errs = append(errs, s.checkNames()...)
	for _, p := range plugins {
		for _, o := range s.byKind[p.dist] {
			errs = append(errs, s.checkDistribution(o)...)
		}
	}
	return errors.Join(errs...)
}

// once are the tasks of which one Correlation-ID may start one about a repository or name.
var once = []string{"synchronize", "publishing", ".sync", createTask, "copy"}

func (s *Server) checkTasks() (errs []error) {
	for cid, list := range s.pool.byCID {
		seen := map[string]int{}
		for _, t := range list {
			for _, part := range once {
				if strings.Contains(t.name, part) {
					seen[t.name+" of "+t.subject]++
					break
				}
			}
		}
		for what, n := range seen {
			if n > 1 {
				errs = append(errs, fmt.Errorf("%s: %d tasks %s with the one Correlation-ID %s", s.opt.Name, n, what, cid))
			}
		}
	}
	return errs
}

func (s *Server) checkPublications() (errs []error) {
	for _, v := range s.versionIDs {
		n := map[*kind]int{}
		for _, p := range v.pubs {
			if p.str("checksum_type") != "unknown" { // an rpm sync makes one whenever it runs in full
				n[p.kind]++
			}
		}
		for k, c := range n {
			if c > 1 {
				errs = append(errs, fmt.Errorf("%s: %d publications %s of %s version %d", s.opt.Name, c, k.path, v.repo.name(), v.number))
			}
		}
	}
	return errs
}

func (s *Server) checkNames() (errs []error) {
	for _, class := range []string{"repositories", "remotes", "distributions"} {
		seen := map[string]bool{}
		for k, list := range s.byKind {
			if k.class != class {
				continue
			}
			for _, o := range list {
				if seen[o.name()] {
					errs = append(errs, fmt.Errorf("%s: two %s named %s", s.opt.Name, class, o.name()))
				}
				seen[o.name()] = true
			}
		}
	}
	return errs
}

func (s *Server) checkDistribution(o *object) (errs []error) {
	fail := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s: distribution %s %s", s.opt.Name, o.name(), fmt.Sprintf(format, args...)))
	}
	points := 0
	for _, f := range []string{"repository", "publication", "repository_version"} {
		ref := o.str(f)
		if ref == "" {
			continue
		}
		points++
		switch {
		case f == "repository_version" && s.findVersion(ref) == nil, f != "repository_version" && s.lookup(ref) == nil:
			fail("points at a %s that is gone: %s", f, ref)
		default:
			if x := s.lookup(ref); x != nil && x.kind.plugin != o.kind.plugin {
				fail("points at a %s of another type: %s", f, ref)
			}
		}
	}
	switch {
	case points > 1:
		fail("points at %d things", points)
	case points == 0:
		fail("points at nothing")
	}
	p := s.resolve(o)
	if p == nil {
		return errs
	}
	for _, missing := range s.incomplete(o, p) {
		fail("%s", missing)
	}
	return errs
}

// incomplete compares what the metadata that o serves promises with what o serves.
func (s *Server) incomplete(o, pub *object) (res []string) {
	expect := func(list, at, sum string) {
		switch a := s.fileOf(o, at); {
		case a == nil:
			res = append(res, list+" lists "+at+", which is not served")
		case sum != "" && a.sha256 != sum:
			res = append(res, list+" lists "+at+" with other bytes than are served")
		}
	}
	for f := range pub.pub.files {
		a := s.fileOf(o, f)
		if a == nil {
			res = append(res, f+" is not served")
			continue
		}
		switch name := path.Base(f); {
		case o.kind.plugin == deb && (name == "Release" || name == "InRelease"):
			ps := paragraphs(plainText(a.data))
			if len(ps) == 0 {
				res = append(res, f+" is empty")
				continue
			}
			for p, sum := range checksums(ps[0]["sha256"]) {
				at := path.Join(path.Dir(f), p)
				if s.fileOf(o, at) != nil { // a filtered mirror serves fewer indices than its Release lists
					expect(f, at, sum)
				}
			}
		case o.kind.plugin == deb && name == "Packages":
			for _, p := range paragraphs(a.data) {
				expect(f, path.Clean(p["filename"]), p["sha256"])
			}
		case f == repomdPath:
			md, err := parseXML[repomd](a.data)
			if err != nil {
				res = append(res, f+" cannot be parsed")
			}
			for _, d := range md.Data {
				expect(f, d.Location.Href, d.Checksum)
				if x := s.fileOf(o, d.Location.Href); x != nil && d.Type == "primary" {
					s.expectPackages(d.Location.Href, x.data, expect)
				}
			}
		case o.kind.plugin == file && f == text(s.value(pub, "manifest")):
			for _, line := range strings.Split(string(a.data), "\n") {
				if parts := strings.Split(line, ","); len(parts) == 3 {
					expect(f, parts[0], parts[1])
				}
			}
		}
	}
	return res
}

func (s *Server) expectPackages(at string, data []byte, expect func(list, at, sum string)) {
	if strings.HasSuffix(at, ".gz") {
		var err error
		if data, err = decompress(data); err != nil {
			return
		}
	}
	doc, err := parseXML[primaryXML](data)
	if err != nil {
		return
	}
	for _, p := range doc.Packages {
		expect(at, p.Location.Href, strings.TrimSpace(p.Checksum.Value))
	}
}
