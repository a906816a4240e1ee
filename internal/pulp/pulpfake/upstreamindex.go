// SPDX-License-Identifier: Apache-2.0

package pulpfake

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sort"
	"strings"
)

// here stands in a tree's files for the address it is served at.
const here = "@HERE@"

// pythonFiles are a package index: simple/ for people's tools, pypi/ for a sync. The files are no real wheels.
func (t *Tree) pythonFiles() map[string][]byte {
	files := map[string][]byte{}
	all := map[string]*project{}
	for _, p := range t.spec.Packages {
		name := normalName(p.Name)
		if all[name] == nil {
			all[name] = &project{Info: map[string]any{"name": p.Name, "version": p.Version, "metadata_version": "2.1", "summary": p.summary()}, Releases: map[string][]projectFile{}, Serial: 1, URLs: []projectFile{}}
		}
		file := strings.ReplaceAll(p.Name, "-", "_") + "-" + p.Version + "-py3-none-any.whl"
		body := []byte("placeholder of the wheel " + file + "\n" + p.Body)
		files["files/"+file] = body
		all[name].Releases[p.Version] = append(all[name].Releases[p.Version], projectFile{
			Filename: file, Type: "bdist_wheel", URL: here + "files/" + file, Digests: map[string]string{"sha256": sha256Hex(body)}, Size: len(body),
		})
	}
	page := func(title string, names []string, link func(string) string) []byte {
		var b bytes.Buffer
		simplePage(&b, title, names, link)
		return b.Bytes()
	}
	files["simple/"] = page("Simple Index", sortedKeys(all), func(name string) string { return name + "/" })
	for name, p := range all {
		links := map[string]string{}
		for _, release := range p.Releases {
			for _, f := range release {
				links[f.Filename] = "../../files/" + f.Filename + "#sha256=" + f.Digests["sha256"]
			}
		}
		files["simple/"+name+"/"] = page("Links for "+name, sortedKeys(links), func(file string) string { return links[file] })
		raw, err := json.Marshal(p)
		if err != nil {
			panic(err) // texts and numbers only
		}
		files["pypi/"+name+"/json"] = raw
	}
	return files
}

const ociManifest = "application/vnd.oci.image.manifest.v1+json"

// addImage puts an image of one layer below a registry's repository, and gives its manifest's digest. The
// layer is no real archive.
func addImage(files map[string][]byte, tag, content string) string {
	put := func(data []byte, kind string) blobOf {
		files["blobs/"+digestOf(data)] = data
		return blobOf{MediaType: "application/vnd.oci.image." + kind, Digest: digestOf(data), Size: len(data)}
	}
	layer := put([]byte("placeholder of a layer\n"+content), "layer.v1.tar+gzip")
	config := put([]byte(`{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":["`+layer.Digest+`"]}}`), "config.v1+json")
	raw, err := json.Marshal(image{SchemaVersion: 2, MediaType: ociManifest, Config: &config, Layers: []blobOf{layer}})
	if err != nil {
		panic(err) // texts and numbers only
	}
	files["manifests/"+tag], files["manifests/"+digestOf(raw)] = raw, raw
	return digestOf(raw)
}

// containerFiles are a repository of a registry. A package is a tag: its name, with the content that version and body give.
func (t *Tree) containerFiles() map[string][]byte {
	files, tags := map[string][]byte{}, []string{}
	for _, p := range t.spec.Packages {
		addImage(files, p.Name, p.Version+p.Body)
		tags = append(tags, p.Name)
	}
	slices.Sort(tags)
	files["tags/list"] = tagList(t.name, tags)
	return files
}

// registryTree finds the tree whose name a path of the registry's API begins with, and the rest of the path.
// The caller holds mu.
func (u *Upstream) registryTree(at string) (*Tree, string) {
	for name, t := range u.trees {
		if rest, ok := strings.CutPrefix(at, name+"/"); ok && t.spec.Kind == ContainerTree {
			return t, rest
		}
	}
	return nil, ""
}

// answerIndex writes a file of a package index or of a registry, and tells whether the tree is one.
func (t *Tree) answerIndex(w http.ResponseWriter, r *http.Request, path string, data []byte) bool {
	switch t.spec.Kind {
	case ContainerTree:
		registryFile(w, r, path, data)
		return true
	case PythonTree:
		w.Header().Set(lastSerial, "1")
		w.Header().Set("Content-Type", "text/html")
		if strings.HasPrefix(path, "pypi/") {
			w.Header().Set("Content-Type", "application/json")
			data = bytes.ReplaceAll(data, []byte(here), []byte("http://"+r.Host+"/"+t.name+"/"))
		}
		w.Header().Set("Content-Length", text(len(data)))
		if r.Method != http.MethodHead {
			_, _ = w.Write(data)
		}
		return true
	}
	return false
}

func (t *Tree) plainFiles() map[string][]byte {
	files := map[string][]byte{}
	var lines []string
	for _, p := range t.spec.Packages {
		body := []byte(p.Name + " " + p.Version + "\n" + p.Body)
		files[p.Name] = body
		lines = append(lines, fmt.Sprintf("%s,%s,%d\n", p.Name, sha256Hex(body), len(body)))
	}
	sort.Strings(lines)
	files["PULP_MANIFEST"] = []byte(strings.Join(lines, ""))
	return files
}
