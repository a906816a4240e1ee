// SPDX-License-Identifier: Apache-2.0

package pulpfake

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"sort"
	"strings"
)

const (
	createTask  = "pulpcore.app.tasks.base.general_create"
	updateTask  = "pulpcore.app.tasks.base.ageneral_update"
	deleteTask  = "pulpcore.app.tasks.base.ageneral_delete"
	versionTask = "pulpcore.app.tasks.repository.delete_version"
)

// create answers POST on a collection.
func (c *call) create(k *kind) reply {
	in, refusal := c.body()
	if refusal != nil {
		return *refusal
	}
	if k.class == "publications" {
		return c.publish(k, in)
	}
	f, refusal := c.validate(k, in, nil, false)
	if refusal != nil {
		return *refusal
	}
	if k.class != "distributions" {
		o := c.s.newObject(k, f)
		c.s.add(o)
		return created(c.s.view(o))
	}
	t := &task{name: createTask, cid: c.cid, subject: text(f["name"])}
	t.body = func(t *task) (any, error) {
		if err := c.s.stillFree(f); err != nil {
			return nil, err
		}
		o := c.s.newObject(k, f)
		c.s.add(o)
		c.s.distributed(o, nil)
		t.about = o.href()
		t.made(o.href(), o.prn())
		return c.s.view(o), nil
	}
	c.s.pool.dispatch(t)
	return accepted(t)
}

// stillFree is the second check of a distribution's name and path, when its task runs.
func (s *Server) stillFree(f obj) error {
	errs := []string{}
	if s.basePaths[text(f["base_path"])] != nil {
		errs = append(errs, "'base_path': [ErrorDetail(string='This field must be unique.', code='unique')]")
	}
	if s.names["distributions"][text(f["name"])] != nil {
		errs = append(errs, "'name': [ErrorDetail(string='This field must be unique.', code='unique')]")
	}
	if len(errs) == 0 {
		return nil
	}
	return taskError{text: "{" + strings.Join(errs, ", ") + "}"}
}

// validate checks a body for creating an object of kind k, or for changing old.
func (c *call) validate(k *kind, in obj, old *object, partial bool) (obj, *reply) {
	s := c.s
	out, refusal := c.check(schema.bodyOf(k), slices.Concat(schema.answerOf(k.path), []string{"prn"}), in, partial, func(out, errs obj) {
		if n, given := out["name"].(string); given {
			if other := s.names[k.class][n]; other != nil && other != old {
				errs["name"] = []any{"This field must be unique."}
			}
		}
		switch k.class {
		case "remotes":
			remoteErrors(k, out, errs)
		case "repositories":
			s.repositoryErrors(k, out, errs)
		case "distributions":
			s.basePathErrors(out, errs, old)
		}
	})
	if refusal != nil {
		return nil, refusal
	}
	merged := func(name string) any {
		if v, given := out[name]; given {
			return v
		}
		if old != nil && partial {
			return s.value(old, name)
		}
		return nil
	}
	one := func(m string) *reply { rep := bad(obj{"non_field_errors": []any{m}}); return &rep }
	switch k.class {
	case "distributions":
		repo, ver, pub := merged("repository"), merged("repository_version"), merged("publication")
		only := func(a, b string) *reply {
			return one("Only one of the attributes '" + a + "' and '" + b + "' may be used simultaneously.")
		}
		switch {
		case pub != nil && ver != nil:
			return nil, only("publication", "repository_version")
		case repo != nil && ver != nil:
			return nil, only("repository", "repository_version")
		case repo != nil && pub != nil:
			return nil, only("repository", "publication")
		}
	case "remotes":
		secret := func(n string) any {
			if v, given := out[n]; given || old == nil {
				return v
			}
			return old.f[n]
		}
		user, password := secret("proxy_username"), secret("proxy_password")
		switch {
		case (user != nil || password != nil) && merged("proxy_url") == nil:
			return nil, one("proxy credentials cannot be specified without a proxy")
		case (user == nil) != (password == nil):
			return nil, one("proxy username and password must be specified together")
		}
	}
	return out, nil
}

var rpmSchemes = regexp.MustCompile(`^(https?|file)://`)

func remoteErrors(k *kind, out, errs obj) {
	if raw, given := out["url"].(string); given {
		if u, err := url.Parse(raw); err == nil && u.User != nil {
			errs["url"] = []any{"The remote url contains username or password. Please use remote username or password instead."}
		}
		if k == rpm.remote && !rpmSchemes.MatchString(raw) {
			errs["url"] = []any{"The url '" + raw + "' is not valid. It must start with: ('http', 'https', 'file')."}
		}
	}
	if pem, given := out["ca_cert"].(string); given && !strings.Contains(pem, "-----BEGIN CERTIFICATE-----") {
		errs["ca_cert"] = []any{"No PEM encoded X.509 certificates were found in the string supplied."}
	}
	if archs, given := out["architectures"].(string); given && k == deb.remote {
		seen := map[string]bool{}
		for _, a := range strings.Fields(archs) {
			if seen[a] {
				errs["architectures"] = []any{"Duplicate architecture token '" + a + "'."}
			}
			seen[a] = true
		}
	}
}

func (s *Server) repositoryErrors(k *kind, out, errs obj) {
	if ref, given := out["remote"].(string); given {
		if r := s.lookup(ref); r != nil && r.kind.plugin != k.plugin {
			errs["remote"] = []any{"Type for Remote '" + r.name() + "' does not match Repository."}
		}
	}
}

var canonicalPath = regexp.MustCompile(`^[^\s/]+(/[^\s/]+)*$`)

func (s *Server) basePathErrors(out, errs obj, old *object) {
	path, given := out["base_path"].(string)
	if !given {
		return
	}
	switch other := s.basePaths[path]; {
	case other != nil && other != old:
		errs["base_path"] = []any{"This field must be unique."}
	case !canonicalPath.MatchString(path):
		errs["base_path"] = []any{"Relative path is not in canonical form. " + path}
	case s.overlaps(path, old):
		errs["base_path"] = obj{"base_path": "Overlaps with an existing distribution."}
	}
}

// update answers PATCH and PUT: 200 and the object when nothing changes, else a task that has usually run already.
func (c *call) update(o *object) reply {
	in, refusal := c.body()
	if refusal != nil {
		return *refusal
	}
	f, refusal := c.validate(o.kind, in, o, c.r.Method == http.MethodPatch)
	if refusal != nil {
		return *refusal
	}
	if !c.s.changes(o, f) {
		return ok(c.s.view(o))
	}
	t := &task{name: updateTask, cid: c.cid, subject: o.name(), about: o.href(), exclusive: []string{o.prn()}}
	t.body = func(*task) (any, error) {
		if o.gone {
			return obj{"skipped": []any{o.kind.noun + ":" + o.id}}, nil
		}
		c.s.apply(o, f)
		return c.s.view(o), nil
	}
	c.s.pool.now(t)
	return accepted(t)
}

// changes tells whether a PATCH counts as a change. Pulp compares a typed reference with an untyped one, so naming one
// always does; so does every PATCH of a container distribution and of signing_service_release_overrides.
func (s *Server) changes(o *object, f obj) bool {
	for name, v := range f {
		switch name {
		case "remote", "repository", "publication", "content_guard":
			if v != nil {
				return true
			}
		case "signing_service_release_overrides":
			return true
		}
		current := o.f[name]
		if _, stored := o.f[name]; !stored || !contains(secrets, name) {
			current = s.value(o, name)
		}
		if !sameJSON(current, v) {
			return true
		}
	}
	return o.kind == container.dist && len(f) > 0
}

func (s *Server) apply(o *object, f obj) {
	s.index(o, false)
	before := o.f
	o.f = make(obj, len(before)+len(f))
	for k, v := range before {
		o.f[k] = v
	}
	for k, v := range f {
		if k == "signing_service_release_overrides" {
			v = mergeOverrides(before[k], v)
		}
		o.f[k] = v
	}
	o.updated = s.now()
	s.index(o, true)
	if o.dist != nil {
		s.distributed(o, before)
	}
	if o.repo != nil {
		s.retain(o)
	}
}

func mergeOverrides(old, change any) any {
	res := obj{}
	if m, isMap := old.(obj); isMap {
		for k, v := range m {
			res[k] = v
		}
	}
	if m, isMap := change.(obj); isMap {
		for k, v := range m {
			if v == nil {
				delete(res, k)
			} else {
				res[k] = v
			}
		}
	}
	return res
}

// delete answers DELETE of an object. Nothing is refused; publications go at once, the rest by a task.
func (c *call) delete(o *object) reply {
	s := c.s
	if o.pub != nil {
		s.pool.unmade(o.href())
		s.deletePublication(o)
		return noContent()
	}
	t := &task{name: deleteTask, cid: c.cid, subject: o.name(), about: o.href(), exclusive: []string{o.prn()}}
	t.body = func(*task) (any, error) {
		if o.gone {
			return obj{"skipped": []any{o.kind.noun + ":" + o.id}}, nil
		}
		return s.deleteObject(o), nil
	}
	if o.dist != nil {
		s.pool.now(t)
	} else {
		s.pool.dispatch(t)
	}
	return accepted(t)
}

func (s *Server) deleteObject(o *object) obj {
	counts := obj{o.kind.plugin.name + "." + o.kind.noun: 1}
	if o.repo != nil {
		versions := append([]*version{}, o.repo.versions...)
		pubs := 0
		for _, v := range versions {
			pubs += len(v.pubs)
			s.deleteVersion(v)
		}
		counts["core.Repository"], counts["core.RepositoryVersion"] = 1, len(versions)
		if pubs > 0 {
			counts["core.Publication"] = pubs
		}
	}
	s.remove(o)
	return counts
}

func (c *call) deleteVersion(v *version) reply {
	s := c.s
	if s.served(v) {
		return bad([]any{"The repository version cannot be deleted because it (or its publications) are currently being used to " +
			"distribute content. Please update the necessary distributions first."})
	}
	t := &task{name: versionTask, cid: c.cid, subject: v.repo.name(), about: v.repo.href(), exclusive: []string{v.repo.prn()}}
	t.body = func(*task) (any, error) {
		if s.versionIDs[v.id] != nil {
			s.deleteVersion(v)
		}
		return nil, nil
	}
	s.pool.dispatch(t)
	return accepted(t)
}

func (c *call) label(o *object, action string) reply {
	in, refusal := c.body()
	if refusal != nil {
		return *refusal
	}
	key, _ := in["key"].(string)
	if key == "" {
		return bad(obj{"key": []any{"This field is required."}})
	}
	current, _ := c.s.value(o, "pulp_labels").(obj)
	next := obj{}
	for k, v := range current {
		next[k] = v
	}
	if action == "set_label" {
		value, given := in["value"]
		if !given {
			return bad(obj{"value": []any{"This field is required."}})
		}
		if !labelKey.MatchString(key) {
			return bad(obj{"non_field_errors": []any{badLabel(key)}})
		}
		next[key] = value
		c.s.apply(o, obj{"pulp_labels": next})
		return created(obj{"key": key, "value": value})
	}
	old, set := current[key]
	if !set {
		return bad(obj{"key": []any{"Label '" + key + "' is not set on the object."}})
	}
	delete(next, key)
	c.s.apply(o, obj{"pulp_labels": next})
	return created(obj{"key": key, "value": old})
}

// sameJSON compares two JSON values; 60 and 60.0 are equal.
func sameJSON(a, b any) bool {
	if x, isNumber := number(a); isNumber {
		y, isNumber := number(b)
		return isNumber && x == y
	}
	switch x := a.(type) {
	case obj:
		y, isMap := b.(obj)
		if !isMap || len(x) != len(y) {
			return false
		}
		for k, v := range x {
			w, has := y[k]
			if !has || !sameJSON(v, w) {
				return false
			}
		}
		return true
	case []any:
		y, isList := b.([]any)
		if !isList || len(x) != len(y) {
			return false
		}
		for i := range x {
			if !sameJSON(x[i], y[i]) {
				return false
			}
		}
		return true
	}
	return a == b
}

func sortedKeys[V any](m map[string]V) []string {
	res := make([]string, 0, len(m))
	for k := range m {
		res = append(res, k)
	}
	sort.Strings(res)
	return res
}
