// SPDX-License-Identifier: Apache-2.0

package pulpcontract

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

var pythonContracts = []contract{
	{"python syncs by https, and by http as its version does", pythonSchemes},
	{"python syncs what it includes, and nothing when nothing changed", pythonSync},
	{"a python sync completes without what it cannot read, and a mirror loses it", pythonSilent},
	{"python mirrors from a primary's index, removals too", pythonMirror},
	{"a python distribution serves the version it names, and switches at once", pythonPinned},
	{"python sync and remote fields", pythonFields},
}

func pythonPackages() []pulpfake.Package {
	return []pulpfake.Package{
		{Name: "Snake.One", Version: "1.0"}, {Name: "Snake.One", Version: "1.1"}, {Name: "Snake.One", Version: "2.0rc1"}, {Name: "viper", Version: "1.0"},
	}
}

// snakes makes an index, and a repository that syncs from it.
func (c *check) snakes(name string, extra ...obj) (*pulpfake.Tree, *repo) {
	c.Helper()
	packages := pythonPackages()
	for i := range packages {
		packages[i].Body = c.prefix
	}
	up := c.up.Add(c.prefix+name, pulpfake.Spec{Kind: pulpfake.PythonTree, Packages: packages})
	return up, c.index(c.primary, name, c.upURL, up.URL(""), extra...)
}

// index makes a python repository that syncs from a path of a server: by http where Pulp takes that, else by https.
func (c *check) index(s *server, name, base, path string, extra ...obj) *repo {
	c.Helper()
	fields := obj{"policy": "immediate"}
	if !s.has(plainIndexes) {
		base, fields["ca_cert"] = c.byTLS(base)
	}
	return c.repository(s, "python", name, base+path, append([]obj{fields}, extra...)...)
}

// byTLS serves by https what a server serves, until the test ends, and gives the certificate to trust.
func (c *check) byTLS(base string) (address, certificate string) {
	c.Helper()
	to, err := url.Parse(base)
	if err != nil {
		c.Fatal(err)
	}
	front := httptest.NewTLSServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }})
	c.Cleanup(front.Close)
	return front.URL, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: front.Certificate().Raw}))
}

// distributePython serves by something; the base path is the name.
func (r *repo) distributePython(by obj) string {
	r.c.Helper()
	body := obj{"name": r.name, "base_path": r.name}
	for k, v := range by {
		body[k] = v
	}
	return r.s.distribute("python/pypi", body)
}

var linkPattern = regexp.MustCompile(`<a href="([^"]*)"`)

// simple gives the files that a repository's index names, with the hashes it says, and reads each of them.
func (r *repo) simple() []string {
	r.c.Helper()
	a := r.s.send(http.MethodGet, "/pypi/"+r.name+"/simple/", nil)
	if a.status != 200 {
		return []string{a.header.Get("Status"), string(a.raw[:min(len(a.raw), 30)])}
	}
	found := []string{}
	for _, project := range linkPattern.FindAllStringSubmatch(string(a.raw), -1) {
		page := r.s.want(200, http.MethodGet, "/pypi/"+r.name+"/simple/"+project[1], nil)
		for _, file := range linkPattern.FindAllStringSubmatch(string(page.raw), -1) {
			url, _, _ := strings.Cut(file[1], "#sha256=")
			name := url[strings.LastIndex(url, "/")+1:]
			if code, _ := r.s.file(r.name + "/" + name); code != 200 {
				name += " is not served"
			}
			found = append(found, name)
		}
	}
	slices.Sort(found)
	return found
}

func pythonSchemes(c *check) {
	packages := []pulpfake.Package{{Name: "viper", Version: "1.0", Body: c.prefix}}
	up := c.up.Add(c.prefix+"index", pulpfake.Spec{Kind: pulpfake.PythonTree, Packages: packages})
	secure, certificate := c.byTLS(c.upURL)
	r := c.repository(c.primary, "python", "https", up.URL(secure), obj{"policy": "immediate", "ca_cert": certificate})
	c.equal("by https", r.sync(nil), []string{r.href + "versions/1/"})
	c.equal("present", r.counts(""), map[string]int{"python.python": 1})
	r = c.repository(c.primary, "python", "http", up.URL(c.upURL), obj{"policy": "immediate"})
	t := c.primary.task("POST", r.href+"sync/", obj{})
	if c.has(plainIndexes) {
		c.equal("by http", []any{t["state"], t["created_resources"]}, []any{"completed", []any{r.href + "versions/1/"}})
		return
	}
	c.equal("by http", []any{t["state"], t["created_resources"], objectOf(t["error"])["description"]},
		[]any{"failed", []any{}, "Master URL " + strings.TrimRight(up.URL(c.upURL), "/") + " is not https scheme"})
}

func pythonSync(c *check) {
	up, r := c.snakes("py", obj{"includes": []any{"snake-one"}})
	d := r.distributePython(nil)
	t := c.primary.task("POST", r.href+"sync/", obj{})
	c.equal("first", []any{t["state"], t["created_resources"], t["result"], t["name"]},
		[]any{"completed", []any{r.href + "versions/1/"}, nil, "pulp_python.app.tasks.sync.sync"})
	c.equal("projects read", codes(t)["sync.fetching.project"], 1)
	c.equal("present", r.counts(""), map[string]int{"python.python": 2})
	for range 2 {
		c.equal("no change", c.primary.done("POST", r.href+"sync/", obj{}), []string{})
	}
	up.Remove("Snake.One")
	up.Put(pulpfake.Package{Name: "Snake.One", Version: "3.0", Body: c.prefix})
	r.sync(nil)
	c.equal("additive", r.counts(""), map[string]int{"python.python": 3})
	c.primary.done("PATCH", r.remote, obj{"includes": []any{}, "prereleases": true})
	c.equal("everything", versionOf(r.sync(nil)), r.href+"versions/3/")
	c.equal("present", r.counts(""), map[string]int{"python.python": 4})
	in := "repository_version=" + r.href + "versions/1/&"
	other := 0 // found by another form of the name
	if c.has(normalNames) {
		other = 2
	}
	for q, want := range map[string]int{
		"name=Snake.One": 2, "name=viper": 0, "version=1.1": 1, "name__in=Snake.One,x": 2, "name=snake-one": other, "name__in=snake-one,x": other,
	} {
		c.equal(q, len(c.primary.results("content/python/packages/?fields=name,version,sha256,filename&"+in+q)), want)
	}
	_ = d
}

func pythonSilent(c *check) {
	up, r := c.snakes("py", obj{"includes": []any{"nosuchpkg"}})
	t := c.primary.task("POST", r.href+"sync/", obj{})
	c.equal("not there", []any{t["state"], t["created_resources"], codes(t)["sync.fetching.project"]}, []any{"completed", []any{}, 0})
	c.primary.done("PATCH", r.remote, obj{"includes": []any{}})
	r.sync(obj{"mirror": true})
	c.equal("all", r.counts(""), map[string]int{"python.python": 3})
	up.Miss("pypi/viper/json")
	t = c.primary.task("POST", r.href+"sync/", obj{"mirror": true})
	c.equal("a project that cannot be read", []any{t["state"], t["error"]}, []any{"completed", nil})
	c.equal("is taken out", r.counts(""), map[string]int{"python.python": 2})
	up.Miss("simple/")
	t = c.primary.task("POST", r.href+"sync/", obj{"mirror": true})
	c.equal("the list of projects", t["state"], any("failed"))
}

func pythonMirror(c *check) {
	_, r := c.snakes("py", obj{"prereleases": true})
	r.sync(nil)
	d := r.distributePython(obj{"repository_version": r.latest()})
	m := c.index(c.secondary, "py", c.env.Primary, "/pypi/"+r.name+"/", obj{"prereleases": true})
	c.equal("mirrored", m.sync(obj{"mirror": true}), []string{m.href + "versions/1/"})
	m.distributePython(obj{"repository_version": m.latest()})
	c.equal("the same files", m.simple(), r.simple())
	c.equal("so many", len(m.simple()), 4)
	c.equal("no change", m.sync(obj{"mirror": true}), []string{})
	gone := c.primary.results("content/python/packages/?name=viper&repository_version=" + r.latest())[0]
	c.primary.done("POST", r.href+"modify/", obj{"remove_content_units": []any{gone["pulp_href"]}})
	c.equal("not served yet", len(r.simple()), 4)
	c.equal("so no change", m.sync(obj{"mirror": true}), []string{})
	c.primary.done("PATCH", d, obj{"repository_version": r.latest()})
	c.equal("removed", m.sync(obj{"mirror": true}), []string{m.href + "versions/2/"})
	c.equal("of it", m.summary("", "removed"), map[string]int{"python.python": 1})
}

func pythonPinned(c *check) {
	up, r := c.snakes("py")
	r.sync(obj{"mirror": true})
	d := r.distributePython(nil)
	c.equal("nothing", c.primary.send("GET", "/pypi/"+r.name+"/simple/", nil).status, 404)
	one, two := r.href+"versions/1/", r.href+"versions/2/"
	c.primary.done("PATCH", d, obj{"repository_version": one, "repository": nil, "publication": nil})
	first := r.simple()
	c.equal("first", len(first), 3)
	up.Remove("viper")
	r.sync(obj{"mirror": true})
	c.equal("synced, not served", r.simple(), first)
	c.primary.done("PATCH", d, obj{"repository_version": two, "repository": nil, "publication": nil})
	c.equal("second", len(r.simple()), 2)
	c.primary.done("PATCH", d, obj{"repository_version": one})
	c.equal("back", r.simple(), first)
	c.primary.done("PATCH", d, obj{"repository_version": nil, "repository": r.href})
	c.equal("following", len(r.simple()), 2)
}

func pythonFields(c *check) {
	_, r := c.snakes("py")
	c.refused(c.primary, 400, "POST", r.href+"sync/", obj{"optimize": false}, any(obj{"optimize": one("Unexpected field")}))
	c.refused(c.primary, 400, "PATCH", r.remote, obj{"includes": nil}, any(obj{"includes": one("This field may not be null.")}))
	c.unchanged(r.remote, obj{
		"includes": []any{}, "excludes": []any{}, "package_types": []any{}, "exclude_platforms": []any{}, "keep_latest_packages": 0, "prereleases": false,
	})
}
