// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// primaries is how many of the servers have repositories from upstream; the others mirror them in turn.
const primaries = 2

// simulatedFleet is a simulated fleet with an upstream that changes.
type simulatedFleet struct {
	servers   []*pulpfake.Server // the primaries first
	primaries int
	upstream  *upstream

	close []func()
}

// newFleet makes a fleet whose servers hold nothing yet.
func newFleet(seed uint64, servers, repositories int) (_ *simulatedFleet, err error) {
	f := &simulatedFleet{primaries: primaries, upstream: newUpstream(repositories)}
	defer func() {
		if err != nil {
			f.end()
		}
	}()
	var stop func()
	if f.upstream.base, stop, err = f.upstream.trees.Listen("127.0.0.1:0"); err != nil {
		return nil, err
	}
	f.close = append(f.close, stop)
	for i := range servers {
		s := pulpfake.New(pulpfake.Options{
			Name: fmt.Sprintf("server-%02d", i), Seed: seed + uint64(i), Workers: 4, TaskDuration: taskDuration(seed + uint64(i)),
		})
		f.close = append(f.close, s.Close)
		if _, err := s.Listen("127.0.0.1:0"); err != nil {
			return nil, err
		}
		f.servers = append(f.servers, s)
	}
	return f, nil
}

// end stops all servers.
func (f *simulatedFleet) end() {
	for i := len(f.close) - 1; i >= 0; i-- {
		f.close[i]()
	}
}

// source gives the primary that a server mirrors; nil for a primary.
func (f *simulatedFleet) source(server int) *pulpfake.Server {
	if server < f.primaries {
		return nil
	}
	return f.servers[server%f.primaries]
}

func name(s *pulpfake.Server) string { return strings.TrimPrefix(s.Base(), "http://") }

// taskDuration is how long Pulp tasks take: syncs up to 0.8 s, publications up to 0.3 s, all else nothing.
func taskDuration(seed uint64) func(task, repository string) time.Duration {
	return func(task, repository string) time.Duration {
		h := fnv.New64a()
		_, _ = h.Write([]byte(task + "\x00" + repository))
		r := rand.New(rand.NewPCG(seed, h.Sum64()))
		switch {
		case strings.Contains(task, "synchronize"):
			return between(r, 50*time.Millisecond, 800*time.Millisecond)
		case strings.Contains(task, "publish"):
			return between(r, 20*time.Millisecond, 300*time.Millisecond)
		}
		return 0
	}
}

// repository is one that comes from upstream.
type repository struct {
	name string // on the servers
	kind string
	feed string // name of the tree
	base string // what its base path begins with
}

// basePath is where its distribution is.
func (r repository) basePath() string { return r.base + "/" + r.name }

// types are the types of the repositories in turn, most of them those that most people have.
var types = []string{"deb", "rpm", "file", "deb", "rpm", "file", "deb", "rpm", "python", "container"}

// upstream has a tree for each repository. All packages of a tree are of one generation, so that a mix can be told.
type upstream struct {
	base         string
	trees        *pulpfake.Upstream
	repositories []repository

	mu         sync.Mutex
	tree       map[string]*pulpfake.Tree
	generation map[string]int
}

func newUpstream(repositories int) *upstream {
	u := &upstream{trees: pulpfake.NewUpstream(), tree: map[string]*pulpfake.Tree{}, generation: map[string]int{}}
	for i := range repositories {
		feed := fmt.Sprintf("chaos-%03d", i)
		u.repositories = append(u.repositories, repository{name: "ext-" + feed, kind: types[i%len(types)], feed: feed, base: "chaos"})
	}
	for _, r := range u.repositories {
		u.change(r)
	}
	return u
}

// change puts the next generation in the place of a tree, in one moment.
func (u *upstream) change(r repository) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.generation[r.name]++
	u.tree[r.name] = u.trees.Add(r.feed, specOf(r, u.generation[r.name]))
}

// newest gives the generation that upstream has now.
func (u *upstream) newest(r repository) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.generation[r.name]
}

// of gives the tree that is served now.
func (u *upstream) of(r repository) *pulpfake.Tree {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.tree[r.name]
}

// specOf is what a tree holds in a generation. Indices that are read file by file hold one package: a change
// while Pulp reads them gives a mix that is upstream's.
func specOf(r repository, generation int) pulpfake.Spec {
	version := fmt.Sprintf("%d.0", generation)
	pair := []pulpfake.Package{{Name: "alpha", Version: version, Body: r.feed}, {Name: "beta", Version: version, Body: r.feed}}
	switch r.kind {
	case "deb":
		return pulpfake.Spec{Kind: pulpfake.DebTree, Suite: "stable", Packages: pair}
	case "rpm":
		return pulpfake.Spec{Kind: pulpfake.RPMTree, Packages: pair}
	case "python":
		return pulpfake.Spec{Kind: pulpfake.PythonTree, Packages: pair[:1]}
	case "container":
		return pulpfake.Spec{Kind: pulpfake.ContainerTree, Packages: []pulpfake.Package{{Name: "latest", Version: version, Body: r.feed}}}
	}
	return pulpfake.Spec{Kind: pulpfake.FileTree, Packages: []pulpfake.Package{
		{Name: "alpha.txt", Body: "generation " + version}, {Name: "beta.txt", Body: "generation " + version},
	}}
}
