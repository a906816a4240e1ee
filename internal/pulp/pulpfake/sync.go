// SPDX-License-Identifier: Apache-2.0

package pulpfake

import (
	"context"
	"errors"
	"net/http"
	"strings"
)

// syncRun is one sync between its request and its end.
type syncRun struct {
	s       *Server
	repo    *object
	remote  *remote
	mirror  bool
	policy  string // rpm
	skip    bool   // optimize
	last    obj    // last_sync_details
	version *version

	found   []found
	links   []link
	report  func(t *task) // progress of what fetch did
	skipped bool
	details obj // becomes last_sync_details
	info    obj // becomes the version's info (deb)

	associated int
	metadata   map[string][]byte // published as it came (rpm mirror_complete, file mirror)
	manifest   string
}

// link is a deb package's place in a release component, by their places in found.
type link struct{ pkg, component int }

// sync answers POST {repository}sync/.
func (c *call) sync(repo *object) reply {
	in, refusal := c.body()
	if refusal != nil {
		return *refusal
	}
	plugin := repo.kind.plugin
	f, refusal := c.check(schema.Ops["POST "+plugin.repository.path+"/{}/sync/"].Body, nil, in, false, nil)
	if refusal != nil {
		return *refusal
	}
	s := c.s
	ref := text(f["remote"])
	if ref == "" {
		ref = repo.str("remote")
	}
	rem := s.lookup(ref)
	if rem == nil {
		return bad(obj{"remote": []any{"This field is required since a remote is not set on the repository."}})
	}
	if rem.kind.plugin != plugin {
		return bad(obj{"remote": []any{"Type for Remote '" + rem.prn() + "' does not match Repository '" + repo.prn() + "'."}})
	}
	run := &syncRun{s: s, repo: repo, mirror: f["mirror"] == true, skip: f["optimize"] != false}
	if refusal := run.options(f); refusal != nil {
		return *refusal
	}
	t := &task{
		name: plugin.syncTask, cid: c.cid, subject: repo.name(), about: repo.href(),
		exclusive: []string{repo.prn()}, shared: []string{rem.prn()},
	}
	t.fetch = func(ctx context.Context, _ *task) error {
		s.mu.Lock()
		if repo.gone || rem.gone {
			s.mu.Unlock()
			return errors.New(repo.kind.noun + " matching query does not exist.")
		}
		run.remote = s.remoteOf(rem)
		run.version, run.last = repo.repo.latest(), repo.repo.lastSync
		s.mu.Unlock()
		defer run.remote.close()
		switch plugin {
		case deb:
			return run.fetchDeb(ctx)
		case rpm:
			return run.fetchRPM(ctx)
		case file:
			return run.fetchFile(ctx)
		case python:
			return run.fetchPython(ctx)
		default:
			return run.fetchContainer(ctx)
		}
	}
	t.body = run.commit
	s.pool.dispatch(t)
	return accepted(t)
}

// options applies the rules about how a sync's options go together.
func (r *syncRun) options(f obj) *reply {
	list := func(m string) *reply { rep := bad([]any{m}); return &rep }
	switch r.repo.kind.plugin {
	case rpm:
		r.policy = text(f["sync_policy"])
		if f["mirror"] != nil && r.policy != "" {
			rep := bad(obj{"non_field_errors": []any{"Cannot use 'mirror' and 'sync_policy' options simultaneously. The 'mirror' " +
				"option is deprecated, please use 'sync_policy' only."}})
			return &rep
		}
		if r.policy == "" {
			r.policy = "additive"
			if r.mirror {
				r.policy = "mirror_complete"
			}
		}
		r.mirror = r.policy != "additive"
		keep, _ := number(r.repo.f["retain_package_versions"])
		skip, _ := f["skip_types"].([]any)
		switch {
		case r.mirror && keep > 0:
			return list("Cannot use 'retain_package_versions' in combination with a 'mirror_complete' or 'mirror_content_only' sync policy.")
		case r.policy == "mirror_complete" && r.repo.flag("autopublish"):
			return list("Cannot use 'autopublish' in combination with a 'mirror_complete' sync policy.")
		case r.policy == "mirror_complete" && len(skip) > 0:
			return list("Cannot use 'skip_types' in combination with a 'mirror_complete' sync policy.")
		}
	case file:
		if r.mirror && r.repo.flag("autopublish") {
			return list("Cannot use mirror mode with autopublished repository.")
		}
	}
	return nil
}

// commit makes the new version and what belongs to it. It holds mu.
func (r *syncRun) commit(t *task) (any, error) {
	s, repo := r.s, r.repo
	plugin := repo.kind.plugin
	if repo.gone {
		return nil, errors.New(repo.kind.noun + " matching query does not exist.")
	}
	if r.skipped {
		r.report(t)
		return nil, nil
	}
	units := map[*unit]struct{}{}
	if !r.mirror {
		units = copyUnits(repo.repo.latest())
	}
	before := repo.repo.latest()
	slots := slotsOf(units)
	all := make([]*unit, len(r.found))
	for i, x := range r.found {
		all[i] = s.unit(x)
		addUnit(units, slots, all[i])
	}
	for _, u := range all {
		s.tagged(u)
	}
	for _, l := range r.links {
		pkg, rc := all[l.pkg], all[l.component]
		addUnit(units, slots, s.unit(found{
			kind: debPRC, key: pkg.id + " " + rc.id, f: obj{"package": pkg.href(), "release_component": rc.href()},
		}))
	}
	v := s.replaceContent(repo, units, "")
	if v != nil {
		v.info = r.info
		t.made(v.href(), v.prn())
	}
	r.progress(t, before, units)
	if r.details != nil {
		r.details["most_recent_version"] = repo.repo.latest().number
		repo.repo.lastSync = r.details
		if plugin == file {
			repo.f["last_sync_details"] = r.details
		}
	}
	if err := s.autopublish(repo, v, t); err != nil {
		return nil, err
	}
	r.mirrorPublication(t, v)
	if plugin == deb || plugin == python || (v == nil && plugin != rpm) {
		return nil, nil
	}
	return s.versionView(repo.repo.latest()), nil
}

// mirrorPublication is what rpm makes with every mirror_complete that was not skipped, and file with every mirror that
// made a version.
func (r *syncRun) mirrorPublication(t *task, v *version) {
	if r.metadata == nil || (r.repo.kind.plugin == file && v == nil) {
		return
	}
	s := r.s
	latest := r.repo.repo.latest()
	k, f := rpmPublication, obj{"checksum_type": "unknown", "layout": nil, "repo_config": obj{"gpgcheck": 0, "repo_gpgcheck": 0}}
	if r.repo.kind.plugin == file {
		k, f = filePublication, obj{"manifest": r.manifest}
	}
	pub := s.newObject(k, f)
	pub.pub.version = latest
	pub.pub.files = map[string]*artifact{}
	if k == filePublication {
		pub.pub.files = publishVerbatim(latest)
	}
	for p, data := range r.metadata {
		pub.pub.files[p] = s.artifact(data)
	}
	s.keepPublication(pub)
	t.made(pub.href(), pub.prn())
}

func (r *syncRun) progress(t *task, before *version, units map[*unit]struct{}) {
	r.report(t)
	added, removed := 0, 0
	var old map[*unit]struct{}
	if before != nil {
		old = before.units
	}
	for u := range units {
		if _, had := old[u]; !had {
			added++
		}
	}
	for u := range old {
		if _, has := units[u]; !has {
			removed++
		}
	}
	t.report("Associating Content", "associating.content", nil, max(added, r.associated))
	if r.mirror {
		t.report("Un-Associating Content", "unassociating.content", nil, removed)
	}
}

// modify answers POST {repository}modify/.
func (c *call) modify(repo *object) reply {
	in, refusal := c.body()
	if refusal != nil {
		return *refusal
	}
	s, plugin := c.s, repo.kind.plugin
	f, refusal := c.check(schema.Ops["POST "+plugin.repository.path+"/{}/modify/"].Body, []string{"pulp_href", "prn"}, in, false,
		func(out, errs obj) {
			for _, name := range []string{"add_content_units", "remove_content_units"} {
				list, _ := out[name].([]any)
				if problem := s.unitErrors(list, name == "remove_content_units"); problem != "" {
					errs[name] = []any{problem}
				}
			}
		})
	if refusal != nil {
		return *refusal
	}
	add, _ := f["add_content_units"].([]any)
	remove, _ := f["remove_content_units"].([]any)
	base := s.findVersion(text(f["base_version"]))
	t := &task{name: plugin.modifyTask, cid: c.cid, subject: repo.name(), about: repo.href(), exclusive: []string{repo.prn()}}
	t.body = func(t *task) (any, error) {
		if repo.gone {
			return nil, errors.New(repo.kind.noun + " matching query does not exist.")
		}
		return s.modified(repo, base, add, remove, t)
	}
	s.pool.dispatch(t)
	return accepted(t)
}

func (s *Server) unitErrors(list []any, star bool) string {
	var missing []string
	for _, x := range list {
		ref := text(x)
		if star && ref == "*" {
			continue
		}
		if _, _, isHref := splitHref(ref); !isHref {
			return "URI not valid: " + ref
		}
		if s.findUnit(ref) == nil {
			missing = append(missing, ref)
		}
	}
	if missing == nil {
		return ""
	}
	quoted := ""
	for i, m := range missing {
		if i > 0 {
			quoted += ", "
		}
		quoted += "'" + m + "'"
	}
	return "Could not find the following content units: [" + quoted + "]"
}

// modified applies a modify. deb drops the synced metadata with every modify that changes something, and takes a
// removed package's places in components with it.
func (s *Server) modified(repo *object, base *version, add, remove []any, t *task) (any, error) {
	from := repo.repo.latest()
	baseHref := ""
	if base != nil {
		from, baseHref = base, base.href()
		for u := range base.units {
			if !kindOfPlugin(repo.kind.plugin, u.kind) {
				return nil, taskError{text: "Saw unsupported content types {'" + u.kind.ptype + "'}"}
			}
		}
	}
	units := copyUnits(from)
	for _, x := range remove {
		if text(x) == "*" {
			units = map[*unit]struct{}{}
			break
		}
		u := s.findUnit(text(x))
		delete(units, u)
		if u.kind != debPackage {
			continue
		}
		for prc := range units {
			if prc.kind == debPRC && prc.str("package") == u.href() {
				delete(units, prc)
			}
		}
	}
	slots := slotsOf(units)
	for _, x := range add {
		u := s.findUnit(text(x))
		if !kindOfPlugin(repo.kind.plugin, u.kind) {
			return nil, taskError{text: "Saw unsupported content types {'" + u.kind.ptype + "'}"}
		}
		addUnit(units, slots, u)
	}
	if sameUnits(repo.repo.latest(), units) {
		return nil, nil
	}
	if repo.kind.plugin == deb {
		added := map[string]bool{}
		for _, x := range add {
			added[text(x)] = true
		}
		for u := range units {
			if (u.kind == debReleaseFile || u.kind == debPackageIndex) && !added[u.href()] {
				delete(units, u)
			}
		}
	}
	v := s.replaceContent(repo, units, baseHref)
	if v == nil {
		return nil, nil
	}
	t.made(v.href(), v.prn())
	if err := s.autopublish(repo, v, t); err != nil {
		return nil, err
	}
	return s.versionView(v), nil
}

func kindOfPlugin(p *plugin, k *contentKind) bool {
	for _, x := range p.content {
		if x == k {
			return true
		}
	}
	return false
}

// copyContent answers POST deb/copy/ and rpm/copy/.
func (c *call) copyContent() reply {
	in, refusal := c.body()
	if refusal != nil {
		return *refusal
	}
	f, refusal := c.check(schema.Ops["POST "+c.segs[0]+"/copy/"].Body, nil, in, false, nil)
	if refusal != nil {
		return *refusal
	}
	invalid := func(why string) reply {
		return bad(obj{"non_field_errors": []any{"Provided copy criteria is invalid:'[\"" + why + "\"]'"}})
	}
	s := c.s
	config, isList := f["config"].([]any)
	if !isList {
		return invalid(text(f["config"]) + " is not of type 'array'")
	}
	plugin := map[string]*plugin{"deb": deb, "rpm": rpm}[c.segs[0]]
	t := &task{name: "pulp_" + plugin.name + ".app.tasks.copy.copy_content", cid: c.cid}
	type job struct {
		from    *version
		to      *object
		content []any
		some    bool
	}
	var jobs []job
	for _, x := range config {
		m, _ := x.(obj)
		j := job{from: s.findVersion(text(m["source_repo_version"])), to: s.lookup(text(m["dest_repo"]))}
		for _, need := range []string{"dest_repo", "source_repo_version"} {
			if m[need] == nil {
				return invalid("'" + need + "' is a required property")
			}
		}
		if j.from == nil {
			return bad([]any{"URI " + text(m["source_repo_version"]) + " not found for repositoryversion."})
		}
		if j.to == nil || j.to.repo == nil {
			return bad([]any{"URI " + text(m["dest_repo"]) + " not found for " + strings.ToLower(plugin.repository.noun) + "."})
		}
		j.content, j.some = m["content"].([]any)
		jobs = append(jobs, j)
		t.exclusive = append(t.exclusive, j.to.prn())
		t.subject, t.about = j.to.name(), j.to.href()
		if from := j.from.repo.prn(); !contains(t.shared, from) && !contains(t.exclusive, from) {
			t.shared = append(t.shared, from)
		}
	}
	t.body = func(t *task) (any, error) {
		if plugin == deb && f["dependency_solving"] == true {
			return nil, taskError{"PLP0028", "Advanced copy with dependency solving is not yet implemented."}
		}
		for _, j := range jobs {
			units := copyUnits(j.to.repo.latest())
			slots := slotsOf(units)
			for u := range j.from.units {
				if !j.some || s.copies(u, j.content, j.from) {
					addUnit(units, slots, u)
				}
			}
			if v := s.replaceContent(j.to, units, ""); v != nil {
				t.made(v.href(), v.prn())
				if err := s.autopublish(j.to, v, t); err != nil {
					return nil, err
				}
			}
		}
		return nil, nil
	}
	s.pool.dispatch(t)
	return reply{status: http.StatusAccepted, body: obj{"task": t.href()}}
}

// copies tells whether a structured copy of some packages takes u along: the packages, their places, and the release,
// component and architecture they are in.
func (s *Server) copies(u *unit, content []any, from *version) bool {
	wanted := map[string]bool{}
	for _, x := range content {
		wanted[text(x)] = true
	}
	if wanted[u.href()] {
		return true
	}
	switch u.kind {
	case debPRC:
		return wanted[u.str("package")]
	case debComponent, debRelease, debArch:
		for prc := range from.units {
			if prc.kind != debPRC || !wanted[prc.str("package")] {
				continue
			}
			rc, pkg := s.findUnit(prc.str("release_component")), s.findUnit(prc.str("package"))
			switch {
			case u == rc,
				u.kind == debRelease && u.str("distribution") == rc.str("distribution"),
				u.kind == debArch && u.str("distribution") == rc.str("distribution") && u.str("architecture") == pkg.str("architecture"):
				return true
			}
		}
	}
	return false
}
