// SPDX-License-Identifier: Apache-2.0

package pulpfake

import (
	"fmt"
	"net"
	"net/http"
	"sort"
	"strings"
	"sync"
	"time"
)

// Package describes one package or file of an upstream tree.
type Package struct {
	Name      string // for a file tree: its relative path
	Version   string
	Release   string // rpm; default "1"
	Arch      string // default amd64, x86_64
	Component string // deb; default the tree's first
	Depends   string // deb
	Body      string // more content, so that a package of the same version can differ
}

func (p Package) summary() string { return "fixture package " + p.Name }

// Upstream serves package trees for servers to sync from, real enough for a real Pulp, and can be told to fail.
// It is an http.Handler; a tree is below /<its name>/.
type Upstream struct {
	mu    sync.Mutex
	trees map[string]*Tree
	sign  *signer
}

// NewUpstream makes an upstream without trees.
func NewUpstream() *Upstream {
	return &Upstream{trees: map[string]*Tree{}, sign: newSigner("upstream")}
}

// PublicKey is the armored key that signed deb trees are signed with.
func (u *Upstream) PublicKey() string { return u.sign.public }

// Start serves on a free port of 127.0.0.1 until the test ends and returns the base URL, without a trailing slash.
func (u *Upstream) Start(t TB) string {
	t.Helper()
	base, stop, err := u.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatalf("upstream: %v", err)
	}
	t.Cleanup(stop)
	return base
}

// Listen serves on addr until stop is called.
func (u *Upstream) Listen(addr string) (base string, stop func(), err error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return "", nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	srv := &http.Server{Handler: u, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(l)
	}()
	stop = func() {
		_ = srv.Close()
		<-done
	}
	return "http://" + l.Addr().String(), stop, nil
}

// TreeKind is the format of a tree.
type TreeKind string

// The formats.
const (
	DebTree  TreeKind = "deb"
	RPMTree  TreeKind = "rpm"
	FileTree TreeKind = "file"
	// PythonTree is a package index; its files are wheels.
	PythonTree TreeKind = "python"
	// ContainerTree is a repository of a registry; a package of it is a tag.
	ContainerTree TreeKind = "container"
)

// Spec describes a tree.
type Spec struct {
	Kind          TreeKind
	Suite         string   // deb; default "stable"
	Components    []string // deb; default main
	Architectures []string // deb; default amd64
	Unsigned      bool     // deb: no InRelease, no Release.gpg
	Packages      []Package
}

// Tree is one package tree of an upstream. Every change takes effect with the next request.
type Tree struct {
	u    *Upstream
	name string
	spec Spec

	generation int
	files      map[string][]byte // nil: build again
	status     int
	failures   int // requests still to be answered with status; negative: all
	slow       time.Duration
	hang       chan struct{}
	corrupt    string
	missing    string
	html       bool
	requests   []string
}

// Add puts a new tree, or replaces the one of that name.
func (u *Upstream) Add(name string, spec Spec) *Tree {
	if spec.Suite == "" {
		spec.Suite = "stable"
	}
	if spec.Components == nil {
		spec.Components = []string{"main"}
	}
	if spec.Architectures == nil {
		spec.Architectures = []string{"amd64"}
	}
	t := &Tree{u: u, name: name, spec: spec, generation: 1}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.trees[name] = t
	return t
}

// URL is what a remote's url must be to sync the tree from an upstream served at base.
func (t *Tree) URL(base string) string {
	switch t.spec.Kind {
	case FileTree:
		return base + "/" + t.name + "/PULP_MANIFEST"
	case ContainerTree: // its name is the remote's upstream_name
		return base
	}
	return base + "/" + t.name + "/"
}

func (t *Tree) change(f func()) {
	t.u.mu.Lock()
	defer t.u.mu.Unlock()
	f()
	t.generation++
	t.files = nil
}

// Put adds packages; one of the same name, version and architecture is replaced.
func (t *Tree) Put(packages ...Package) {
	t.change(func() {
		for _, p := range packages {
			t.drop(func(x Package) bool { return x.Name == p.Name && x.Version == p.Version && x.Arch == p.Arch })
			t.spec.Packages = append(t.spec.Packages, p)
		}
	})
}

// Remove takes every version of some packages away.
func (t *Tree) Remove(names ...string) {
	t.change(func() { t.drop(func(x Package) bool { return contains(names, x.Name) }) })
}

// Empty takes all packages away; the metadata stays valid.
func (t *Tree) Empty() { t.change(func() { t.spec.Packages = nil }) }

// Touch re-dates and re-signs the metadata of the same packages.
func (t *Tree) Touch() { t.change(func() {}) }

// Sign switches signatures on or off.
func (t *Tree) Sign(on bool) { t.change(func() { t.spec.Unsigned = !on }) }

func (t *Tree) drop(which func(Package) bool) {
	kept := t.spec.Packages[:0:0]
	for _, x := range t.spec.Packages {
		if !which(x) {
			kept = append(kept, x)
		}
	}
	t.spec.Packages = kept
}

// Fail answers every request with status; 0 ends it.
func (t *Tree) Fail(status int) { t.FailTimes(status, -1) }

// FailTimes answers the next n requests with status.
func (t *Tree) FailTimes(status, n int) { t.misbehave(func() { t.status, t.failures = status, n }) }

// HTML answers every request with 200 and an html page, as a captive portal does.
func (t *Tree) HTML(on bool) { t.misbehave(func() { t.html = on }) }

// Slow delays every answer; 0 ends it.
func (t *Tree) Slow(d time.Duration) { t.misbehave(func() { t.slow = d }) }

// Hang leaves requests unanswered until release is called.
func (t *Tree) Hang() (release func()) {
	c := make(chan struct{})
	t.misbehave(func() { t.hang = c })
	return sync.OnceFunc(func() {
		t.misbehave(func() { t.hang = nil })
		close(c)
	})
}

// Corrupt serves wrong bytes for the files whose path ends so; "" ends it.
func (t *Tree) Corrupt(suffix string) { t.misbehave(func() { t.corrupt = suffix }) }

// Miss answers 404 for the files whose path ends so although the metadata lists them; "" ends it.
func (t *Tree) Miss(suffix string) { t.misbehave(func() { t.missing = suffix }) }

func (t *Tree) misbehave(f func()) {
	t.u.mu.Lock()
	defer t.u.mu.Unlock()
	f()
}

// Requests are the paths below the tree that were asked for, in order.
func (t *Tree) Requests() []string {
	t.u.mu.Lock()
	defer t.u.mu.Unlock()
	return append([]string{}, t.requests...)
}

// Files are the paths the tree serves now.
func (t *Tree) Files() []string {
	t.u.mu.Lock()
	defer t.u.mu.Unlock()
	return sortedKeys(t.content())
}

// File is what the tree serves at a path now, nil for nothing.
func (t *Tree) File(path string) []byte {
	t.u.mu.Lock()
	defer t.u.mu.Unlock()
	return t.content()[path]
}

// ServeHTTP serves the trees.
func (u *Upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	u.mu.Lock()
	t := u.trees[name]
	if name == "v2" {
		if path == "" { // a registry, in the words of its API
			u.mu.Unlock()
			_, _ = w.Write([]byte("{}"))
			return
		}
		t, path = u.registryTree(path)
	}
	if t == nil {
		u.mu.Unlock()
		http.NotFound(w, r)
		return
	}
	t.requests = append(t.requests, path)
	status, slow, hang, html := t.status, t.slow, t.hang, t.html
	if t.failures == 0 {
		status = 0
	} else if t.failures > 0 {
		t.failures--
	}
	data, found := t.content()[path]
	if t.missing != "" && strings.HasSuffix(path, t.missing) {
		found = false
	}
	if found && t.corrupt != "" && strings.HasSuffix(path, t.corrupt) {
		data = append([]byte("damaged "), data...)
	}
	u.mu.Unlock()
	if hang != nil {
		select {
		case <-hang:
		case <-r.Context().Done():
			return
		}
	}
	pause(r, slow)
	switch {
	case status != 0:
		http.Error(w, http.StatusText(status), status)
	case html:
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<html><head><title>Please log in</title></head><body><p>Please log in</p></body></html>\n"))
	case !found:
		http.NotFound(w, r)
	case t.answerIndex(w, r, path, data):
	default:
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Content-Length", fmt.Sprint(len(data)))
		if r.Method != http.MethodHead {
			_, _ = w.Write(data)
		}
	}
}

// content builds the tree's files if they changed. The caller holds mu.
func (t *Tree) content() map[string][]byte {
	if t.files != nil {
		return t.files
	}
	switch t.spec.Kind {
	case DebTree:
		t.files = t.debFiles()
	case RPMTree:
		t.files = t.rpmFiles()
	case PythonTree:
		t.files = t.pythonFiles()
	case ContainerTree:
		t.files = t.containerFiles()
	default:
		t.files = t.plainFiles()
	}
	return t.files
}

func (t *Tree) date() time.Time { return epoch.Add(time.Duration(t.generation) * time.Minute) }

func (t *Tree) debFiles() map[string][]byte {
	files := map[string][]byte{}
	index := map[string]*strings.Builder{}
	for _, c := range t.spec.Components {
		for _, a := range t.spec.Architectures {
			index[c+"/binary-"+a+"/Packages"] = &strings.Builder{}
		}
	}
	pkgs := append([]Package{}, t.spec.Packages...)
	sort.SliceStable(pkgs, func(i, j int) bool { return pkgs[i].Name < pkgs[j].Name })
	for _, p := range pkgs {
		if p.Component == "" {
			p.Component = t.spec.Components[0]
		}
		if p.Arch == "" {
			p.Arch = t.spec.Architectures[0]
		}
		body := buildDeb(p)
		at := fmt.Sprintf("pool/%s/%s/%s/%s_%s_%s.deb", p.Component, p.Name[:1], p.Name, p.Name, p.Version, p.Arch)
		files[at] = body
		depends := ""
		if p.Depends != "" {
			depends = "Depends: " + p.Depends + "\n"
		}
		entry := fmt.Sprintf("Package: %s\nArchitecture: %s\nVersion: %s\nPriority: optional\nSection: misc\nMaintainer: %s\n%sFilename: %s\nSize: %d\nMD5sum: %s\nSHA256: %s\nDescription: %s\n\n",
			p.Name, p.Arch, p.Version, maintainer, depends, at, len(body), md5Hex(body), sha256Hex(body), p.summary())
		for _, a := range t.spec.Architectures {
			if b := index[p.Component+"/binary-"+a+"/Packages"]; b != nil && (p.Arch == a || p.Arch == "all") {
				b.WriteString(entry)
			}
		}
	}
	r := debRelease822{
		suite: t.spec.Suite, origin: "Fixture", archs: t.spec.Architectures, comps: t.spec.Components, date: t.date(),
		index: map[string][]byte{},
	}
	for p, b := range index {
		r.index[p] = []byte(b.String())
	}
	key := t.u.sign
	if t.spec.Unsigned {
		key = nil
	}
	made, err := r.build(key)
	if err != nil {
		panic(fmt.Sprintf("pulpfake: building the tree %s: %v", t.name, err)) // only a broken random source
	}
	for p, data := range made {
		files[p] = data
	}
	return files
}

func (t *Tree) rpmFiles() map[string][]byte {
	files := map[string][]byte{}
	var entries []rpmEntry
	for _, p := range t.spec.Packages {
		if p.Release == "" {
			p.Release = "1"
		}
		if p.Arch == "" {
			p.Arch = "x86_64"
		}
		body := []byte("placeholder of the rpm " + p.Name + "-" + p.Version + "-" + p.Release + "." + p.Arch + "\n" + p.Body)
		at := fmt.Sprintf("Packages/%s-%s-%s.%s.rpm", p.Name, p.Version, p.Release, p.Arch)
		files[at] = body
		entries = append(entries, rpmEntry{
			name: p.Name, epoch: "0", version: p.Version, release: p.Release, arch: p.Arch, summary: p.summary(), sum: sha256Hex(body),
			size: len(body), href: at,
		})
	}
	for p, data := range repodata(entries, fmt.Sprint(t.date().Unix())) {
		files[p] = data
	}
	return files
}
