// SPDX-License-Identifier: Apache-2.0

package pulpfake

import (
	"net/http"
	"slices"
	"strings"
)

// handle authenticates and routes one request. The caller holds mu.
func (c *call) handle() reply {
	if len(c.segs) == 0 {
		return htmlPage(http.StatusNotFound, "Not Found", "The requested resource was not found on this server.")
	}
	switch c.segs[0] {
	case "status":
		return c.only(http.MethodGet, c.status)
	case "livez":
		return c.only(http.MethodGet, func() reply { return reply{status: http.StatusOK} })
	}
	if rep := c.authenticate(); rep != nil {
		return *rep
	}
	if c.r.Method != http.MethodGet && c.r.Method != http.MethodHead && c.segs[0] != "login" {
		c.s.writes++
	}
	switch c.segs[0] {
	case "login":
		return c.login()
	case "tasks":
		return c.tasks()
	case "workers":
		return c.workers()
	case "artifacts":
		return c.artifacts()
	case "repository_versions":
		if len(c.segs) == 1 {
			return c.only(http.MethodGet, func() reply { return c.listVersions(c.s.allVersions()) })
		}
	case "deb", "rpm":
		if len(c.segs) == 2 && c.segs[1] == "copy" {
			return c.only(http.MethodPost, c.copyContent)
		}
	case "content":
		return c.content()
	case "signing-services":
		return c.collection(signingServices, 1)
	case "repositories", "remotes", "distributions", "publications":
		if len(c.segs) == 1 {
			return c.only(http.MethodGet, func() reply { return c.generic(c.segs[0]) })
		}
		if len(c.segs) >= 3 {
			if k := kinds[strings.Join(c.segs[:3], "/")]; k != nil && !slices.Contains(c.s.opt.Lacks, c.segs[1]) {
				return c.collection(k, 3)
			}
		}
	}
	return htmlPage(http.StatusNotFound, "Not Found", "The requested resource was not found on this server.")
}

func (c *call) only(method string, h func() reply) reply {
	if c.r.Method == method || (method == http.MethodGet && c.r.Method == http.MethodHead) {
		return h()
	}
	return c.notAllowed()
}

func (c *call) notAllowed() reply {
	return detail(http.StatusMethodNotAllowed, "Method \""+c.r.Method+"\" not allowed.")
}

// collection handles everything below the path of one kind; n segments are the path itself.
func (c *call) collection(k *kind, n int) reply {
	rest := c.segs[n:]
	if len(rest) == 0 {
		switch c.r.Method {
		case http.MethodGet, http.MethodHead:
			return c.listObjects([]*kind{k}, k.path)
		case http.MethodPost:
			if k != signingServices {
				return c.create(k)
			}
		}
		return c.notAllowed()
	}
	if !uuidPattern.MatchString(rest[0]) {
		return detail(http.StatusNotFound, "Not found.")
	}
	o := c.s.objects[strings.ToLower(rest[0])]
	if o == nil || o.kind != k {
		return notFound(k.noun)
	}
	if len(rest) == 1 {
		return c.one(o)
	}
	if o.repo != nil && rest[1] == "versions" {
		return c.versions(o, rest[2:])
	}
	if len(rest) == 2 {
		switch action := rest[1]; {
		case action == "set_label" || action == "unset_label":
			return c.only(http.MethodPost, func() reply { return c.label(o, action) })
		case action == "sync" && o.repo != nil:
			return c.only(http.MethodPost, func() reply { return c.sync(o) })
		case action == "modify" && o.repo != nil && k.plugin != container:
			return c.only(http.MethodPost, func() reply { return c.modify(o) })
		case action == "remove" && k == container.repository:
			return c.only(http.MethodPost, func() reply { return c.removeRecursively(o) })
		}
	}
	return htmlPage(http.StatusNotFound, "Not Found", "The requested resource was not found on this server.")
}

func (c *call) one(o *object) reply {
	switch c.r.Method {
	case http.MethodGet, http.MethodHead:
		return ok(c.selected(schema.answerOf(o.kind.path), func(f string) any { return c.s.value(o, f) }))
	case http.MethodPatch, http.MethodPut:
		if o.pub == nil && o.kind != signingServices {
			return c.update(o)
		}
	case http.MethodDelete:
		if o.kind != signingServices {
			return c.delete(o)
		}
	}
	return c.notAllowed()
}

func (c *call) generic(class string) reply {
	var all []*kind
	for _, k := range kinds {
		if k.class == class {
			all = append(all, k)
		}
	}
	return c.listObjects(all, class)
}

func (c *call) versions(repo *object, rest []string) reply {
	if len(rest) == 0 {
		return c.only(http.MethodGet, func() reply { return c.listVersions(repo.repo.versions) })
	}
	if len(rest) == 1 {
		v := c.s.findVersion(repo.href() + "versions/" + rest[0] + "/")
		if v == nil {
			return notFound("RepositoryVersion")
		}
		switch c.r.Method {
		case http.MethodGet, http.MethodHead:
			return ok(c.selected(versionFields, func(f string) any { return c.s.versionValue(v, f) }))
		case http.MethodDelete:
			return c.deleteVersion(v)
		}
		return c.notAllowed()
	}
	return htmlPage(http.StatusNotFound, "Not Found", "The requested resource was not found on this server.")
}
