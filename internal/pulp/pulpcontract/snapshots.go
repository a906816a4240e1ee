// SPDX-License-Identifier: Apache-2.0

package pulpcontract

import (
	"strings"

	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

var snapshots = []contract{
	{"base_version makes a repository equal to a version of another, removals included", snapshotBase},
	{"deb/copy into an emptied repository gives exactly the version", snapshotCopy},
	{"a version that is gone cannot be copied", snapshotGone},
	{"a publication is made again with the options that one shows", snapshotOptions},
	{"labels change together with what a distribution serves", snapshotLabels},
}

func snapshotBase(c *check) {
	for _, plugin := range []string{"rpm", "file"} {
		up := c.tree(plugin, plugin)
		r := c.repository(c.primary, plugin, plugin, up.URL(c.upURL))
		r.mirror()
		first := r.latest()
		to := c.plain(c.primary, plugin, plugin+"-to")
		modify := func(version string) []string {
			c.Helper()
			return c.primary.done("POST", to.href+"modify/", obj{"base_version": version})
		}
		c.equal(plugin+" into an empty one", modify(first), []string{to.href + "versions/1/"})
		c.equal(plugin+" base", c.primary.get(to.latest()).obj()["base_version"], any(first))
		c.equal(plugin+" content", to.counts(""), r.counts(first))
		c.equal(plugin+" again", modify(first), []string{})
		up.Remove(packages(plugin)[0].Name)
		up.Put(extra(plugin))
		r.mirror()
		c.equal(plugin+" of a later version", modify(r.latest()), []string{to.href + "versions/2/"})
		c.equal(plugin+" added", to.summary("", "added"), r.summary("", "added"))
		c.equal(plugin+" removed", to.summary("", "removed"), r.summary("", "removed"))
		c.equal(plugin+" of an older version", modify(first), []string{to.href + "versions/3/"})
		c.equal(plugin+" content", to.counts(""), r.counts(first))
	}
}

func snapshotCopy(c *check) {
	up := c.tree("deb", "deb")
	r := c.repository(c.primary, "deb", "r", up.URL(c.upURL))
	r.mirror()
	first := r.latest()
	up.Remove("alpha")
	up.Put(pulpfake.Package{Name: "omega", Version: "1.0", Arch: "amd64", Component: "main"})
	r.mirror()
	r.distribute(obj{"publication": r.publishKind("deb/verbatim")})

	to := c.plain(c.primary, "deb", "to")
	copied := func(version string) []string {
		c.Helper()
		return c.primary.done("POST", "deb/copy/", obj{
			"dependency_solving": false, "config": []any{obj{"source_repo_version": version, "dest_repo": to.href}},
		})
	}
	c.equal("an older version", copied(first), []string{to.href + "versions/1/"})
	c.equal("its content", to.counts(""), r.counts(first))
	c.equal("emptied", c.primary.done("POST", to.href+"modify/", obj{"remove_content_units": []any{"*"}}), []string{to.href + "versions/2/"})
	c.equal("nothing is left", to.counts(""), map[string]int{})
	c.equal("emptied again", c.primary.done("POST", to.href+"modify/", obj{"remove_content_units": []any{"*"}}), []string{})
	c.equal("the newest version", copied(r.latest()), []string{to.href + "versions/3/"})
	c.equal("its content", to.counts(""), r.counts(""))
	to.distribute(obj{"repository": to.href})
	to.publishKind("deb/verbatim")
	for _, path := range strings.Fields("dists/stable/InRelease dists/stable/main/binary-amd64/Packages pool/main/o/omega/omega_1.0_amd64.deb") {
		_, a := c.primary.file(r.name + "/" + path)
		_, b := c.primary.file(to.name + "/" + path)
		if len(a) == 0 || string(a) != string(b) {
			c.Errorf("%s: %d bytes, and %d of the copy", path, len(a), len(b))
		}
	}
}

func snapshotGone(c *check) {
	for _, plugin := range []string{"deb", "rpm"} {
		r := c.plain(c.primary, plugin, plugin)
		gone := r.href + "versions/77/"
		c.refused(c.primary, 400, "POST", plugin+"/copy/", obj{
			"dependency_solving": false, "config": []any{obj{"source_repo_version": gone, "dest_repo": r.href}},
		}, any(one("URI "+gone+" not found for repositoryversion.")))
		c.refused(c.primary, 400, "POST", r.href+"modify/", obj{"base_version": gone},
			any(obj{"base_version": one("Invalid hyperlink - Object does not exist.")}))
	}
}

// snapshotOptions takes what the publications of each type show, and sends it back. What a mirroring sync published
// itself shows a checksum type that nobody may ask for.
func snapshotOptions(c *check) {
	for plugin, options := range map[string]string{
		"deb": "simple structured layout publish_legacy_release_files", "rpm": "checksum_type compression_type layout repo_config", "file": "manifest",
	} {
		up := c.tree(plugin, plugin)
		r := c.repository(c.primary, plugin, plugin, up.URL(c.upURL))
		r.sync(nil)
		extra := map[string]obj{"deb": {"simple": true, "structured": false}, "rpm": {"checksum_type": "sha512"}, "file": {"manifest": "LIST"}}[plugin]
		first := c.primary.get(r.publish(extra)).obj()
		again := obj{}
		for _, name := range strings.Fields(options) {
			if first[name] != nil {
				again[name] = first[name]
			}
		}
		second := c.primary.get(r.publish(again)).obj()
		for _, name := range strings.Fields(options) {
			c.equal(plugin+" "+name, second[name], first[name])
		}
		for name, value := range extra {
			c.equal(plugin+" "+name, second[name], value)
		}
	}
	up := c.tree("rpm", "mirrored")
	r := c.repository(c.primary, "rpm", "mirrored", up.URL(c.upURL))
	mirrored := c.primary.get(publicationOf(r.mirror())).obj()
	c.equal("mirrored", mirrored["checksum_type"], any("unknown"))
	c.refused(c.primary, 400, "POST", "publications/rpm/rpm/", obj{"repository": r.href, "checksum_type": "unknown"}, any(obj{
		"non_field_errors": one("Checksum must be one of the allowed checksum types.\nYou can adjust these with the 'ALLOWED_CONTENT_CHECKSUMS' setting."),
	}))
}

func snapshotLabels(c *check) {
	up := c.tree("file", "f")
	r := c.repository(c.primary, "file", "r", up.URL(c.upURL))
	r.sync(nil)
	d := r.distribute(obj{"publication": r.publish(), "pulp_labels": obj{"pulp_manager_snapshot_version": "1"}})
	up.Put(extra("file"))
	r.sync(nil)
	p := r.publish()
	c.primary.task("PATCH", d, obj{"publication": p, "pulp_labels": obj{"pulp_manager_snapshot_version": "2"}})
	now := c.primary.get(d).obj()
	c.equal("publication", now["publication"], any(p))
	c.equal("labels", now["pulp_labels"], any(obj{"pulp_manager_snapshot_version": "2"}))
	if code, _ := c.primary.file(r.name + "/four.txt"); code != 200 {
		c.Errorf("four.txt: %d", code)
	}
}
