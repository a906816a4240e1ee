// SPDX-License-Identifier: Apache-2.0

package pulpfake

import (
	"net/http"
	"sort"
	"strings"
)

// listObjects lists the objects of some kinds, oldest first.
func (c *call) listObjects(ks []*kind, path string) reply {
	s := c.s
	var all []*object
	for _, k := range ks {
		all = append(all, s.byKind[k]...)
	}
	if len(ks) > 1 {
		sort.Slice(all, func(i, j int) bool { return all[i].created.Before(all[j].created) })
	}
	if name := c.r.URL.Query().Get("name"); name != "" && len(ks) > 0 { // by index, so that a thousand look-ups are cheap
		var one []*object
		if o := s.names[ks[0].class][name]; o != nil && kindIn(ks, o.kind) {
			one = []*object{o}
		}
		all = one
	}
	rows := make([]row, 0, len(all))
	for _, o := range all {
		rows = append(rows, row{item: o, get: func(f string) any { return s.value(o, f) }})
	}
	return c.list(path, rows, s.objectFilter)
}

func kindIn(ks []*kind, k *kind) bool {
	for _, x := range ks {
		if x == k {
			return true
		}
	}
	return false
}

// objectFilter handles the filters of objects that are about more than one field.
func (s *Server) objectFilter(item any, filter, value string) (match, done bool, refusal *reply) {
	o, _ := item.(*object)
	switch filter {
	case "pulp_label_select":
		var labels any
		if o != nil {
			labels = s.value(o, "pulp_labels")
		}
		match, refusal = labelsMatch(labels, value)
		return match, true, refusal
	case "remote", "repository", "repository_version", "content_guard":
		if value == "null" {
			return o != nil && s.value(o, filter) == nil, true, nil
		}
		href, rep := s.resolved(value)
		if rep != nil {
			return false, true, rep
		}
		return o != nil && s.value(o, filter) == href, true, nil
	case "repository__in":
		for _, v := range strings.Split(value, ",") {
			href, rep := s.resolved(v)
			if rep != nil {
				return false, true, rep
			}
			if o != nil && s.value(o, "repository") == href {
				return true, true, nil
			}
		}
		return false, true, nil
	case "with_content", "latest_with_content", "content", "content__in":
		return s.holds(o, filter, value), true, nil
	case "pulp_type":
		return o != nil && pulpType(o) == value, true, nil
	case "pulp_type__in":
		return o != nil && contains(strings.Split(value, ","), pulpType(o)), true, nil
	}
	return false, false, nil
}

// resolved turns an href or prn in a filter into the href that answers show.
func (s *Server) resolved(ref string) (string, *reply) {
	if v := s.findVersion(ref); v != nil {
		return v.href(), nil
	}
	if o := s.lookup(ref); o != nil {
		return o.href(), nil
	}
	if _, _, isHref := splitHref(ref); isHref {
		return ref, nil // gone: matches nothing
	}
	rep := bad([]any{"URI couldn't be resolved: " + ref})
	return "", &rep
}

// holds tells whether an object has or serves content.
func (s *Server) holds(o *object, filter, value string) bool {
	if o == nil {
		return false
	}
	for _, ref := range strings.Split(value, ",") {
		u := s.findUnit(ref)
		if u == nil {
			continue
		}
		switch {
		case o.repo != nil && filter == "latest_with_content":
			if v := o.repo.latest(); v != nil && v.has(u) {
				return true
			}
		case o.repo != nil:
			for _, v := range o.repo.versions {
				if v.has(u) {
					return true
				}
			}
		case o.pub != nil:
			if o.pub.version.has(u) {
				return true
			}
		case o.dist != nil: // only what is pinned by publication, as Pulp does it
			if p := s.lookup(o.str("publication")); p != nil && p.pub.version.has(u) {
				return true
			}
		}
	}
	return false
}

func (v *version) has(u *unit) bool {
	_, ok := v.units[u]
	return ok
}

// pulpType is as in the filter of the generic lists: deb.apt-repository is spelled deb.deb… in Pulp; the path's last
// element names it well enough for a fake.
func pulpType(o *object) string {
	parts := strings.Split(o.kind.path, "/")
	if len(parts) < 3 {
		return o.kind.path
	}
	return parts[1] + "." + parts[2]
}

func (s *Server) allVersions() []*version {
	all := make([]*version, 0, len(s.versionIDs))
	for _, v := range s.versionIDs {
		all = append(all, v)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].created.Before(all[j].created) })
	return all
}

func (c *call) listVersions(all []*version) reply {
	s := c.s
	path := "repository_versions"
	if len(c.segs) > 1 {
		path = strings.Join(c.segs[:3], "/") + "/{}/versions"
	}
	rows := make([]row, 0, len(all))
	for _, v := range all {
		rows = append(rows, row{item: v, get: func(f string) any { return s.versionValue(v, f) }})
	}
	return c.list(path, rows, func(item any, filter, value string) (bool, bool, *reply) {
		v, _ := item.(*version)
		switch filter {
		case "content", "content__in":
			for _, ref := range strings.Split(value, ",") {
				if u := s.findUnit(ref); v != nil && u != nil && v.has(u) {
					return true, true, nil
				}
			}
			return false, true, nil
		}
		return false, false, nil
	})
}

// content lists content units, or shows one.
func (c *call) content() reply {
	s := c.s
	if len(c.segs) == 1 {
		return c.only(http.MethodGet, func() reply { return c.listContent(nil) })
	}
	if len(c.segs) < 3 {
		return htmlPage(http.StatusNotFound, "Not Found", "The requested resource was not found on this server.")
	}
	k := contentKinds[strings.Join(c.segs[:3], "/")]
	switch {
	case k == nil || len(c.segs) > 4:
		return htmlPage(http.StatusNotFound, "Not Found", "The requested resource was not found on this server.")
	case len(c.segs) == 4:
		u := s.unitIDs[strings.ToLower(c.segs[3])]
		if u == nil || u.kind != k {
			return notFound(k.noun)
		}
		return c.only(http.MethodGet, func() reply {
			return ok(c.selected(schema.answerOf(k.path), func(f string) any { return unitValue(u, f) }))
		})
	case c.r.Method == http.MethodPost:
		return detail(http.StatusNotImplemented, "pulpfake: uploading content is not imitated")
	}
	return c.only(http.MethodGet, func() reply { return c.listContent(k) })
}

func (s *Server) contentFilter(item any, filter, value string) (match, done bool, refusal *reply) {
	u, _ := item.(*unit)
	switch filter {
	case "repository_version", "repository_version_added", "repository_version_removed", "added_between", "removed_between":
		return u != nil, true, nil
	case "pulp_type__in":
		return u != nil && contains(strings.Split(value, ","), u.kind.ptype), true, nil
	case "pulp_type":
		return u != nil && u.kind.ptype == value, true, nil
	case "pulp_label_select":
		match, refusal = labelsMatch(nil, value)
		return match, true, refusal
	case "orphaned_for":
		return false, false, nil
	case "name", "name__in": // of a python project, however it is written
		if u == nil || u.kind != pythonPackage {
			return false, false, nil
		}
		for _, name := range strings.Split(value, ",") {
			if normalName(name) == normalName(u.str("name")) {
				return true, true, nil
			}
		}
		return false, true, nil
	case "release", "release_component":
		if u != nil && u.kind == rpmPackage {
			return false, false, nil
		}
		ref, version, two := strings.Cut(value, ",")
		v := s.versionOrLatest(version)
		if !two || v == nil {
			rep := bad(obj{filter: []any{"Must be two comma separated hrefs."}})
			return false, true, &rep
		}
		return u != nil && s.isIn(u, ref, v), true, nil
	}
	return false, false, nil
}

// isIn tells whether a deb package is in a release or release component of a version.
func (s *Server) isIn(u *unit, ref string, v *version) bool {
	target := s.findUnit(ref)
	if target == nil {
		return false
	}
	for x := range v.units {
		if x.kind != debPRC || x.str("package") != u.href() {
			continue
		}
		rc := s.findUnit(x.str("release_component"))
		if rc == target || (target.kind == debRelease && rc != nil && rc.str("distribution") == target.str("distribution")) {
			return true
		}
	}
	return false
}

func (c *call) artifacts() reply {
	s := c.s
	if len(c.segs) == 2 {
		a := s.artifactIDs[strings.ToLower(c.segs[1])]
		if a == nil {
			return notFound("Artifact")
		}
		return c.only(http.MethodGet, func() reply { return ok(c.selected(schema.answerOf("artifacts"), a.value)) })
	}
	return c.only(http.MethodGet, func() reply {
		all := make([]*artifact, 0, len(s.artifacts))
		for _, a := range s.artifacts {
			all = append(all, a)
		}
		sort.Slice(all, func(i, j int) bool { return all[i].created.Before(all[j].created) })
		rows := make([]row, 0, len(all))
		for _, a := range all {
			rows = append(rows, row{get: a.value})
		}
		return c.list("artifacts", rows, nil)
	})
}
