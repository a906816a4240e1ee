// SPDX-License-Identifier: Apache-2.0

package pulpfake

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// api is a plain client for the tests of the fake itself.
type api struct {
	t    *testing.T
	base string
}

func (a api) do(method, path string, body any, want int) obj {
	a.t.Helper()
	status, _, data := a.raw(method, path, body, nil)
	if status != want {
		a.t.Fatalf("%s %s: %d, want %d: %s", method, path, status, want, data)
	}
	res := obj{}
	_ = json.Unmarshal(data, &res)
	return res
}

func (a api) raw(method, path string, body any, header http.Header) (int, http.Header, []byte) {
	a.t.Helper()
	var in io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			a.t.Fatal(err)
		}
		in = bytes.NewReader(b)
	}
	if !strings.HasPrefix(path, "/") {
		path = apiPrefix + path
	}
	req, err := http.NewRequestWithContext(a.t.Context(), method, a.base+path, in)
	if err != nil {
		a.t.Fatal(err)
	}
	req.SetBasicAuth("admin", "password")
	req.Header.Set("Content-Type", "application/json")
	for k, v := range header {
		req.Header[k] = v
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		a.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, data
}

// task waits for a Pulp task and returns it.
func (a api) task(accepted obj) obj {
	a.t.Helper()
	href, _ := accepted["task"].(string)
	deadline := time.Now().Add(10 * time.Second)
	for {
		t := a.do("GET", href, nil, 200)
		if final(text(t["state"])) {
			return t
		}
		if time.Now().After(deadline) {
			a.t.Fatalf("still %v: %v", t["state"], t["name"])
		}
		<-time.After(2 * time.Millisecond)
	}
}

func (a api) done(accepted obj) []string {
	a.t.Helper()
	t := a.task(accepted)
	if t["state"] != stateCompleted {
		a.t.Fatalf("%v is %v: %v", t["name"], t["state"], t["error"])
	}
	var res []string
	for _, r := range t["created_resources"].([]any) {
		res = append(res, r.(string))
	}
	return res
}

func get(t *testing.T, url string) (int, []byte) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, data
}

// mirror creates remote, repository and distribution of one name, syncs and returns the repository and the base url.
func (a api) mirror(plugin, name, url string, extra, options obj) (repo obj, base string) {
	a.t.Helper()
	kind := map[string]string{"deb": "deb/apt", "rpm": "rpm/rpm", "file": "file/file"}[plugin]
	if options == nil {
		options = obj{}
	}
	body := obj{"name": name, "url": url}
	for k, v := range extra {
		body[k] = v
	}
	remote := a.do("POST", "remotes/"+kind+"/", body, 201)
	repo = a.do("POST", "repositories/"+kind+"/", obj{"name": name, "remote": remote["pulp_href"]}, 201)
	a.done(a.do("POST", text(repo["pulp_href"])+"sync/", options, 202))
	a.done(a.do("POST", "distributions/"+kind+"/", obj{"name": name, "base_path": name, "repository": repo["pulp_href"]}, 202))
	return repo, a.base + contentPrefix + name + "/"
}

func TestChainServesTheSameBytes(t *testing.T) {
	up := NewUpstream()
	upBase := up.Start(t)
	debTree := up.Add("d", Spec{Kind: DebTree, Packages: []Package{{Name: "alpha", Version: "1.0"}, {Name: "beta", Version: "2", Arch: "all"}}})
	rpmTree := up.Add("r", Spec{Kind: RPMTree, Packages: []Package{{Name: "bear", Version: "1.0"}}})
	fileTree := up.Add("f", Spec{Kind: FileTree, Packages: []Package{{Name: "a/one.txt"}}})
	p, pBase := Start(t, Options{Name: "primary", Seed: 1})
	s, sBase := Start(t, Options{Name: "secondary", Seed: 2})
	primary, secondary := api{t, pBase}, api{t, sBase}

	repo, debBase := primary.mirror("deb", "d", debTree.URL(upBase), obj{"distributions": "stable", "gpgkey": up.PublicKey()}, nil)
	sign := primary.do("GET", "signing-services/?name=deb-release", nil, 200)["results"].([]any)[0].(obj)
	primary.done(primary.do("POST", "publications/deb/apt/", obj{"repository": repo["pulp_href"], "signing_service": sign["pulp_href"]}, 202))
	repo2, debBase2 := secondary.mirror("deb", "d", debBase, obj{"distributions": "stable", "gpgkey": p.PublicKey()}, obj{"mirror": true})
	secondary.done(secondary.do("POST", "publications/deb/verbatim/", obj{"repository": repo2["pulp_href"]}, 202))
	_, rpmBase := primary.mirror("rpm", "r", rpmTree.URL(upBase), nil, obj{"sync_policy": "mirror_complete"})
	_, rpmBase2 := secondary.mirror("rpm", "r", rpmBase, nil, obj{"sync_policy": "mirror_complete"})
	_, fileBase := primary.mirror("file", "f", fileTree.URL(upBase), nil, obj{"mirror": true})
	_, fileBase2 := secondary.mirror("file", "f", fileBase+"PULP_MANIFEST", nil, obj{"mirror": true})

	for _, c := range []struct{ a, b, path, holds string }{
		{debBase, debBase2, "dists/stable/InRelease", "BEGIN PGP SIGNED MESSAGE"},
		{debBase, debBase2, "dists/stable/Release.gpg", "BEGIN PGP SIGNATURE"},
		{debBase, debBase2, "dists/stable/main/binary-amd64/Packages", "Package: alpha"},
		{debBase, debBase2, "pool/main/a/alpha/alpha_1.0_amd64.deb", "debian-binary"},
		{rpmTree.URL(upBase), rpmBase2, "repodata/repomd.xml", "primary"},
		{rpmBase, rpmBase2, "repodata/repomd.xml", "primary"},
		{rpmBase, rpmBase2, "Packages/bear-1.0-1.x86_64.rpm", "placeholder"},
		{fileBase, fileBase2, "PULP_MANIFEST", "a/one.txt"},
		{fileBase, fileBase2, "a/one.txt", "one"},
	} {
		codeA, a := get(t, c.a+c.path)
		codeB, b := get(t, c.b+c.path)
		if codeA != 200 || codeB != 200 || !bytes.Equal(a, b) || !strings.Contains(string(a), c.holds) {
			t.Errorf("%s: %d and %d, equal %v, %.60q", c.path, codeA, codeB, bytes.Equal(a, b), a)
		}
	}
	for _, x := range []*Server{p, s} {
		if err := x.Check(); err != nil {
			t.Error(err)
		}
	}
}
