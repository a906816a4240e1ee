// SPDX-License-Identifier: Apache-2.0

package pulpcontract

import (
	"net/http"
	"time"
)

// since is the first version of a component that does what a contract says. Older ones are supported too: there the
// contract proves what they do instead, which the client must cope with. docs/pulp-versions.md tells how.
//
// The versions are those of Pulp's own changelogs; proven on both sides are 3.85.34 and 3.123.1 with the plugins of
// their time.
type since struct{ component, version string }

var (
	// unchangedAnswers: a PATCH that changes nothing is answered 200 with the object. Before, it starts a Pulp task.
	unchangedAnswers = since{"core", "3.90"}

	// objectResults: "result" of a finished Pulp task holds the object that it made or changed. Before, it is null, and
	// before 3.88 there is none.
	objectResults = since{"core", "3.100"}

	// createdNames: a Pulp task tells the prn of what it created, also when that is gone.
	createdNames = since{"core", "3.107"}

	// hrefsChecked: a filter by hrefs names the one that it does not understand.
	hrefsChecked = since{"core", "3.107"}

	// noWorkers: a Pulp task does not tell its worker any more.
	noWorkers = since{"core", "3.89.2"}

	// skippedFiles: a file sync skips an unchanged manifest, remembers what it saw in the repository's last_sync_details,
	// and takes "optimize". Before, it reads the manifest each time and refuses the option.
	skippedFiles = since{"core", "3.115"}

	// eitherPublishes: a file sync that mirrors is refused where the repository publishes by itself.
	eitherPublishes = since{"core", "3.109"}

	// coreCodes, debCodes, rpmCodes: the reason of a failure begins with its code. Before, there is none; the words are the same.
	coreCodes = since{"core", "3.102"}
	debCodes  = since{"deb", "3.10"}
	rpmCodes  = since{"rpm", "3.37"}

	// debLayouts: a deb publication tells its layout.
	debLayouts = since{"deb", "3.9"}

	// supersededServed: rpm and file repositories serve files of a superseded publication for three days. Before, they
	// answer 404 as soon as another publication is served.
	supersededServed = since{"core", "3.109"}

	// canonicalPaths: base paths are refused in words that name the form; an overlap does not name the other distribution.
	// It came after 3.116.
	canonicalPaths = since{"core", "3.117"}

	// repositoryFilters: lists of content take a repository for its latest version. Before, only a version.
	repositoryFilters = since{"core", "3.105"}

	// pathFilters: files are found by parts of their relative paths. Before, only by the whole.
	pathFilters = since{"core", "3.112"}

	// publishedOnly: with_content finds the distributions that serve a publication. Before, those of a repository too (the
	// changelog does not tell since when: 3.85 does, 3.123 does not).
	publishedOnly = since{"core", "3.106"}

	// betweenFilters: what one version has and another has not is listed. Before, such a filter is refused. It came after
	// 3.116.
	betweenFilters = since{"core", "3.117"}

	// steadyWorkers: a worker notices that a Pulp task may go on. Before, one that is alone may miss it and sleeps until
	// it is nudged (pulpcore issue 6873).
	steadyWorkers = since{"core", "3.91"}

	// plainLabels: keys of labels may have dots, hyphens and spaces wherever they are given.
	plainLabels = since{"core", "3.105"}

	// distinctArchitectures: a remote that names an architecture twice is refused. Before, it is accepted.
	distinctArchitectures = since{"deb", "3.10"}

	// plainIndexes: python syncs from an index by http. Before, its url must begin with https.
	plainIndexes = since{"python", "3.26.1"}

	// normalNames: python packages are found by their names however these are written. Before, by the very name only.
	normalNames = since{"python", "3.28"}

	// namedIncludes: remotes of containers have includes and excludes, and a sync counts manifests. Before, they have
	// include_tags and exclude_tags, and it counts tags.
	namedIncludes = since{"container", "2.28"}

	// anyManifest: a manifest is served by its tag to a client that does not say what it takes. Before, it is not there for
	// that one.
	anyManifest = since{"container", "2.29"}

	// pinnedVersions: distributions of every type can serve a repository version. Before, only those of types without
	// publications can; the others have no such field.
	pinnedVersions = since{"core", "3.106"}
)

// has tells whether the server does what came with x.
func (s *server) has(x since) bool { return s.versions.AtLeast(x.component, x.version) }

// has tells whether the servers do what came with x.
func (c *check) has(x since) bool { return c.primary.has(x) }

// nudge makes a worker look for work that it may have missed, at most twice a second.
func (s *server) nudge(last *time.Time) {
	s.t.Helper()
	if s.has(steadyWorkers) || time.Since(*last) < time.Second/2 {
		return
	}
	s.want(202, http.MethodPost, "tasks/purge/", obj{"finished_before": "1970-01-01T00:00:00Z", "states": []any{"completed"}})
	*last = time.Now()
}

// learn asks the server for its versions.
func (s *server) learn() {
	s.t.Helper()
	s.versions.Versions = map[string]string{}
	for _, v := range objectsOf(s.get("status/").obj()["versions"]) {
		s.versions.Versions[text(v["component"])] = text(v["version"])
	}
}
