// SPDX-License-Identifier: Apache-2.0

package git

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// secrets knows one secret.
type secrets struct{ ref, value string }

func (s secrets) Secret(_ context.Context, ref fleet.SecretRef) (fleet.Secret, error) {
	if string(ref) != s.ref {
		return fleet.Secret{}, fault.New(fault.NotFound, "secret %s is not there", ref)
	}
	return fleet.NewSecret(s.value), nil
}

// checkout gives the files that a checkout hands over, and sees to it that nothing is left behind.
func checkout(t *testing.T, s Source) (map[string]string, error) {
	t.Helper()
	s.TempDir = t.TempDir()
	var files map[string]string
	err := s.Checkout(t.Context(), func(dir string) error {
		files = tree(t, dir)
		return nil
	})
	if left, readErr := os.ReadDir(s.TempDir); readErr != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, readErr)
	}
	return files, err
}

func TestCheckout(t *testing.T) {
	u := newUpstream(t)
	server := u.serve(t, false)
	defaults := map[string]string{"README": "read me", "defs/remote/a.json": "a", "other/b.json": "b"}
	for name, c := range map[string]struct {
		source Source
		want   map[string]string
	}{
		"http":           {Source{URL: server.URL + "/repo.git"}, defaults},
		"http, folder":   {Source{URL: server.URL + "/repo.git", Dir: "defs/"}, map[string]string{"remote/a.json": "a"}},
		"http, branch":   {Source{URL: server.URL + "/repo.git", Dir: "defs/remote", Branch: "testing"}, map[string]string{"a.json": "a", "t.json": "t"}},
		"path":           {Source{URL: u.dir}, defaults},
		"file, bare":     {Source{URL: "file://" + filepath.Join(u.dir, ".git"), Dir: "."}, defaults},
		"path, branch":   {Source{URL: u.dir, Dir: "/defs/remote/", Branch: "testing"}, map[string]string{"a.json": "a", "t.json": "t"}},
		"file in folder": {Source{URL: u.dir, Dir: "other"}, map[string]string{"b.json": "b"}},
	} {
		files, err := checkout(t, c.source)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(c.want, files); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	for _, depth := range u.depths { // D77: one commit, not the history
		if fmt.Sprint(depth) != "1" {
			t.Errorf("fetched to depth %v", depth)
		}
	}
	if len(u.depths) != 3 {
		t.Errorf("%d fetches over HTTP", len(u.depths))
	}
}

func TestLogin(t *testing.T) { // D77
	u := newUpstream(t)
	u.user, u.pass = "reader", "hunter2"
	server := u.serve(t, true)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	address := server.URL + "/repo.git"
	withLogin := strings.Replace(address, "https://", "https://reader:hunter2@", 1)
	withToken := strings.Replace(address, "https://", "https://hunter2@", 1)
	vault := secrets{"env:TOKEN", "hunter2"}
	for name, c := range map[string]struct {
		source Source
		kind   fault.Kind
		text   string // of the error; empty: none
	}{
		"given":        {Source{URL: address, Username: "reader", Password: "env:TOKEN", Secrets: vault, CA: ca}, 0, ""},
		"in the URL":   {Source{URL: withLogin, CA: ca}, 0, ""},
		"given wins":   {Source{URL: strings.Replace(withLogin, "hunter2", "old", 1), Password: "env:TOKEN", Secrets: vault, CA: ca}, 0, ""},
		"none":         {Source{URL: address, CA: ca}, fault.Forbidden, "the login is refused"},
		"wrong":        {Source{URL: withToken, CA: ca}, fault.Forbidden, "the login is refused"},
		"no secret":    {Source{URL: address, Password: "env:NOPE", Secrets: vault, CA: ca}, fault.NotFound, "secret env:NOPE is not there"},
		"unknown CA":   {Source{URL: withLogin}, fault.Unavailable, "certificate"},
		"no such repo": {Source{URL: strings.Replace(withLogin, "repo.git", "nope.git", 1), CA: ca}, fault.NotFound, "is not there, or not for this login"},
	} {
		files, err := checkout(t, c.source)
		if c.text == "" {
			if err != nil || len(files) != 3 {
				t.Errorf("%s: %v %v", name, files, err)
			}
			continue
		}
		if !fault.Is(err, c.kind) || !strings.Contains(fault.Message(err), c.text) {
			t.Errorf("%s: %v (%v)", name, err, fault.KindOf(err))
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v shows the login", name, err)
		}
	}
}

func TestProblems(t *testing.T) {
	u := newUpstream(t)
	server := u.serve(t, false)
	empty := &upstream{dir: t.TempDir()}
	var err error
	if empty.repository, err = git.PlainInit(empty.dir, false); err != nil {
		t.Fatal(err)
	}
	emptyServer := empty.serve(t, false)
	for name, c := range map[string]struct {
		source Source
		kind   fault.Kind
		text   string
	}{
		"branch over http": {Source{URL: server.URL + "/repo.git", Branch: "nope"}, fault.Invalid, "has no branch nope"},
		"branch of a path": {Source{URL: u.dir, Branch: "nope"}, fault.Invalid, "has no branch nope"},
		"folder":           {Source{URL: u.dir, Dir: "nope"}, fault.Invalid, "has no folder nope"},
		"file for folder":  {Source{URL: u.dir, Dir: "README"}, fault.Invalid, "has no folder README"},
		"empty over http":  {Source{URL: emptyServer.URL + "/repo.git"}, fault.Invalid, "is empty"},
		"empty path":       {Source{URL: empty.dir}, fault.Invalid, "has no default branch"},
		"no repository":    {Source{URL: t.TempDir()}, fault.NotFound, "is not there"},
		"no URL":           {Source{URL: "http://h:port/x"}, fault.Unavailable, "cannot be fetched"},
		"refused":          {Source{URL: "http://" + closed(t) + "/repo.git"}, fault.Unavailable, "connection refused"},
		"refused, ssh":     {Source{URL: "ssh://git@" + closed(t) + "/repo.git"}, fault.Unavailable, "connection refused"},
		"not ssh":          {Source{URL: "ssh://git@" + server.Listener.Addr().String() + "/repo.git", Timeout: 200 * time.Millisecond}, fault.Unavailable, ""},
	} {
		_, err := checkout(t, c.source)
		if !fault.Is(err, c.kind) || !strings.Contains(fault.Message(err), c.text) || fault.Hint(err) == "" {
			t.Errorf("%s: %v (%v)", name, err, fault.KindOf(err))
		}
	}
}

// closed gives an address where nobody listens.
func closed(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// A server that takes the connection and says nothing does not hold anybody up (D77).
func TestHangingServer(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close() // nobody accepts: the system does, and nothing is ever answered
	for _, scheme := range []string{"http://reader:hunter2@", "ssh://git@"} {
		address := scheme + listener.Addr().String() + "/repo.git"
		start := time.Now()
		_, err = checkout(t, Source{URL: address, Timeout: 100 * time.Millisecond})
		if !fault.Is(err, fault.Unavailable) || !strings.Contains(fault.Message(err), "was not fetched within 100ms") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", scheme, err)
		}
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("%s: took %s", scheme, took)
		}

		stop, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(50*time.Millisecond, func() { cancel(fleet.ErrCanceled) })
		err = Source{URL: address, TempDir: t.TempDir()}.Checkout(stop, func(string) error { return nil })
		if !errors.Is(err, fleet.ErrCanceled) {
			t.Errorf("%s, canceled: %v", scheme, err)
		}
	}
}

func TestUseFails(t *testing.T) {
	u := newUpstream(t)
	own := errors.New("own")
	temp := t.TempDir()
	if err := (Source{URL: u.dir, TempDir: temp}).Checkout(t.Context(), func(string) error { return own }); !errors.Is(err, own) {
		t.Error(err)
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
	err := Source{URL: u.dir, TempDir: filepath.Join(temp, "nope")}.Checkout(t.Context(), func(string) error { return nil })
	if !fault.Is(err, fault.Unavailable) {
		t.Error(err)
	}
}

// Links are kept as they are; what reads the folder decides whether to follow them.
func TestLinks(t *testing.T) {
	u := newUpstream(t)
	if err := os.Symlink("../../outside", filepath.Join(u.dir, "defs", "link.json")); err != nil {
		t.Fatal(err)
	}
	work, err := u.repository.Worktree()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := work.Add("defs/link.json"); err != nil {
		t.Fatal(err)
	}
	u.commit(t, map[string]string{"x": "y"})
	err = Source{URL: u.dir, Dir: "defs"}.Checkout(t.Context(), func(dir string) error {
		target, err := os.Readlink(filepath.Join(dir, "link.json"))
		if target != "../../outside" {
			t.Errorf("link leads to %q", target)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestDefaultBranchOfACheckout(t *testing.T) {
	u := newUpstream(t)
	if err := u.repository.Storer.SetReference(plumbing.NewSymbolicReference(plumbing.HEAD, plumbing.NewBranchReferenceName("testing"))); err != nil {
		t.Fatal(err)
	}
	files, err := checkout(t, Source{URL: u.serve(t, false).URL + "/repo.git", Dir: "defs/remote"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"a.json": "a", "t.json": "t"}, files); diff != "" {
		t.Error(diff)
	}
}
