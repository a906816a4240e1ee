// SPDX-License-Identifier: Apache-2.0

package content

import (
	"context"
	"html"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/pulp/pulp-manager/internal/fault"
)

const simple = "simple/"

var anchor = regexp.MustCompile(`(?is)<a\b[^>]*?\bhref\s*=\s*["']([^"']*)["']`)

// readPython reads the simple index (PEP 503). Its pages name their own server and come in any order, so
// what counts of them is which files there are, by which hashes: that is all of the metadata told.
func readPython(ctx context.Context, fetch Fetch, _ map[string]any) (View, error) {
	body, err := fetch(ctx, simple)
	if err != nil {
		return View{}, err
	}
	if !strings.Contains(strings.ToLower(string(body)), "<html") {
		return View{}, fault.New(fault.Invalid, "%s is not a page", simple)
	}
	view := View{Metadata: map[string][]byte{}}
	for _, project := range links(body) {
		page, err := fetch(ctx, simple+path.Base(strings.TrimRight(project.Path, "/"))+"/")
		if err != nil {
			return View{}, err
		}
		for _, file := range links(page) {
			sum, ok := strings.CutPrefix(file.Fragment, "sha256=")
			if !ok {
				return View{}, fault.New(fault.Invalid, "%s has no sha256", file.Path)
			}
			view.Units = append(view.Units, path.Base(file.Path)+" "+sum)
		}
	}
	slices.Sort(view.Units)
	view.Units = slices.Compact(view.Units)
	if len(view.Units) > 0 {
		view.Metadata[simple] = []byte(strings.Join(view.Units, "\n") + "\n")
	}
	return view, nil
}

// links gives what a page's anchors lead to.
func links(page []byte) []*url.URL {
	var found []*url.URL
	for _, match := range anchor.FindAllSubmatch(page, -1) {
		if u, err := url.Parse(html.UnescapeString(string(match[1]))); err == nil && strings.Trim(u.Path, "/.") != "" {
			found = append(found, u)
		}
	}
	return found
}
