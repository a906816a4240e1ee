// SPDX-License-Identifier: Apache-2.0

package pulpcontract

import (
	"net/http"
	"strings"

	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

var debContracts = []contract{
	{"deb: primary to secondary is byte-identical, signatures included", debChain},
	{"deb: upstream signatures are checked with gpgkey", debSignatures},
	{"deb: a component or architecture that is not there completes with nothing", debMissingComponent},
	{"deb: an unsigned publication has no InRelease", debUnsigned},
	{"deb: the publication says what it was made with", debPublication},
	{"deb: the served Packages lists what the version holds", debPackages},
	{"deb: a modify drops the synced metadata, a verbatim publication then has no dists", debModifyDropsMetadata},
	{"deb: base_version drops the metadata, deb/copy keeps it", debSnapshots},
	{"deb: copying with dependency solving fails in the task", debDependencySolving},
}

const debFiles = "dists/stable/Release dists/stable/InRelease dists/stable/Release.gpg dists/stable/main/binary-amd64/Packages " +
	"dists/stable/main/binary-amd64/Packages.gz dists/stable/extra/binary-arm64/Packages pool/main/a/alpha/alpha_1.0_amd64.deb " +
	"pool/main/b/beta/beta_1.0_all.deb pool/extra/g/gamma/gamma_2.0_arm64.deb"

// sign is the href of the primary's deb signing service and its public key.
func (c *check) sign() (href, key string) {
	c.Helper()
	x := c.primary.results("signing-services/?name=" + c.env.SigningService)[0]
	return text(x["pulp_href"]), text(x["public_key"])
}

func debChain(c *check) {
	up := c.tree("deb", "deb")
	service, key := c.sign()
	p := c.repository(c.primary, "deb", "p", up.URL(c.upURL), obj{"gpgkey": c.up.PublicKey()})
	p.sync(nil)
	p.publish(obj{"signing_service": service})
	base := text(c.primary.get(p.distribute(obj{"repository": p.href})).obj()["base_url"])

	s := c.repository(c.secondary, "deb", "s", base, obj{"gpgkey": key})
	c.equal("secondary sync", s.mirror(), []string{s.href + "versions/1/"})
	d := s.distribute(obj{"publication": s.publishKind("deb/verbatim")})
	same := func(paths string) {
		c.Helper()
		for _, path := range strings.Fields(paths) {
			codeP, a := c.primary.file(p.name + "/" + path)
			codeS, b := c.secondary.file(s.name + "/" + path)
			if codeP != 200 || codeS != 200 || len(a) == 0 || string(a) != string(b) {
				c.Errorf("%s: %d and %d, %d and %d bytes", path, codeP, codeS, len(a), len(b))
			}
		}
	}
	same(debFiles)
	c.equal("second sync", s.mirror(), []string{})

	up.Put(pulpfake.Package{Name: "omega", Version: "1.0", Arch: "amd64", Component: "main"})
	p.sync(nil)
	p.publish(obj{"signing_service": service})
	c.equal("after a change", s.mirror(), []string{s.href + "versions/2/"})
	c.secondary.task("PATCH", d, obj{"publication": s.publishKind("deb/verbatim")})
	same(debFiles + " pool/main/o/omega/omega_1.0_amd64.deb")
	_, packages := c.secondary.file(s.name + "/dists/stable/main/binary-amd64/Packages")
	if !strings.Contains(string(packages), "Package: omega\n") {
		c.Errorf("omega is not in the secondary's index:\n%s", packages)
	}
}

func debSignatures(c *check) {
	up := c.tree("deb", "deb")
	good := c.repository(c.primary, "deb", "good", up.URL(c.upURL), obj{"gpgkey": c.up.PublicKey()})
	good.sync(nil)
	other := pulpfake.NewUpstream().PublicKey()
	wrong := c.repository(c.primary, "deb", "wrong", up.URL(c.upURL), obj{"gpgkey": other})
	unverified := func(r *repo) {
		c.Helper()
		got, code := r.failure(nil)
		reason, wantCode := c.coded(debCodes, "DEB0002", "Unable to verify any Release files from '"+up.URL(c.upURL))
		if !strings.HasPrefix(got, reason) || code != wantCode {
			c.Errorf("%q %q", got, code)
		}
	}
	unverified(wrong)
	up.Sign(false)
	unverified(good)
	unsigned := c.repository(c.primary, "deb", "unsigned", up.URL(c.upURL))
	unsigned.sync(nil)
	c.equal("unsigned without a key", unsigned.counts("")["deb.package"], 3)
}

func debMissingComponent(c *check) {
	up := c.tree("deb", "deb")
	for i, x := range []struct {
		extra obj
		want  map[string]int
	}{
		{obj{"components": "nosuch"}, map[string]int{"deb.release_file": 1, "deb.release_architecture": 2, "deb.release": 1}},
		{obj{"architectures": "s390x"}, map[string]int{"deb.release_file": 1, "deb.release": 1, "deb.release_component": 2}},
		{obj{"components": "main", "architectures": "amd64"}, map[string]int{
			"deb.release_file": 1, "deb.release_architecture": 1, "deb.package_index": 1, "deb.package": 2, "deb.package_release_component": 2,
			"deb.release": 1, "deb.release_component": 1,
		}},
	} {
		r := c.repository(c.primary, "deb", string(rune('a'+i)), up.URL(c.upURL), x.extra)
		c.equal("created", r.mirror(), []string{r.href + "versions/1/"})
		c.equal("content", r.counts(""), x.want)
		r.publish()
	}
}

func debUnsigned(c *check) {
	up := c.tree("deb", "deb")
	r := c.repository(c.primary, "deb", "r", up.URL(c.upURL))
	r.sync(nil)
	r.publish()
	r.distribute(obj{"repository": r.href})
	for path, want := range map[string]int{
		"dists/stable/Release": 200, "dists/stable/InRelease": 404, "dists/stable/Release.gpg": 404, "dists/stable/main/binary-amd64/Release": 404,
		"dists/stable/main/binary-all/Packages": 200,
	} {
		code, _ := c.primary.file(r.name + "/" + path)
		c.equal(path, code, want)
	}
}

func debPublication(c *check) {
	up := c.tree("deb", "deb")
	service, _ := c.sign()
	r := c.repository(c.primary, "deb", "r", up.URL(c.upURL), obj{"repository.signing_service": service})
	r.sync(nil)
	made := r.publish()
	p := c.primary.get(made).obj()
	for field, want := range map[string]any{
		"repository": r.href, "repository_version": r.href + "versions/1/", "simple": false, "structured": true, "checkpoint": false,
	} {
		c.equal(field, p[field], want)
	}
	if c.has(debLayouts) {
		c.equal("layout", p["layout"], any("nested_alphabetically"))
	}
	r.distribute(obj{"repository": r.href})
	if code, _ := c.primary.file(r.name + "/dists/stable/InRelease"); code != 200 {
		c.Errorf("signed by the repository's service: %d", code)
	}
	verbatim := c.primary.task("POST", "publications/deb/verbatim/", obj{"repository_version": r.href + "versions/1/"})
	c.equal("task", verbatim["name"], any("pulp_deb.app.tasks.publishing.publish_verbatim"))
	c.equal("publications of the repository", len(c.primary.results("publications/?repository="+r.href)), 2)
	c.equal("of the version", len(c.primary.results("publications/deb/apt/?repository_version="+r.href+"versions/1/")), 1)
}

func debPackages(c *check) {
	up := c.tree("deb", "deb")
	r := c.repository(c.primary, "deb", "r", up.URL(c.upURL))
	r.sync(nil)
	r.publish()
	r.distribute(obj{"repository": r.href})
	for path, want := range map[string]string{"main/binary-amd64": "alpha", "main/binary-all": "beta", "extra/binary-arm64": "gamma"} {
		_, data := c.primary.file(r.name + "/dists/stable/" + path + "/Packages")
		if !strings.Contains(string(data), "Package: "+want+"\n") || !strings.Contains(string(data), "SHA256: ") {
			c.Errorf("%s:\n%s", path, data)
		}
		for _, line := range strings.Split(string(data), "\n") {
			if at, is := strings.CutPrefix(line, "Filename: "); is {
				if code, _ := c.primary.file(r.name + "/" + at); code != http.StatusOK {
					c.Errorf("%s: %d", at, code)
				}
			}
		}
	}
}

func debModifyDropsMetadata(c *check) {
	up := c.tree("deb", "deb")
	service, _ := c.sign()
	r := c.repository(c.primary, "deb", "r", up.URL(c.upURL))
	r.sync(nil)
	pkg := c.primary.results("content/deb/packages/?package=alpha&repository_version=" + r.latest())[0]
	c.primary.done("POST", r.href+"modify/", obj{"remove_content_units": []any{pkg["pulp_href"]}})
	c.equal("removed", r.summary("", "removed"), map[string]int{
		"deb.package": 1, "deb.package_release_component": 1, "deb.release_file": 1, "deb.package_index": 4,
	})
	r.distribute(obj{"publication": r.publishKind("deb/verbatim")})
	for path, want := range map[string]int{
		"dists/stable/Release": 404, "pool/main/b/beta/beta_1.0_all.deb": 200, "pool/main/a/alpha/alpha_1.0_amd64.deb": 404,
	} {
		code, _ := c.primary.file(r.name + "/" + path)
		c.equal(path, code, want)
	}
	other := &repo{c: c, s: r.s, plugin: "deb", kind: r.kind, name: r.name + "-apt", href: r.href}
	other.distribute(obj{"publication": r.publish(obj{"signing_service": service})})
	_, data := c.primary.file(other.name + "/dists/stable/main/binary-amd64/Packages")
	if strings.Contains(string(data), "alpha") {
		c.Errorf("alpha is still listed:\n%s", data)
	}
}

func debSnapshots(c *check) {
	up := c.tree("deb", "deb")
	r := c.repository(c.primary, "deb", "r", up.URL(c.upURL))
	r.mirror()
	r.distribute(obj{"publication": r.publishKind("deb/verbatim")})

	based := c.plain(c.primary, "deb", "based")
	c.primary.done("POST", based.href+"modify/", obj{"base_version": r.latest()})
	want := map[string]int{}
	for k, v := range content["deb"] {
		if k != "deb.release_file" && k != "deb.package_index" {
			want[k] = v
		}
	}
	c.equal("by base_version", based.counts(""), want)
	c.equal("base_version", c.primary.get(based.latest()).obj()["base_version"], any(r.latest()))

	copied := c.plain(c.primary, "deb", "copied")
	config := obj{"config": []any{obj{"source_repo_version": r.latest(), "dest_repo": copied.href}}}
	c.equal("copy", c.primary.done("POST", "deb/copy/", config), []string{copied.href + "versions/1/"})
	c.equal("by copy", copied.counts(""), content["deb"])
	c.equal("again", c.primary.done("POST", "deb/copy/", config), []string{})
	copied.distribute(obj{"publication": copied.publishKind("deb/verbatim")})
	_, a := c.primary.file(r.name + "/dists/stable/InRelease")
	_, b := c.primary.file(copied.name + "/dists/stable/InRelease")
	if len(a) == 0 || string(a) != string(b) {
		c.Errorf("InRelease of the copy differs: %d and %d bytes", len(a), len(b))
	}

	some := c.plain(c.primary, "deb", "some")
	pkg := c.primary.results("content/deb/packages/?package=alpha&repository_version=" + r.latest())[0]
	c.primary.done("POST", "deb/copy/", obj{"config": []any{obj{
		"source_repo_version": r.latest(), "dest_repo": some.href, "content": []any{pkg["pulp_href"]},
	}}})
	c.equal("one package", some.counts(""), map[string]int{
		"deb.package": 1, "deb.package_release_component": 1, "deb.release": 1, "deb.release_component": 1, "deb.release_architecture": 1,
	})
}

func debDependencySolving(c *check) {
	up := c.tree("deb", "deb")
	r := c.repository(c.primary, "deb", "r", up.URL(c.upURL))
	r.mirror()
	to := c.plain(c.primary, "deb", "to")
	t := c.primary.task("POST", "deb/copy/", obj{
		"dependency_solving": true, "config": []any{obj{"source_repo_version": r.latest(), "dest_repo": to.href}},
	})
	e := objectOf(t["error"])
	reason, _ := c.coded(debCodes, "PLP0028", "Advanced copy with dependency solving is not yet implemented.")
	c.equal("error", []any{t["state"], e["description"]}, []any{"failed", reason})
}
