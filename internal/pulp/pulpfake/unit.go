// SPDX-License-Identifier: Apache-2.0

package pulpfake

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"time"
)

// artifact is one stored file.
type artifact struct {
	id      string
	created time.Time
	data    []byte
	sha256  string
}

func (a *artifact) href() string { return apiPrefix + "artifacts/" + a.id + "/" }

func (s *Server) artifact(data []byte) *artifact {
	sum := sha256Hex(data)
	if a := s.artifacts[sum]; a != nil {
		return a
	}
	t := s.now()
	a := &artifact{id: s.newID(), created: t, data: data, sha256: sum}
	s.artifacts[sum], s.artifactIDs[a.id] = a, a
	return a
}

func (a *artifact) value(field string) any {
	switch field {
	case "pulp_href":
		return a.href()
	case "prn":
		return "prn:core.artifact:" + a.id
	case "pulp_created", "pulp_last_updated":
		return stamp(a.created)
	case "file":
		return "artifact/" + a.sha256[:2] + "/" + a.sha256[2:]
	case "size":
		return len(a.data)
	}
	return a.digest(field)
}

// digest is nil for md5 and sha1, which Pulp does not compute unless allowed to.
func (a *artifact) digest(name string) any {
	switch name {
	case "sha224":
		d := sha256.Sum224(a.data)
		return hex.EncodeToString(d[:])
	case "sha256":
		return a.sha256
	case "sha384":
		d := sha512.Sum384(a.data)
		return hex.EncodeToString(d[:])
	case "sha512":
		return sha512Hex(a.data)
	}
	return nil
}

// unit is one content unit. The same content is one unit, however many repositories hold it.
type unit struct {
	kind    *contentKind
	id      string
	created time.Time
	slot    string // what a repository may hold only once; "" for no such rule
	f       obj
	arts    map[string]*artifact // by relative path
}

func (u *unit) href() string { return apiPrefix + u.kind.path + "/" + u.id + "/" }
func (u *unit) str(field string) string {
	v, _ := u.f[field].(string)
	return v
}

// found is content as a sync found it, before it is known whether the server has it already.
type found struct {
	kind *contentKind
	key  string // what makes it the same content
	slot string
	f    obj
	arts map[string][]byte
}

// unit stores what was found, or returns the unit that it is. The caller holds mu.
func (s *Server) unit(x found) *unit {
	key := x.kind.ptype + "\x00" + x.key
	if u := s.units[key]; u != nil {
		return u
	}
	t := s.now()
	u := &unit{kind: x.kind, id: s.newID(), created: t, slot: x.slot, f: x.f, arts: map[string]*artifact{}}
	if u.slot != "" {
		u.slot = x.kind.ptype + "\x00" + u.slot
	}
	for path, data := range x.arts {
		u.arts[path] = s.artifact(data)
	}
	s.units[key], s.unitIDs[u.id] = u, u
	s.unitsByKind[x.kind] = append(s.unitsByKind[x.kind], u)
	return u
}

// file is the one file of a package or file unit.
func (u *unit) file() (path string, a *artifact) {
	for p, x := range u.arts {
		return p, x
	}
	return "", nil
}

func (s *Server) findUnit(ref string) *unit {
	path, id, ok := splitHref(ref)
	if !ok {
		return nil
	}
	if u := s.unitIDs[id]; u != nil && u.kind.path == path {
		return u
	}
	return nil
}

func unitValue(u *unit, field string) any {
	switch field {
	case "pulp_href":
		return u.href()
	case "prn":
		return "prn:" + u.kind.model + ":" + u.id
	case "pulp_created", "pulp_last_updated":
		return stamp(u.created)
	case "pulp_labels":
		return obj{}
	case "artifact":
		if _, a := u.file(); a != nil {
			return a.href()
		}
		return nil
	case "artifacts":
		res := obj{}
		for p, a := range u.arts {
			res[p] = a.href()
		}
		return res
	}
	if v, ok := u.f[field]; ok {
		return v
	}
	if u.kind.single {
		if _, a := u.file(); a != nil {
			return a.digest(field)
		}
	}
	return nil
}

func sha256Hex(b []byte) string {
	d := sha256.Sum256(b)
	return hex.EncodeToString(d[:])
}

func sha512Hex(b []byte) string {
	d := sha512.Sum512(b)
	return hex.EncodeToString(d[:])
}

func md5Hex(b []byte) string {
	d := md5.Sum(b)
	return hex.EncodeToString(d[:])
}

func sha1Hex(b []byte) string {
	d := sha1.Sum(b)
	return hex.EncodeToString(d[:])
}
