// SPDX-License-Identifier: Apache-2.0

package pulpfake

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

const (
	pypiPrefix = "/pypi/"
	// lastSerial is the header without which bandersnatch, which syncs for Pulp, takes an answer for stale.
	lastSerial = "X-PyPI-Last-Serial"
)

// project is what an index tells of one project as JSON, as far as a sync looks at it.
type project struct {
	Info     map[string]any           `json:"info"`
	Releases map[string][]projectFile `json:"releases"`
	Serial   int                      `json:"last_serial"`
	URLs     []projectFile            `json:"urls"`
}

type projectFile struct {
	Filename string            `json:"filename"`
	Type     string            `json:"packagetype"`
	URL      string            `json:"url"`
	Digests  map[string]string `json:"digests"`
	Size     int               `json:"size"`
}

// fetchPython reads an index. Like Pulp it only leaves out a project that is not there, or whose pages
// cannot be read; where the list of all of them cannot be read, it fails.
func (r *syncRun) fetchPython(ctx context.Context) error {
	names, err := r.projects(ctx)
	if err != nil {
		return err
	}
	base, read := strings.TrimRight(r.remote.url, "/"), 0
	var files []found
	for _, name := range names {
		raw, err := r.remote.get(ctx, base+"/pypi/"+name+"/json")
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var p project
		if err != nil || r.remote.header.Get(lastSerial) == "" || json.Unmarshal(raw, &p) != nil {
			continue
		}
		read++
		if _, err := r.remote.get(ctx, base+"/simple/"+name+"/"); err != nil {
			continue
		}
		files = append(files, r.filtered(name, p)...)
	}
	downloaded := 0
	for _, x := range files {
		sum := text(x.f["sha256"])
		had := r.s.known(sum) != nil
		data, err := r.remote.checked(ctx, text(x.f["url"]), sum, r.s.known)
		if err != nil {
			return err
		}
		if !had {
			downloaded++
		}
		delete(x.f, "url")
		x.arts = map[string][]byte{text(x.f["filename"]): data}
		r.put(x)
	}
	r.report = func(t *task) {
		t.report("Fetching Project Metadata", "sync.fetching.project", nil, read)
		t.report("Downloading Artifacts", "sync.downloading.artifacts", nil, downloaded)
	}
	return nil
}

// projects are the names of what is to be synced: what the remote includes, or all there is.
func (r *syncRun) projects(ctx context.Context) ([]string, error) {
	var names []string
	for _, x := range r.remote.lists["includes"] {
		names = append(names, normalName(requirementName(x)))
	}
	if names == nil {
		base, err := url.Parse(r.remote.url)
		if err != nil {
			return nil, err
		}
		page, err := r.remote.get(ctx, base.ResolveReference(&url.URL{Path: "simple/"}).String())
		if err != nil {
			return nil, err
		}
		for _, m := range anchorPattern.FindAllStringSubmatch(string(page), -1) {
			names = append(names, normalName(strings.Trim(html.UnescapeString(m[1]), "/")))
		}
	}
	excluded := map[string]bool{}
	for _, x := range r.remote.lists["excludes"] {
		excluded[normalName(requirementName(x))] = true
	}
	names = slices.DeleteFunc(names, func(n string) bool { return excluded[n] })
	slices.Sort(names)
	return slices.Compact(names), nil
}

var (
	anchorPattern   = regexp.MustCompile(`<a href="([^"]*)"`)
	namePattern     = regexp.MustCompile(`^[A-Za-z0-9._-]+`)
	preRelease      = regexp.MustCompile(`[0-9](a|b|rc|\.?dev)[0-9]`)
	separatorsInPEP = regexp.MustCompile(`[-_.]+`)
)

func requirementName(x string) string { return namePattern.FindString(x) }
func normalName(x string) string      { return strings.ToLower(separatorsInPEP.ReplaceAllString(x, "-")) }

// filtered gives the files of a project that the remote's other settings leave. Versions that are asked for are
// compared for equality only.
func (r *syncRun) filtered(name string, p project) (res []found) {
	wanted := ""
	for _, x := range r.remote.lists["includes"] {
		if normalName(requirementName(x)) == name {
			_, wanted, _ = strings.Cut(x, "==")
		}
	}
	for _, version := range sortedKeys(p.Releases) {
		if (wanted != "" && wanted != version) || (!r.remote.prereleases && preRelease.MatchString(version)) {
			continue
		}
		for _, f := range p.Releases[version] {
			if types := r.remote.lists["package_types"]; len(types) > 0 && !contains(types, f.Type) {
				continue
			}
			res = append(res, found{
				kind: pythonPackage, key: f.Digests["sha256"], slot: f.Filename,
				f: obj{
					"name": text(p.Info["name"]), "name_normalized": name, "version": version, "filename": f.Filename, "packagetype": f.Type,
					"sha256": f.Digests["sha256"], "url": f.URL, "size": f.Size,
				},
			})
		}
	}
	return res
}

// servedVersion is the version that a distribution of a type without publications serves, nil for none.
func (s *Server) servedVersion(o *object) *version {
	if p := s.lookup(o.str("publication")); p != nil && p.pub != nil {
		return p.pub.version
	}
	if repo := s.lookup(o.str("repository")); repo != nil && repo.repo != nil {
		return repo.repo.latest()
	}
	return s.findVersion(o.str("repository_version"))
}

// fileOfVersion finds a file of a python distribution, which the content app serves by its name.
func (s *Server) fileOfVersion(o *object, rel string) *artifact {
	v := s.servedVersion(o)
	if v == nil {
		return nil
	}
	for u := range v.units {
		if a := u.arts[rel]; a != nil {
			return a
		}
	}
	return nil
}

// servePyPI answers the index below /pypi/{base path}/.
func (s *Server) servePyPI(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	o, rel := s.distributionAt(strings.TrimPrefix(r.URL.Path, pypiPrefix))
	var v *version
	if o != nil && o.kind == python.dist {
		v = s.servedVersion(o)
	}
	var files map[string][]*unit
	if v != nil {
		files = map[string][]*unit{}
		for u := range v.units {
			name := normalName(u.str("name"))
			files[name] = append(files[name], u)
		}
	}
	redirects := v != nil && v.newestPublication() != nil
	origin := s.origin
	s.mu.Unlock()
	if v == nil {
		http.Error(w, "404 Not Found", http.StatusNotFound)
		return
	}
	at := origin + contentPrefix + o.str("base_path") + "/"
	if redirects && strings.HasPrefix(rel, "simple/") {
		http.Redirect(w, r, at+rel, http.StatusFound)
		return
	}
	w.Header().Set(lastSerial, "1000000000")
	parts := strings.Split(strings.Trim(rel, "/"), "/")
	switch {
	case rel == "simple/":
		w.Header().Set("Content-Type", "text/html")
		simplePage(w, "Simple Index", sortedKeys(files), func(name string) string { return name + "/" })
	case len(parts) == 2 && parts[0] == "simple" && files[parts[1]] != nil:
		byName := map[string]*unit{}
		for _, u := range files[parts[1]] {
			byName[u.str("filename")] = u
		}
		w.Header().Set("Content-Type", "text/html")
		simplePage(w, "Links for "+parts[1], sortedKeys(byName), func(file string) string { return at + file + "#sha256=" + byName[file].str("sha256") })
	case len(parts) == 3 && parts[0] == "pypi" && parts[2] == "json" && files[parts[1]] != nil:
		p := project{Info: obj{"name": files[parts[1]][0].str("name")}, Releases: map[string][]projectFile{}}
		for _, u := range files[parts[1]] {
			p.Releases[u.str("version")] = append(p.Releases[u.str("version")], projectFile{
				Filename: u.str("filename"), Type: u.str("packagetype"), URL: at + u.str("filename"), Digests: map[string]string{"sha256": u.str("sha256")},
			})
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(p)
	default:
		http.Error(w, "does not exist.", http.StatusNotFound)
	}
}

// simplePage writes a page of a simple index (PEP 503).
func simplePage(w io.Writer, title string, names []string, link func(string) string) {
	_, _ = fmt.Fprintf(w, "<!DOCTYPE html>\n<html>\n<head><title>%s</title></head>\n<body>\n", html.EscapeString(title))
	for _, n := range names {
		_, _ = fmt.Fprintf(w, "<a href=\"%s\">%s</a><br/>\n", html.EscapeString(link(n)), html.EscapeString(n))
	}
	_, _ = fmt.Fprint(w, "</body>\n</html>")
}
