// SPDX-License-Identifier: Apache-2.0

package pulpfake

import (
	"slices"
	"sort"
)

// order and packages of status/, as a live server gives them.
var components = []struct{ name, pkg, module string }{
	{"core", "pulpcore", "pulpcore.app"},
	{"container", "pulp-container", "pulp_container.app"},
	{"certguard", "pulpcore", "pulp_certguard.app"},
	{"file", "pulpcore", "pulp_file.app"},
	{"deb", "pulp_deb", "pulp_deb.app"},
	{"rpm", "pulp-rpm", "pulp_rpm.app"},
	{"python", "pulp-python", "pulp_python.app"},
}

func (c *call) status() reply {
	s := c.s
	versions := []any{}
	for _, x := range components {
		if slices.Contains(s.opt.Lacks, x.name) {
			continue
		}
		versions = append(versions, obj{
			"component": x.name, "version": schema.Versions[x.name], "package": x.pkg, "module": x.module, "domain_compatible": true,
		})
	}
	workers := []any{}
	for _, w := range s.pool.workers {
		if w.online {
			workers = append(workers, s.app(w.name))
		}
	}
	return ok(obj{
		"versions": versions, "online_workers": workers,
		"online_api_apps":     []any{s.app("api@" + s.opt.Name)},
		"online_content_apps": []any{s.app("content@" + s.opt.Name)},
		"database_connection": obj{"connected": true},
		"redis_connection":    obj{"connected": false},
		"storage":             obj{"total": 270553174016, "used": 13185941504, "free": 84607352832},
		"content_settings":    obj{"content_origin": s.contentOrigin(), "content_path_prefix": contentPrefix},
		"domain_enabled":      false,
	})
}

func (s *Server) contentOrigin() any {
	if s.origin == "" {
		return nil
	}
	return s.origin
}

func (s *Server) app(name string) obj {
	versions := obj{}
	for k, v := range schema.Versions {
		versions[k] = v
	}
	return obj{"name": name, "last_heartbeat": stamp(s.now()), "versions": versions}
}

func (c *call) workers() reply {
	if len(c.segs) > 1 {
		for _, w := range c.s.pool.workers {
			if w.id == c.segs[1] {
				return c.only("GET", func() reply { return ok(c.s.workerView(w)) })
			}
		}
		return notFound("AppStatus")
	}
	return c.only("GET", func() reply {
		all := append([]*worker{}, c.s.pool.workers...)
		sort.SliceStable(all, func(i, j int) bool { return all[i].since.After(all[j].since) })
		rows := make([]row, 0, len(all))
		for _, w := range all {
			rows = append(rows, row{get: func(f string) any { return c.s.workerView(w)[f] }})
		}
		return c.list("workers", rows, nil)
	})
}

func (s *Server) workerView(w *worker) obj {
	v := s.app(w.name)
	v["pulp_href"] = apiPrefix + "workers/" + w.id + "/"
	v["prn"] = "prn:core.appstatus:" + w.id
	v["pulp_created"], v["pulp_last_updated"] = stamp(w.since), stamp(w.since)
	v["current_task"] = nil
	if w.online && w.task != nil && w.task.state == stateRunning {
		v["current_task"] = w.task.href()
	}
	v["online"], v["missing"] = w.online, !w.online
	if !w.online {
		v["last_heartbeat"] = stamp(w.killed)
	}
	return v
}
