// SPDX-License-Identifier: Apache-2.0

package pulpfake

import (
	"strings"
	"time"
)

// object is one repository, remote, distribution, publication or signing service.
type object struct {
	kind             *kind
	id               string
	created, updated time.Time
	f                obj // what was written; references are hrefs
	gone             bool

	repo *repoState
	pub  *pubState
	dist *distState
}

func (o *object) href() string { return apiPrefix + o.kind.path + "/" + o.id + "/" }
func (o *object) prn() string  { return "prn:" + o.kind.model + ":" + o.id }
func (o *object) name() string { n, _ := o.f["name"].(string); return n }
func (o *object) str(field string) string {
	v, _ := o.f[field].(string)
	return v
}

func (o *object) flag(field string) bool {
	v, ok := o.f[field].(bool)
	if !ok {
		v, _ = defaultOf(o.kind, field).(bool)
	}
	return v
}

// newObject makes an object that nothing refers to yet; add puts it in place. The caller of both holds mu.
func (s *Server) newObject(k *kind, f obj) *object {
	t := s.now()
	o := &object{kind: k, id: s.newID(), created: t, updated: t, f: f}
	switch k.class {
	case "repositories":
		o.repo = &repoState{}
	case "publications":
		o.pub = &pubState{}
	case "distributions":
		o.dist = &distState{}
	}
	return o
}

func (s *Server) add(o *object) {
	s.objects[o.id] = o
	s.byKind[o.kind] = append(s.byKind[o.kind], o)
	s.index(o, true)
	if o.repo != nil {
		s.newVersion(o, nil, "")
	}
}

func (s *Server) remove(o *object) {
	o.gone = true
	delete(s.objects, o.id)
	list := s.byKind[o.kind]
	for i, x := range list {
		if x == o {
			s.byKind[o.kind] = append(list[:i:i], list[i+1:]...)
			break
		}
	}
	s.index(o, false)
}

// index keeps the tables of unique names and base paths.
func (s *Server) index(o *object, on bool) {
	if n := o.name(); n != "" {
		class := s.names[o.kind.class]
		if class == nil {
			class = map[string]*object{}
			s.names[o.kind.class] = class
		}
		if on {
			class[n] = o
		} else if class[n] == o {
			delete(class, n)
		}
	}
	if o.dist == nil {
		return
	}
	for _, ref := range pointsAt(o) {
		if on {
			if s.pointers[ref] == nil {
				s.pointers[ref] = map[*object]bool{}
			}
			s.pointers[ref][o] = true
		} else if delete(s.pointers[ref], o); len(s.pointers[ref]) == 0 {
			delete(s.pointers, ref)
		}
	}
	path := o.str("base_path")
	step := -1
	if on {
		s.basePaths[path], step = o, 1
	} else if s.basePaths[path] == o {
		delete(s.basePaths, path)
	}
	for i, c := range path {
		if c == '/' {
			s.baseAbove[path[:i]] += step
		}
	}
}

// pointsAt are the hrefs of the repository and the publication a distribution serves, whichever it has.
func pointsAt(o *object) []string {
	var res []string
	for _, ref := range []string{o.str("repository"), o.str("publication")} {
		if ref != "" {
			res = append(res, ref)
		}
	}
	if repo, _, isVersion := strings.Cut(o.str("repository_version"), "versions/"); isVersion {
		res = append(res, repo)
	}
	return res
}

// overlaps tells whether another distribution than self serves a path above or below this one.
func (s *Server) overlaps(path string, self *object) bool {
	below := s.baseAbove[path]
	if self != nil && strings.HasPrefix(self.str("base_path"), path+"/") {
		below--
	}
	if below > 0 {
		return true
	}
	for i, c := range path {
		if c != '/' {
			continue
		}
		if other := s.basePaths[path[:i]]; other != nil && other != self {
			return true
		}
	}
	return false
}

// lookup finds an object by href or prn. It returns nil for anything else.
func (s *Server) lookup(ref string) *object {
	if rest, ok := strings.CutPrefix(ref, "prn:"); ok {
		model, id, _ := strings.Cut(rest, ":")
		if o := s.objects[id]; o != nil && o.kind.model == model {
			return o
		}
		return nil
	}
	path, id, ok := splitHref(ref)
	if !ok {
		return nil
	}
	if o := s.objects[id]; o != nil && o.kind.path == path {
		return o
	}
	return nil
}

// splitHref cuts /pulp/api/v3/<path>/<id>/ in two.
func splitHref(href string) (path, id string, ok bool) {
	if i := strings.Index(href, "://"); i > 0 {
		_, rest, _ := strings.Cut(href[i+3:], "/")
		href = "/" + rest
	}
	rest, ok := strings.CutPrefix(href, apiPrefix)
	if !ok || !strings.HasSuffix(rest, "/") {
		return "", "", false
	}
	rest = strings.TrimSuffix(rest, "/")
	i := strings.LastIndexByte(rest, '/')
	if i < 0 {
		return "", "", false
	}
	return rest[:i], rest[i+1:], true
}

func defaultOf(k *kind, field string) any {
	if v, ok := defaults[k.path][field]; ok {
		return v
	}
	if v, ok := defaults[k.class][field]; ok {
		return v
	}
	return schema.bodyOf(k)[field].Default
}

// secrets are write-only fields of remotes, in the order of hidden_fields.
var secrets = []string{"client_key", "proxy_username", "proxy_password", "username", "password"}

var references = map[string]bool{
	"remote": true, "repository": true, "publication": true, "content_guard": true, "signing_service": true,
	"metadata_signing_service": true, "package_signing_service": true,
}

// value is one field of an object as an answer shows it.
func (s *Server) value(o *object, field string) any {
	switch field {
	case "pulp_href":
		return o.href()
	case "prn":
		return o.prn()
	case "pulp_created":
		return stamp(o.created)
	case "pulp_last_updated":
		return stamp(o.updated)
	case "hidden_fields":
		return hidden(o)
	}
	if o.repo != nil {
		switch field {
		case "versions_href":
			return o.href() + "versions/"
		case "latest_version_href":
			if v := o.repo.latest(); v != nil {
				return v.href()
			}
			return nil
		case "blocklist_entries_href":
			return o.href() + "blocklist_entries/"
		}
	}
	if o.pub != nil {
		switch field {
		case "repository":
			return o.pub.version.repo.href()
		case "repository_version":
			return o.pub.version.href()
		case "distributions":
			return s.pinnedTo(o)
		}
	}
	if o.dist != nil {
		switch field {
		case "base_url":
			return s.baseURL(o)
		case "registry_path":
			return strings.TrimPrefix(strings.TrimPrefix(s.origin, "http://"), "https://") + "/" + o.str("base_path")
		case "no_content_change_since":
			return s.unchangedSince(o)
		case "repository_version":
			if s.findVersion(o.str(field)) == nil {
				return nil
			}
			return o.f[field]
		case "content_guard_prn", "namespace":
			return nil
		}
	}
	v, ok := o.f[field]
	if !ok {
		return defaultOf(o.kind, field)
	}
	if ref, isText := v.(string); isText && references[field] && s.lookup(ref) == nil {
		return nil
	}
	return v
}

// view is a whole object as an answer shows it.
func (s *Server) view(o *object) obj { return s.viewOf(o, schema.answerOf(o.kind.path)) }

func (s *Server) viewOf(o *object, fields []string) obj {
	res := make(obj, len(fields))
	for _, f := range fields {
		res[f] = s.value(o, f)
	}
	return res
}

func hidden(o *object) []any {
	names := secrets
	if o.kind == container.remote {
		names = append(append([]string{}, secrets...), "include_tags", "exclude_tags")
	}
	res := make([]any, 0, len(names))
	for _, n := range names {
		v := o.f[n]
		res = append(res, obj{"name": n, "is_set": v != nil && v != ""})
	}
	return res
}
