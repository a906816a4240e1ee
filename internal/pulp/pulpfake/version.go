// SPDX-License-Identifier: Apache-2.0

package pulpfake

import (
	"sort"
	"strconv"
	"strings"
	"time"
)

// repoState is what a repository has besides its fields.
type repoState struct {
	versions []*version // those that exist, oldest first
	next     int
	lastSync obj // what the last sync saw; decides whether the next one is skipped
}

func (r *repoState) latest() *version {
	if len(r.versions) == 0 {
		return nil
	}
	return r.versions[len(r.versions)-1]
}

// version is one immutable set of content.
type version struct {
	repo             *object
	id               string
	number           int
	created, updated time.Time
	base             string
	units            map[*unit]struct{}
	info             obj       // of the sync that made it (deb)
	pubs             []*object // oldest first

	summaryOf *version // the previous version that summary was made against
	summary   obj
}

func (v *version) href() string {
	return v.repo.href() + "versions/" + strconv.Itoa(v.number) + "/"
}
func (v *version) prn() string { return "prn:core.repositoryversion:" + v.id }

func (v *version) newestPublication() *object {
	if len(v.pubs) == 0 {
		return nil
	}
	return v.pubs[len(v.pubs)-1]
}

// of returns the version's units of one type, newest first, as Pulp lists them.
func (v *version) of(k *contentKind) []*unit {
	var res []*unit
	for u := range v.units {
		if u.kind == k {
			res = append(res, u)
		}
	}
	sort.Slice(res, func(i, j int) bool { return res[i].created.After(res[j].created) })
	return res
}

// newVersion appends a version holding units. The caller has compared it with the latest one.
func (s *Server) newVersion(repo *object, units map[*unit]struct{}, base string) *version {
	if units == nil {
		units = map[*unit]struct{}{}
	}
	t := s.now()
	v := &version{repo: repo, id: s.newID(), number: repo.repo.next, created: t, updated: t, units: units, base: base}
	repo.repo.next++
	repo.repo.versions = append(repo.repo.versions, v)
	s.versionIDs[v.id] = v
	repo.updated = t
	s.retain(repo)
	return v
}

// retain drops versions beyond retain_repo_versions that nothing serves.
func (s *Server) retain(repo *object) {
	keep, ok := number(repo.f["retain_repo_versions"])
	if !ok || keep < 1 {
		return
	}
	all := repo.repo.versions
	for i := 0; i < len(all)-int(keep); i++ {
		if !s.served(all[i]) {
			s.deleteVersion(all[i])
		}
	}
}

func (s *Server) deleteVersion(v *version) {
	delete(s.versionIDs, v.id)
	kept := make([]*version, 0, len(v.repo.repo.versions))
	for _, x := range v.repo.repo.versions {
		if x != v {
			kept = append(kept, x)
		}
	}
	v.repo.repo.versions = kept
	for _, p := range append([]*object{}, v.pubs...) {
		s.deletePublication(p)
	}
}

// findVersion finds a version by href or prn; a repository's href means its latest version only where Pulp says so.
func (s *Server) findVersion(ref string) *version {
	if id, ok := strings.CutPrefix(ref, "prn:core.repositoryversion:"); ok {
		return s.versionIDs[id]
	}
	repoPath, num, ok := splitHref(ref)
	if !ok || !strings.HasSuffix(repoPath, "/versions") {
		return nil
	}
	repo := s.lookup(apiPrefix + strings.TrimSuffix(repoPath, "versions"))
	n, err := strconv.Atoi(num)
	if repo == nil || repo.repo == nil || err != nil {
		return nil
	}
	all := repo.repo.versions
	if i := sort.Search(len(all), func(i int) bool { return all[i].number >= n }); i < len(all) && all[i].number == n {
		return all[i]
	}
	return nil
}

// versionOrLatest finds a version by its own href or by its repository's.
func (s *Server) versionOrLatest(ref string) *version {
	if v := s.findVersion(ref); v != nil {
		return v
	}
	if repo := s.lookup(ref); repo != nil && repo.repo != nil {
		return repo.repo.latest()
	}
	return nil
}

func (v *version) previous() *version {
	var prev *version
	for _, x := range v.repo.repo.versions {
		if x == v {
			return prev
		}
		prev = x
	}
	return prev
}

// diff counts against the version before it.
func (v *version) diff() (added, removed []*unit) {
	var before map[*unit]struct{}
	if p := v.previous(); p != nil {
		before = p.units
	}
	for u := range v.units {
		if _, ok := before[u]; !ok {
			added = append(added, u)
		}
	}
	for u := range before {
		if _, ok := v.units[u]; !ok {
			removed = append(removed, u)
		}
	}
	return added, removed
}

func (v *version) contentSummary() obj {
	if prev := v.previous(); v.summary != nil && v.summaryOf == prev {
		return v.summary
	}
	added, removed := v.diff()
	present := make([]*unit, 0, len(v.units))
	for u := range v.units {
		present = append(present, u)
	}
	v.summary = obj{
		"added":   v.count(added, "repository_version_added"),
		"removed": v.count(removed, "repository_version_removed"),
		"present": v.count(present, "repository_version"),
	}
	v.summaryOf = v.previous()
	return v.summary
}

func (v *version) count(units []*unit, filter string) obj {
	n := map[*contentKind]int{}
	for _, u := range units {
		n[u.kind]++
	}
	res := obj{}
	for k, c := range n {
		res[k.ptype] = obj{"count": c, "href": apiPrefix + k.path + "/?" + filter + "=" + v.href()}
	}
	return res
}

func (s *Server) versionValue(v *version, field string) any {
	switch field {
	case "pulp_href":
		return v.href()
	case "prn":
		return v.prn()
	case "pulp_created":
		return stamp(v.created)
	case "pulp_last_updated":
		return stamp(v.updated)
	case "number":
		return v.number
	case "repository":
		return v.repo.href()
	case "base_version":
		if s.findVersion(v.base) == nil {
			return nil
		}
		return v.base
	case "content_summary":
		return v.contentSummary()
	case "vuln_report":
		return apiPrefix + "vuln_report/?repo_versions=" + v.prn()
	}
	return nil
}

var versionFields = []string{
	"pulp_href", "prn", "pulp_created", "pulp_last_updated", "number", "repository", "base_version", "content_summary", "vuln_report",
}

func (s *Server) versionView(v *version) obj {
	res := obj{}
	for _, f := range versionFields {
		res[f] = s.versionValue(v, f)
	}
	return res
}

// replaceContent makes a new version of repo holding units, unless that is what it holds already.
func (s *Server) replaceContent(repo *object, units map[*unit]struct{}, base string) *version {
	if sameUnits(repo.repo.latest(), units) {
		return nil
	}
	return s.newVersion(repo, units, base)
}

func sameUnits(v *version, units map[*unit]struct{}) bool {
	if v == nil {
		return len(units) == 0
	}
	if len(v.units) != len(units) {
		return false
	}
	for u := range units {
		if _, ok := v.units[u]; !ok {
			return false
		}
	}
	return true
}

func copyUnits(v *version) map[*unit]struct{} {
	if v == nil {
		return map[*unit]struct{}{}
	}
	res := make(map[*unit]struct{}, len(v.units))
	for u := range v.units {
		res[u] = struct{}{}
	}
	return res
}

// addUnit puts u into a set, replacing what may exist only once in a repository: one file a path, one package a
// version and architecture.
func addUnit(units map[*unit]struct{}, slots map[string]*unit, u *unit) {
	if u.slot != "" {
		if old := slots[u.slot]; old != nil && old != u {
			delete(units, old)
		}
		slots[u.slot] = u
	}
	units[u] = struct{}{}
}

func slotsOf(units map[*unit]struct{}) map[string]*unit {
	res := map[string]*unit{}
	for u := range units {
		if u.slot != "" {
			res[u.slot] = u
		}
	}
	return res
}
