// SPDX-License-Identifier: Apache-2.0

package pulpfake

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
)

const registryPrefix = "/v2/"

// image is what is read of a manifest, or of a list of manifests.
type image struct {
	SchemaVersion int       `json:"schemaVersion"`
	MediaType     string    `json:"mediaType"`
	Config        *blobOf   `json:"config,omitempty"`
	Layers        []blobOf  `json:"layers,omitempty"`
	Manifests     []*blobOf `json:"manifests,omitempty"`
}

type blobOf struct {
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
	Size      int    `json:"size"`
}

func digestOf(data []byte) string { return "sha256:" + sha256Hex(data) }

// fetchContainer reads a repository of a registry: its tags and what they name.
func (r *syncRun) fetchContainer(ctx context.Context) error {
	base, err := url.Parse(r.remote.url)
	if err != nil {
		return err
	}
	at := base.ResolveReference(&url.URL{Path: registryPrefix + r.remote.upstream + "/"}).String()
	raw, err := r.remote.get(ctx, at+"tags/list")
	if err != nil {
		return err
	}
	var list struct {
		Tags []string `json:"tags"`
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return taskError{text: "Expecting value: line 1 column 1 (char 0)"}
	}
	tags := slices.DeleteFunc(list.Tags, func(tag string) bool {
		in, out := r.remote.lists["includes"], r.remote.lists["excludes"]
		return (len(in) > 0 && !matchesAny(in, tag)) || matchesAny(out, tag)
	})
	before := r.remote.downloads
	for _, tag := range tags {
		digest, err := r.fetchImage(ctx, at, tag)
		if err != nil {
			return err
		}
		r.put(found{kind: containerTag, key: tag + " " + digest, slot: tag, f: obj{"name": tag, "digest": digest}})
	}
	n, downloaded := len(tags), max(0, r.remote.downloads-before-len(tags))
	r.report = func(t *task) {
		t.report("Downloading Artifacts", "sync.downloading.artifacts", nil, downloaded)
		t.report("Downloading tag list", "sync.downloading.tag_list", 1, 1)
		t.report("Processing Manifests", "sync.processing.manifest", n, n)
	}
	return nil
}

func matchesAny(patterns []string, tag string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, err := path.Match(p, tag)
		return ok && err == nil
	})
}

// fetchImage fetches what a tag or digest names, with all that belongs to it.
func (r *syncRun) fetchImage(ctx context.Context, at, reference string) (string, error) {
	raw, err := r.remote.get(ctx, at+"manifests/"+reference)
	if err != nil {
		return "", err
	}
	var m image
	if err := json.Unmarshal(raw, &m); err != nil {
		return "", taskError{text: "Expecting value: line 1 column 1 (char 0)"}
	}
	for _, listed := range m.Manifests {
		if _, err := r.fetchImage(ctx, at, listed.Digest); err != nil {
			return "", err
		}
	}
	blobs := m.Layers
	if m.Config != nil {
		blobs = append(blobs, *m.Config)
	}
	for _, b := range blobs {
		data, err := r.remote.checked(ctx, at+"blobs/"+b.Digest, strings.TrimPrefix(b.Digest, "sha256:"), r.s.known)
		if err != nil {
			return "", err
		}
		r.put(found{kind: containerBlob, key: b.Digest, f: obj{"digest": b.Digest}, arts: map[string][]byte{b.Digest: data}})
	}
	digest := digestOf(raw)
	r.put(found{
		kind: containerManifest, key: digest, f: obj{"digest": digest, "media_type": m.MediaType, "schema_version": m.SchemaVersion},
		arts: map[string][]byte{digest: raw},
	})
	return digest, nil
}

// tagged fills in what a tag names, once that is stored. The caller holds mu.
func (s *Server) tagged(u *unit) {
	if m := s.units[containerManifest.ptype+"\x00"+u.str("digest")]; u.kind == containerTag && m != nil {
		u.f["tagged_manifest"] = m.href()
	}
}

// Push puts an image into a repository as a client of the registry does: what is not there is made, the
// distribution follows the repository. It gives the manifest's digest.
func (s *Server) Push(basePath, tag, content string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.basePaths[basePath]
	if o == nil {
		repo := s.newObject(container.repository, obj{"name": basePath})
		s.add(repo)
		o = s.newObject(container.dist, obj{"name": basePath, "base_path": basePath, "repository": repo.href()})
		s.add(o)
		s.distributed(o, nil)
	}
	files := map[string][]byte{}
	digest := addImage(files, tag, content)
	repo := s.lookup(o.str("repository"))
	units := copyUnits(repo.repo.latest())
	slots := slotsOf(units)
	for at, data := range files {
		x := found{kind: containerBlob, key: digestOf(data), f: obj{"digest": digestOf(data)}, arts: map[string][]byte{digestOf(data): data}}
		switch {
		case strings.HasPrefix(at, "manifests/sha256:"):
			x.kind, x.f = containerManifest, obj{"digest": digest, "media_type": ociManifest, "schema_version": 2}
		case strings.HasPrefix(at, "manifests/"):
			continue
		}
		addUnit(units, slots, s.unit(x))
	}
	u := s.unit(found{kind: containerTag, key: tag + " " + digest, slot: tag, f: obj{"name": tag, "digest": digest}})
	s.tagged(u)
	addUnit(units, slots, u)
	s.replaceContent(repo, units, "")
	return digest
}

// registryFiles are what the registry serves of a version, by path below the repository.
func registryFiles(basePath string, v *version) map[string][]byte {
	files, tags := map[string][]byte{}, []string{}
	for u := range v.units {
		_, a := u.file()
		switch u.kind {
		case containerBlob:
			files["blobs/"+u.str("digest")] = a.data
		case containerManifest:
			files["manifests/"+u.str("digest")] = a.data
		}
	}
	for u := range v.units {
		if u.kind == containerTag {
			tags = append(tags, u.str("name"))
			files["manifests/"+u.str("name")] = files["manifests/"+u.str("digest")]
		}
	}
	slices.Sort(tags)
	files["tags/list"] = tagList(basePath, tags)
	return files
}

func tagList(name string, tags []string) []byte {
	raw, err := json.Marshal(struct {
		Name string   `json:"name"`
		Tags []string `json:"tags"`
	}{name, tags})
	if err != nil {
		panic(err) // texts only
	}
	return raw
}

// serveRegistry answers the registry's API. What is private needs the password.
func (s *Server) serveRegistry(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Docker-Distribution-Api-Version", "registry/2.0")
	at := strings.TrimPrefix(r.URL.Path, registryPrefix)
	s.mu.Lock()
	o, rel := s.distributionAt(at)
	var files map[string][]byte
	private := at == ""
	if o != nil && o.kind == container.dist {
		private = o.flag("private")
		if v := s.servedVersion(o); v != nil {
			files = registryFiles(o.str("base_path"), v)
		}
	}
	user, password, _ := r.BasicAuth()
	allowed := !private || (user == s.opt.Username && password == s.opt.Password)
	s.mu.Unlock()
	switch {
	case !allowed:
		w.Header().Set("WWW-Authenticate", `Basic realm="api"`)
		http.Error(w, `{"detail":"Authentication credentials were not provided."}`, http.StatusUnauthorized)
	case at == "":
		_, _ = w.Write([]byte("{}"))
	case files == nil:
		registryError(w, "NAME_UNKNOWN", "Repository not found.")
	case files[rel] == nil:
		registryError(w, "MANIFEST_UNKNOWN", "Manifest not found.")
	default:
		registryFile(w, r, rel, files[rel])
	}
}

func registryError(w http.ResponseWriter, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusNotFound)
	_ = json.NewEncoder(w).Encode(obj{"errors": []any{obj{"code": code, "message": message, "detail": obj{}}}})
}

// registryFile writes a manifest, a blob or the list of tags.
func registryFile(w http.ResponseWriter, r *http.Request, rel string, data []byte) {
	w.Header().Set("Content-Type", "application/octet-stream")
	switch {
	case rel == "tags/list":
		w.Header().Set("Content-Type", "application/json")
	case strings.HasPrefix(rel, "manifests/"):
		var m image
		_ = json.Unmarshal(data, &m)
		w.Header().Set("Content-Type", m.MediaType)
		w.Header().Set("Docker-Content-Digest", digestOf(data))
	}
	w.Header().Set("Content-Length", text(len(data)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(data)
	}
}
