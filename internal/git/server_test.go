// SPDX-License-Identifier: Apache-2.0

package git

import (
	"bytes"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
)

// upstream is a Git repository on this machine and over HTTP.
type upstream struct {
	dir        string
	repository *git.Repository
	user, pass string // asked for over HTTP; empty: nobody is asked

	mu     sync.Mutex
	depths []packp.Depth // of the fetches so far
}

// newUpstream makes a repository with two commits on main and one on branch testing.
func newUpstream(t *testing.T) *upstream {
	t.Helper()
	u := &upstream{dir: t.TempDir()}
	var err error
	u.repository, err = git.PlainInitWithOptions(u.dir, &git.PlainInitOptions{InitOptions: git.InitOptions{DefaultBranch: plumbing.NewBranchReferenceName("main")}})
	if err != nil {
		t.Fatal(err)
	}
	u.commit(t, map[string]string{"defs/remote/old.json": "old", "README": "read me"})
	u.commit(t, map[string]string{"defs/remote/a.json": "a", "defs/remote/old.json": "", "other/b.json": "b"})
	tree, err := u.repository.Worktree()
	if err != nil {
		t.Fatal(err)
	}
	if err := tree.Checkout(&git.CheckoutOptions{Branch: plumbing.NewBranchReferenceName("testing"), Create: true}); err != nil {
		t.Fatal(err)
	}
	u.commit(t, map[string]string{"defs/remote/t.json": "t"})
	if err := tree.Checkout(&git.CheckoutOptions{Branch: plumbing.NewBranchReferenceName("main")}); err != nil {
		t.Fatal(err)
	}
	return u
}

// commit writes files and commits them; an empty text removes one.
func (u *upstream) commit(t *testing.T, files map[string]string) {
	t.Helper()
	tree, err := u.repository.Worktree()
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		full := filepath.Join(u.dir, name)
		if text == "" {
			if _, err := tree.Remove(name); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := tree.Add(name); err != nil {
			t.Fatal(err)
		}
	}
	who := &object.Signature{Name: "A", Email: "a@example.com", When: time.Unix(1.7e9, 0)}
	if _, err := tree.Commit("change", &git.CommitOptions{Author: who}); err != nil {
		t.Fatal(err)
	}
}

// serve serves the repository as /repo.git, shallowly, as Git's own server does.
func (u *upstream) serve(t *testing.T, tls bool) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /repo.git/info/refs", func(w http.ResponseWriter, _ *http.Request) {
		if err := u.advertise(w); err != nil {
			t.Error(err)
		}
	})
	mux.HandleFunc("POST /repo.git/git-upload-pack", func(w http.ResponseWriter, r *http.Request) {
		if err := u.send(w, r.Body); err != nil {
			t.Error(err)
		}
	})
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, pass, _ := r.BasicAuth(); u.user != "" && (user != u.user || pass != u.pass) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		mux.ServeHTTP(w, r)
	})
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	if tls {
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	return server
}

func (u *upstream) advertise(w io.Writer) error {
	refs := packp.NewAdvRefs()
	refs.Prefix = [][]byte{[]byte("# service=git-upload-pack"), pktline.Flush}
	if err := refs.Capabilities.Set(capability.Shallow); err != nil {
		return err
	}
	iter, err := u.repository.References()
	if err != nil {
		return err
	}
	err = iter.ForEach(func(ref *plumbing.Reference) error { return refs.AddReference(ref) })
	if err != nil {
		return err
	}
	if head, err := u.repository.Head(); err == nil {
		hash := head.Hash()
		refs.Head = &hash
	}
	return refs.Encode(w)
}

// send answers a fetch with the wanted commits alone.
func (u *upstream) send(w io.Writer, body io.Reader) error {
	req := packp.NewUploadPackRequest()
	if err := req.UploadRequest.Decode(body); err != nil {
		return err
	}
	u.mu.Lock()
	u.depths = append(u.depths, req.Depth)
	u.mu.Unlock()
	var hashes []plumbing.Hash
	for _, want := range req.Wants {
		commit, err := u.repository.CommitObject(want)
		if err != nil {
			return err
		}
		tree, err := commit.Tree()
		if err != nil {
			return err
		}
		hashes = append(hashes, want, tree.Hash)
		walker := object.NewTreeWalker(tree, true, nil)
		for {
			_, entry, err := walker.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return err
			}
			hashes = append(hashes, entry.Hash)
		}
		walker.Close()
	}
	var pack bytes.Buffer
	if _, err := packfile.NewEncoder(&pack, u.repository.Storer, false).Encode(hashes, 0); err != nil {
		return err
	}
	resp := packp.NewUploadPackResponseWithPackfile(req, io.NopCloser(&pack))
	resp.Shallows = req.Wants
	return resp.Encode(w)
}

// tree gives the files below a folder: path → text.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		files[strings.TrimPrefix(path, dir+"/")] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
