// SPDX-License-Identifier: Apache-2.0

package pulpfake

import "time"

// distState is what a distribution has besides its fields.
type distState struct {
	history []distributed // what it served, newest first
	changed time.Time     // when what it points at last changed
}

// distributed is one publication a distribution serves or served; a superseded one expires.
type distributed struct {
	pub     *object
	expires time.Time // zero: never
}

func (s *Server) baseURL(o *object) string {
	if o.kind == python.dist {
		return s.origin + "/pypi/" + o.str("base_path") + "/"
	}
	return s.origin + contentPrefix + o.str("base_path") + "/"
}

func (s *Server) unchangedSince(o *object) any {
	if o.str("publication") == "" && o.str("repository_version") == "" {
		return nil
	}
	t := o.dist.changed
	if t.IsZero() {
		t = o.created
	}
	return t.Format("2006-01-02T15:04:05.000Z")
}

// resolve is the publication a distribution points at by its fields, nil for none.
func (s *Server) resolve(o *object) *object {
	if ref := o.str("publication"); ref != "" {
		if p := s.lookup(ref); p != nil && p.pub != nil {
			return p
		}
		return nil
	}
	if ref := o.str("repository_version"); ref != "" {
		if v := s.findVersion(ref); v != nil {
			return v.newestPublication()
		}
		return nil
	}
	if repo := s.lookup(o.str("repository")); repo != nil && repo.repo != nil {
		return latestPublication(repo)
	}
	return nil
}

// latestPublication is the newest publication of the newest version that has one.
func latestPublication(repo *object) *object {
	all := repo.repo.versions
	for i := len(all) - 1; i >= 0; i-- {
		if p := all[i].newestPublication(); p != nil {
			return p
		}
	}
	return nil
}

// distributed notes what a distribution serves after its fields changed (before is nil when it is new).
//
// pulpcore keeps a row for whatever is served and forgets all rows when nothing is. pulp_deb writes a row in
// repository mode only and never removes it, which is why a deb distribution that once was in that mode keeps serving
// that repository's newest publication.
func (s *Server) distributed(o *object, before obj) {
	moved := before == nil
	for _, f := range []string{"publication", "repository", "repository_version"} {
		if before != nil && !sameJSON(before[f], o.f[f]) {
			moved = true
		}
	}
	if !moved {
		return
	}
	o.dist.changed = o.updated
	pub := s.resolve(o)
	if o.kind.plugin.grace {
		if o.str("publication") == "" && o.str("repository") == "" && o.str("repository_version") == "" {
			o.dist.history = nil
			return
		}
		s.nowServes(o, pub)
		return
	}
	if o.kind.plugin == deb && o.str("publication") == "" && o.str("repository") != "" &&
		(before == nil || !sameJSON(before["repository"], o.f["repository"])) {
		s.nowServes(o, pub)
	}
}

func (s *Server) nowServes(o *object, pub *object) {
	if pub == nil {
		return
	}
	h := o.dist.history
	if len(h) > 0 && h[0].pub == pub && h[0].expires.IsZero() {
		return
	}
	until := s.now().Add(s.opt.Grace)
	next := []distributed{{pub: pub}}
	for _, d := range h {
		if d.pub == pub {
			continue
		}
		if d.expires.IsZero() {
			d.expires = until
		}
		next = append(next, d)
	}
	o.dist.history = next
}

// published tells the distributions in repository mode of a new publication.
func (s *Server) published(pub *object) {
	repo := pub.pub.version.repo
	newest := latestPublication(repo) == pub
	for o := range s.distributionsOf(repo) {
		pinned := o.str("repository_version") != ""
		if (pinned && o.kind.plugin == deb) || (!pinned && !newest) {
			continue
		}
		s.nowServes(o, s.resolve(o))
	}
}

// distributionsOf are those in repository mode for repo or pinned to one of its versions.
func (s *Server) distributionsOf(repo *object) map[*object]bool { return s.pointers[repo.href()] }

// served tells whether a distribution needs a version: pinned to it or to a publication of it, or following its
// repository, whose newest published version it is.
func (s *Server) served(v *version) bool {
	for o := range s.distributionsOf(v.repo) {
		if ref := o.str("repository_version"); ref != "" {
			if ref == v.href() {
				return true
			}
			continue
		}
		if pub := latestPublication(v.repo); pub != nil && pub.pub.version == v {
			return true
		}
	}
	for _, p := range v.pubs {
		if len(s.pointers[p.href()]) > 0 {
			return true
		}
	}
	return false
}

func (s *Server) pinnedTo(pub *object) []any {
	res := []any{}
	for o := range s.pointers[pub.href()] {
		res = append(res, o.href())
	}
	return res
}
