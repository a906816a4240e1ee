// SPDX-License-Identifier: Apache-2.0

package definition_test

import "github.com/pulp/pulp-manager/internal/fleet"

// row makes a row of the table: what is said of deb, rpm, file, python and container.
func row(name string, deb, rpm, file, python, container cell) capability {
	return capability{name, map[fleet.RepositoryType]cell{"deb": deb, "rpm": rpm, "file": file, "python": python, "container": container}}
}

func is(says string, shown ...string) cell { return cell{says, shown} }

// The tests that several cells name.
const (
	groupsync = "internal/job/groupsync "
	reposync  = "internal/job/reposync "
	snapshot  = "internal/job/snapshot "
	removal   = "internal/job/removerepositories "
	removing  = "internal/job/removecontent "
	types     = "internal/content "
)

var (
	none    = is(no)
	demo    = is(yes, groupsync+"TestPrimaryToSecondary", "test/e2e/run: definitions to primary to secondary")
	indices = is(yes, groupsync+"TestPythonAndContainer", "test/e2e/types: definitions to primary to secondary")
)

// capabilities are the rows of docs/content-types.md, in the order of a repository's life.
var capabilities = []capability{
	row("from a definition to the primary to the secondary", demo, demo, demo, indices, indices),
	row("read on the secondary by",
		is("apt", "test/e2e/run: apt, dnf and curl read the secondary"), is("dnf", "test/e2e/run: apt, dnf and curl read the secondary"),
		is("curl", "test/e2e/run: apt, dnf and curl read the secondary"),
		is("pip", "test/e2e/types: pip downloads from the secondary"), is("skopeo", "test/e2e/types: skopeo inspects and copies from the secondary")),
	row("the distribution, where we sync, names",
		is("the repository, published after the guard", "internal/publish TestServe"), is("a publication", "internal/publish TestServe"),
		is("a publication", "internal/publish TestServe"), is("a repository version", "internal/publish TestServeVersion"),
		is("a repository version", "internal/publish TestServeVersion")),
	row("a secondary serves",
		is("the primary's bytes, its signature among them", "test/e2e/run: primary and secondary serve the same bytes"),
		is("the primary's bytes; the same packages, published anew, where Pulp refuses", "test/e2e/run: primary and secondary serve the same bytes", groupsync+"TestMirrorRefused"),
		is("the primary's bytes", "test/e2e/run: primary and secondary serve the same bytes"),
		is("the same files", groupsync+"TestPythonAndContainer", "test/e2e/types: pip downloads from the secondary"),
		is("the same digests", groupsync+"TestPythonAndContainer", "test/e2e/types: skopeo inspects and copies from the secondary")),
	row("an upstream gone empty empties nothing",
		is(yes, groupsync+"TestUpstreamTrouble", "test/e2e/run: an upstream gone empty empties nothing"),
		is(yes, groupsync+"TestUpstreamTrouble", "test/e2e/run: an upstream gone empty empties nothing"),
		is(yes, groupsync+"TestUpstreamTrouble", "test/e2e/run: an upstream gone empty empties nothing"),
		is(yes, groupsync+"TestIndexGoneEmpty"), is(yes, groupsync+"TestIndexGoneEmpty")),
	row("what is asked for and not there fails the sync",
		is("components, architectures", groupsync+"TestAskedForButNotThere"), none, none,
		is("`includes`", groupsync+"TestAskedForOfIndex"), is("`include_tags`", groupsync+"TestAskedForOfIndex")),
	row("a mirror that Pulp calls completed but lost something is not served",
		none, none, none, is(yes, groupsync+"TestMirrorLosesNothing"), none),
	row("unchanged on the primary: no Pulp task on the secondary",
		is(yes, groupsync+"TestUnchangedCostsNothing", "test/e2e/unchanged: a second sync starts no Pulp task"),
		is(yes, groupsync+"TestUnchangedCostsNothing", "test/e2e/unchanged: a second sync starts no Pulp task"),
		is(yes, groupsync+"TestUnchangedCostsNothing", "test/e2e/unchanged: a second sync starts no Pulp task"),
		is(yes, groupsync+"TestIndicesUnchanged"), is(yes, groupsync+"TestIndicesUnchanged")),
	row("asked by us whether it has changed (`probe_upstream`)",
		is(yes, types+"TestProbe", reposync+"TestProbeTellsChanges"), is(yes, types+"TestProbe", reposync+"TestProbeTellsChanges"),
		is(yes, types+"TestProbe", reposync+"TestProbeTellsChanges"), none, none),
	row("banned packages are taken out before anybody sees them",
		is(yes, reposync+"TestBanned", "internal/job/jobtest TestKilledCleaning", "test/e2e/bans: apt and dnf see no banned package on either server"),
		is(yes, reposync+"TestBanned", "internal/job/jobtest TestKilledCleaning", "test/e2e/bans: apt and dnf see no banned package on either server"),
		none, is("by `excludes` of the definition", types+"TestPythonOptions"), is("by `exclude_tags` of the definition", types+"TestContainerOptions")),
	row("metadata is signed by the server",
		is("`deb_signing_service`", "internal/reconcile TestFromDefinition", "test/e2e/trust: the secondary has the primary's public key"),
		is("`rpm_signing_service`", "internal/pulp/pulpcontract signing: rpm metadata is signed by the repository's service, and a mirror carries the signature"), none, none, none),
	row("a secondary refuses what the primary did not sign",
		is(yes, groupsync+"TestMirrorsKnowThePrimarysKey", groupsync+"TestForgedMetadata", "test/e2e/trust: a primary whose metadata somebody else signed is refused"),
		none, none, none, none),
	row("pushed or uploaded to the primary, mirrored to the secondary",
		is(yes, groupsync+"TestSuitesAskedOnce"), none, none, none, is(yes, groupsync+"TestPushed")),
	row("snapshots",
		is("the served bytes of a mirror; else published and signed as the source", snapshot+"TestSnapshot", "test/e2e/snapshots: a snapshot serves what its source serves"),
		is("the served packages", snapshot+"TestSnapshot", "test/e2e/snapshots: a snapshot serves what its source serves"),
		is("the served files", snapshot+"TestSnapshot", "test/e2e/snapshots: a snapshot serves what its source serves"),
		is("the served files", snapshot+"TestSnapshotOfIndex", snapshot+"TestSnapshotOfUploaded", "test/e2e/types: a snapshot of the index is read"), is(no, snapshot+"TestSnapshotOfContainer")),
	row("repository removal", is(yes, removal+"TestRemove", "test/e2e/removal: one is removed, and nothing beside it"),
		is(yes, removal+"TestRemove", "test/e2e/removal: one is removed, and nothing beside it"),
		is(yes, removal+"TestRemove", "test/e2e/removal: one is removed, and nothing beside it"),
		is(yes, removal+"TestRemoveIndices", "test/e2e/types: all of it is removed without a trace"),
		is(yes, removal+"TestRemoveIndices", "test/e2e/types: all of it is removed without a trace")),
	row("content search by", is("name, version, sha256", "internal/inventory TestFind", "test/e2e/content: packages are found"),
		is("name, version, sha256", "internal/inventory TestFind", "test/e2e/content: packages are found"),
		is("path, sha256", "internal/inventory TestFind", "test/e2e/content: packages are found"),
		is("name, version, sha256", "internal/inventory TestFindInPython"), is("tag, digest", "internal/inventory TestFindInContainer")),
	row("content removal", is(yes, removing+"TestRemove", "test/e2e/content: a deb package is taken out, apt sees the others"),
		is(yes, removing+"TestRemove", "test/e2e/content: an rpm package is taken out, dnf sees the others"),
		is(yes, removing+"TestPinned"), is(yes, removing+"TestRemoveFromIndex", removing+"TestRemoveUploaded", "test/e2e/types: a wheel and a tag are taken out, on the secondary too"),
		is("a tag, and what only that needs", removing+"TestRemoveFromIndex", removing+"TestRemoveTagOfSharedImage", "test/e2e/types: a wheel and a tag are taken out, on the secondary too")),
}

// examples are whole definitions, one of each type.
var examples = map[fleet.RepositoryType]string{
	"deb": `{
  "name": "debian-bookworm", "content_repo_type": "deb", "description": "Debian 12", "owner": "platform", "base_url": "debian/12",
  "url": "http://mirror.example.com/debian/", "releases": "bookworm bookworm-updates", "components": "main", "architectures": "amd64",
  "proxy": "http://proxy.example.com:3128"
}`,
	"rpm": `{
  "name": "rhel9-baseos", "content_repo_type": "rpm", "description": "RHEL 9 BaseOS", "owner": "platform", "base_url": "rhel/9",
  "url": "https://cdn.example.com/content/dist/rhel9/9/x86_64/baseos/os/", "policy": "on_demand", "tls_validation": true,
  "secrets": {"client_cert": "file:/etc/pulp_manager/remotes/rhel.pem", "client_key": "file:/etc/pulp_manager/remotes/rhel-key.pem"}
}`,
	"file": `{
  "name": "firmware", "content_repo_type": "file", "description": "Firmware images", "owner": "hardware", "base_url": "firmware",
  "url": "https://files.example.com/firmware/PULP_MANIFEST"
}`,
	"python": `{
  "name": "python-tools", "content_repo_type": "python", "description": "Packages our tools need", "owner": "platform", "base_url": "python",
  "url": "https://index.example.com/", "includes": ["requests>=2.31", "urllib3"], "excludes": ["requests==2.32.0"],
  "prereleases": false, "package_types": ["bdist_wheel", "sdist"], "keep_latest_packages": 5
}`,
	"container": `{
  "name": "base-image", "content_repo_type": "container", "description": "The base image", "owner": "platform", "base_url": "images",
  "url": "https://registry.example.com", "upstream_name": "platform/base", "include_tags": ["12", "12.*"], "exclude_tags": ["*-debug"]
}`,
}
