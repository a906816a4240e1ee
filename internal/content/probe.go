// SPDX-License-Identifier: Apache-2.0

package content

import (
	"net/url"
	"path"
	"strings"
)

// probeDeb: the release files of each suite hold the hashes of all else. A suite with a slash at its
// end is a folder of a flat repository, as apt has it. Either of a suite's files may be missing.
func probeDeb(remote map[string]any) [][]string {
	var groups [][]string
	for _, suite := range strings.Fields(text(remote, "distributions")) {
		folder := "dists/" + suite
		if strings.HasSuffix(suite, "/") {
			folder = suite
		}
		group := below(remote, path.Join(folder, "InRelease"), path.Join(folder, "Release"))
		if group == nil {
			return nil
		}
		groups = append(groups, group)
	}
	return groups
}

// probeRPM: repomd.xml holds the hashes of all else.
func probeRPM(remote map[string]any) [][]string {
	return one(below(remote, "repodata/repomd.xml"))
}

// probeFile: the remote's url is that of the manifest, which holds the hashes of all files.
func probeFile(remote map[string]any) [][]string {
	if u := feed(remote); u != nil && path.Base(u.Path) == manifest {
		return one([]string{u.String()})
	}
	return nil
}

// one is a single group, or none.
func one(group []string) [][]string {
	if group == nil {
		return nil
	}
	return [][]string{group}
}

// feed gives a remote's url where it can be read by HTTP as it is; else nil.
func feed(remote map[string]any) *url.URL {
	u, err := url.Parse(text(remote, "url"))
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil {
		return nil
	}
	return u
}

// below gives the urls of files below a remote's; nil where that is a list of mirrors, say.
func below(remote map[string]any, files ...string) []string {
	u := feed(remote)
	if u == nil || u.RawQuery != "" || u.Fragment != "" {
		return nil
	}
	urls := make([]string, len(files))
	for i, file := range files {
		urls[i] = u.JoinPath(strings.TrimPrefix(file, "/")).String()
	}
	return urls
}
