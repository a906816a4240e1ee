// SPDX-License-Identifier: Apache-2.0

package pulpfake

import "slices"

// pubState is what a publication has besides its fields.
type pubState struct {
	version *version
	files   map[string]*artifact
}

var publishTasks = map[*kind]string{
	debApt:            "pulp_deb.app.tasks.publishing.publish",
	debVerbatim:       "pulp_deb.app.tasks.publishing.publish_verbatim",
	rpmPublication:    "pulp_rpm.app.tasks.publishing.publish",
	filePublication:   "pulp_file.app.tasks.publishing.publish",
	pythonPublication: "pulp_python.app.tasks.publish.publish",
}

// publish answers POST on publications.
func (c *call) publish(k *kind, in obj) reply {
	f, refusal := c.check(schema.bodyOf(k), slices.Concat(schema.answerOf(k.path), []string{"prn"}), in, false, nil)
	if refusal != nil {
		return *refusal
	}
	one := func(m string) reply { return bad(obj{"non_field_errors": []any{m}}) }
	repoRef, versionRef := text(f["repository"]), text(f["repository_version"])
	switch {
	case repoRef == "" && versionRef == "":
		return one("Either the 'repository' or 'repository_version' need to be specified")
	case repoRef != "" && versionRef != "":
		return one("Either the 'repository' or 'repository_version' need to be specified but not both.")
	case f["checkpoint"] == true && repoRef == "":
		return one("Checkpoint publications must be created from a repository.")
	}
	if k == debApt && f["simple"] != true && f["structured"] == false {
		return one("one of simple or structured publishing mode must be selected")
	}
	if sum := f["checksum_type"]; k == rpmPublication && (sum == "unknown" || sum == "md5") {
		return one("Checksum must be one of the allowed checksum types.\nYou can adjust these with the 'ALLOWED_CONTENT_CHECKSUMS' setting.")
	}
	s := c.s
	v := s.findVersion(versionRef)
	if v == nil {
		repo := s.lookup(repoRef)
		if repo == nil || repo.repo == nil || repo.repo.latest() == nil {
			return bad(obj{"repository": []any{"Invalid hyperlink - Object does not exist."}})
		}
		v = repo.repo.latest()
	}
	delete(f, "repository")
	delete(f, "repository_version")
	repo := v.repo
	t := &task{name: publishTasks[k], cid: c.cid, subject: repo.name(), about: repo.href(), shared: []string{repo.prn()}}
	t.body = func(t *task) (any, error) {
		if repo.gone || s.versionIDs[v.id] == nil {
			return nil, taskError{text: "RepositoryVersion matching query does not exist."}
		}
		if repoRef != "" {
			v = repo.repo.latest()
		}
		pub, err := s.makePublication(k, v, f)
		if err != nil {
			return nil, err
		}
		t.made(pub.href(), pub.prn())
		if k == rpmPublication {
			t.report("Generating repository metadata", "publish.generating_metadata", 1, 1)
		}
		if k == rpmPublication || k == filePublication {
			return s.view(pub), nil
		}
		return nil, nil
	}
	s.pool.dispatch(t)
	return accepted(t)
}

// makePublication builds the files of a publication of v. The caller holds mu.
func (s *Server) makePublication(k *kind, v *version, f obj) (*object, error) {
	pub := s.newObject(k, f)
	pub.pub.version = v
	var err error
	switch k {
	case debApt:
		pub.pub.files, err = s.publishDeb(v, pub)
	case debVerbatim:
		pub.pub.files = publishVerbatim(v)
	case rpmPublication:
		pub.pub.files, err = s.publishRPM(v)
	case filePublication:
		pub.pub.files = s.publishFile(v, pub.str("manifest"))
	default:
		pub.pub.files = map[string]*artifact{}
	}
	if err != nil {
		return nil, err
	}
	s.keepPublication(pub)
	return pub, nil
}

// keepPublication puts a finished publication in place.
func (s *Server) keepPublication(pub *object) {
	s.add(pub)
	v := pub.pub.version
	v.pubs = append(v.pubs, pub)
	s.published(pub)
}

func (s *Server) deletePublication(pub *object) {
	v := pub.pub.version
	kept := make([]*object, 0, len(v.pubs))
	for _, p := range v.pubs {
		if p != pub {
			kept = append(kept, p)
		}
	}
	v.pubs = kept
	s.remove(pub)
}

// autopublish makes the publication that a new version of some repositories gets by itself, within the same task.
func (s *Server) autopublish(repo *object, v *version, t *task) error {
	if v == nil || !repo.flag("autopublish") {
		return nil
	}
	k := map[*plugin]*kind{deb: debApt, rpm: rpmPublication, file: filePublication, python: pythonPublication}[repo.kind.plugin]
	if k == nil {
		return nil
	}
	f := obj{}
	if m := repo.str("manifest"); k == filePublication && m != "" {
		f["manifest"] = m
	}
	pub, err := s.makePublication(k, v, f)
	if err != nil {
		return err
	}
	t.made(pub.href(), pub.prn())
	return nil
}
