// SPDX-License-Identifier: Apache-2.0

package pulpfake

import (
	"encoding/json"
	"errors"
)

// removeRecursively answers POST {repository}remove/ of a registry's repository.
func (c *call) removeRecursively(repo *object) reply {
	in, refusal := c.body()
	if refusal != nil {
		return *refusal
	}
	s := c.s
	f, refusal := c.check(schema.Ops["POST "+repo.kind.path+"/{}/remove/"].Body, nil, in, false, func(obj, obj) {})
	if refusal != nil {
		return *refusal
	}
	remove, _ := f["content_units"].([]any)
	if problem := s.unitErrors(remove, true); problem != "" {
		return bad([]any{problem})
	}
	t := &task{
		name: "pulp_container.app.tasks.recursive_remove.recursive_remove_content", cid: c.cid,
		subject: repo.name(), about: repo.href(), exclusive: []string{repo.prn()},
	}
	t.body = func(t *task) (any, error) {
		if repo.gone {
			return nil, errors.New(repo.kind.noun + " matching query does not exist.")
		}
		if v := s.replaceContent(repo, s.withoutImages(repo.repo.latest(), remove), ""); v != nil {
			t.made(v.href(), v.prn())
		}
		return nil, nil
	}
	s.pool.dispatch(t)
	return accepted(t)
}

// withoutImages gives what is left of a version without some units and without what only those need. A unit that
// one of those that stay needs stays, too, even if asked for (pulp_container 2.30, recursive_remove_content).
func (s *Server) withoutImages(v *version, remove []any) map[*unit]struct{} {
	left, gone := copyUnits(v), map[*unit]bool{}
	asked, dropped := map[*unit]bool{}, map[string]bool{}
	for _, x := range remove {
		if text(x) == "*" {
			return map[*unit]struct{}{}
		}
		asked[s.findUnit(text(x))] = true
	}
	kept := map[string]bool{}
	for level := range 4 {
		for u := range left {
			if digest := u.str("digest"); levelOf(u) == level && (asked[u] || (level > 0 && dropped[digest])) && (level == 0 || !kept[digest]) {
				gone[u] = true
			}
		}
		for u := range left {
			if levelOf(u) != level {
				continue
			}
			for _, digest := range needs(u) {
				if gone[u] {
					dropped[digest] = true
				} else {
					kept[digest] = true
				}
			}
		}
	}
	for u := range gone {
		delete(left, u)
	}
	return left
}

// levelOf is 0 for tags, 1 for lists of manifests, 2 for manifests, 3 for blobs: a unit needs such of higher levels.
func levelOf(u *unit) int {
	switch {
	case u.kind == containerTag:
		return 0
	case u.kind == containerBlob:
		return 3
	case len(imageOf(u).Manifests) > 0:
		return 1
	}
	return 2
}

// imageOf reads a manifest.
func imageOf(u *unit) image {
	var m image
	if _, a := u.file(); u.kind == containerManifest && a != nil {
		_ = json.Unmarshal(a.data, &m) // it has been read before it was stored
	}
	return m
}

// needs gives the digests of what a unit names.
func needs(u *unit) []string {
	if u.kind == containerTag {
		return []string{u.str("digest")}
	}
	var digests []string
	m := imageOf(u)
	for _, b := range m.Layers {
		digests = append(digests, b.Digest)
	}
	for _, b := range m.Manifests {
		digests = append(digests, b.Digest)
	}
	if m.Config != nil {
		digests = append(digests, m.Config.Digest)
	}
	return digests
}
