// SPDX-License-Identifier: Apache-2.0

package pulpcontract

import (
	"net"
	"regexp"
	"strings"
	"time"
)

var failures = []contract{
	{"a sync of an upstream that answers 404 or 403 fails with the url", failing404},
	{"a sync of an upstream that refuses fails naming host and port", failingRefused},
	{"a sync of html instead of metadata fails in each type's words", failingHTML},
	{"a sync of damaged packages fails naming both checksums", failingChecksum},
	{"a sync of missing packages fails", failingMissing},
	{"a sync that takes too long fails with PLP0005", failingTimeout},
	{"a failed sync changes nothing", failingChangesNothing},
	{"a url that is none fails the sync, not the remote", failingURL},
	{"an upstream that fails once with 500 is asked again", retried},
}

// failure syncs and returns the description and code of the error.
func (r *repo) failure(options obj) (string, string) {
	r.c.Helper()
	if options == nil {
		options = obj{}
	}
	t := r.s.task("POST", r.href+"sync/", options)
	if t["state"] != "failed" {
		r.c.Fatalf("sync of %s is %v, created %v", r.name, t["state"], t["created_resources"])
	}
	e := objectOf(t["error"])
	if text(e["traceback"]) == "" {
		r.c.Errorf("no traceback: %v", e)
	}
	r.c.equal("created", t["created_resources"], any([]any{}))
	return text(e["description"]), text(e["error_code"])
}

// coded is a reason as the servers give it, and its code: newer ones put the code before it.
func (c *check) coded(from since, code, reason string) (string, string) {
	if !c.has(from) {
		return reason, ""
	}
	return "[" + code + "] " + reason, code
}

// once keeps a real server from trying three times.
var once = obj{"max_retries": 1}

func failing404(c *check) {
	for _, plugin := range []string{"rpm", "file"} {
		for _, status := range []int{404, 403} {
			up := c.tree(plugin, plugin)
			up.Fail(status)
			r := c.repository(c.primary, plugin, plugin+map[int]string{404: "a", 403: "b"}[status], up.URL(c.upURL), once)
			got, _ := r.failure(nil)
			words := map[int]string{404: "404, message='Not Found', url='", 403: "403, message='Forbidden', url='"}[status]
			if !strings.Contains(got, words+strings.TrimSuffix(up.URL(c.upURL), "/")+"'") {
				c.Errorf("%s %d: %q", plugin, status, got)
			}
		}
	}
	up := c.tree("deb", "deb")
	r := c.repository(c.primary, "deb", "deb", up.URL(c.upURL), once, obj{"distributions": "nosuch"})
	got, code := r.failure(nil)
	wantReason, wantCode := c.coded(debCodes, "DEB0001", "Could not find a Release file at '"+up.URL(c.upURL)+
		"dists/nosuch', try checking the 'url' and 'distributions' option on your remote")
	c.equal("deb", got, wantReason)
	c.equal("code", code, wantCode)
	c.primary.task("PATCH", r.remote, obj{"distributions": "stable nosuch"})
	got, _ = r.failure(nil)
	c.equal("one of two suites missing", got, wantReason)
	up.Fail(403)
	if got, _ = r.failure(nil); !strings.Contains(got, "403, message='Forbidden', url='") {
		c.Errorf("deb 403: %q", got)
	}
}

func failingRefused(c *check) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		c.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	port := addr[strings.LastIndex(addr, ":")+1:]
	for _, plugin := range everyType {
		r := c.repository(c.primary, plugin, plugin, "http://"+addr+"/x", once)
		got, _ := r.failure(nil)
		c.equal(plugin, got, "Cannot connect to host 127.0.0.1:"+port+" ssl:default [Connect call failed ('127.0.0.1', "+port+")]")
	}
}

func failingHTML(c *check) {
	want := map[string]string{"file": "Error: Parsing of the manifest file failed on line:1."}
	want["deb"], _ = c.coded(debCodes, "DEB0004", "The release file for distribution 'stable' is missing the required field 'Components'.")
	want["rpm"], _ = c.coded(rpmCodes, "RPM0016", "Repository doesn't contain required metadata file 'primary.xml'")
	for _, plugin := range everyType {
		up := c.tree(plugin, plugin)
		up.HTML(true)
		r := c.repository(c.primary, plugin, plugin, up.URL(c.upURL), once)
		if got, _ := r.failure(nil); !strings.HasPrefix(got, want[plugin]) {
			c.Errorf("%s: %q", plugin, got)
		}
	}
}

func failingChecksum(c *check) {
	damaged := map[string]string{"deb": "unlike_1.0_amd64.deb", "rpm": "unlike-1.0-1.x86_64.rpm", "file": "unlike"}
	for _, plugin := range everyType {
		up := c.tree(plugin, plugin)
		p := extra(plugin)
		p.Name, p.Version, p.Body = "unlike", "1.0", c.prefix // nothing that a server has already
		up.Put(p)
		up.Corrupt(damaged[plugin])
		r := c.repository(c.primary, plugin, plugin, up.URL(c.upURL), once)
		got, code := r.failure(nil)
		reason, wantCode := c.coded(coreCodes, "PLP0003", "A file located at the url ")
		if !strings.HasPrefix(got, reason) || !regexp.MustCompile(`failed validation due to checksum\. Expected '[0-9a-f]{64}', Actual '[0-9a-f]{64}'`).MatchString(got) {
			c.Errorf("%s: %q", plugin, got)
		}
		c.equal("code", code, wantCode)
	}
}

func failingMissing(c *check) {
	missing := map[string]string{"deb": "unlike_1.0_amd64.deb", "rpm": "unlike-1.0-1.x86_64.rpm", "file": "unlike"}
	for _, plugin := range everyType {
		up := c.tree(plugin, plugin)
		p := extra(plugin)
		p.Name, p.Version, p.Body = "unlike", "1.0", c.prefix
		up.Put(p)
		up.Miss(missing[plugin])
		r := c.repository(c.primary, plugin, plugin, up.URL(c.upURL), once)
		if got, _ := r.failure(nil); !strings.Contains(got, "404, message='Not Found', url='") {
			c.Errorf("%s: %q", plugin, got)
		}
	}
}

func failingTimeout(c *check) {
	up := c.tree("file", "f")
	release := up.Hang()
	c.Cleanup(release)
	r := c.repository(c.primary, "file", "r", up.URL(c.upURL), once, obj{"total_timeout": 0.5})
	started := time.Now()
	got, code := r.failure(nil)
	reason, wantCode := c.coded(coreCodes, "PLP0005", "Request timed out for "+up.URL(c.upURL)+".")
	if !strings.HasPrefix(got, reason) || code != wantCode {
		c.Errorf("%q %q", got, code)
	}
	if took := time.Since(started); took < 500*time.Millisecond {
		c.Errorf("it took %s only", took)
	}
}

func failingChangesNothing(c *check) {
	for _, plugin := range everyType {
		up := c.tree(plugin, plugin)
		r := c.repository(c.primary, plugin, plugin, up.URL(c.upURL), once)
		r.mirror()
		before := c.primary.get(r.href).obj()
		up.Fail(500)
		r.failure(mirrorOptions[plugin])
		after := c.primary.get(r.href).obj()
		c.equal("repository", after, before)
		up.Fail(0)
		c.equal("the next one skips", r.mirror(), []string{})
	}
}

func failingURL(c *check) {
	r := c.repository(c.primary, "file", "r", "notaurl", once)
	got, _ := r.failure(nil)
	c.equal("description", got, "URL: notaurl not supported.")
}

func retried(c *check) {
	for _, plugin := range everyType {
		up := c.tree(plugin, plugin)
		r := c.repository(c.primary, plugin, plugin, up.URL(c.upURL), once)
		up.FailTimes(500, 1)
		c.equal(plugin, versionOf(r.sync(nil)), r.href+"versions/1/")
	}
}
