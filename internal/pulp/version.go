// SPDX-License-Identifier: Apache-2.0

package pulp

import (
	"context"
	"net/url"
	"strconv"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
)

// RepositoryVersion is the content of a repository at a time. The counts are by
// content type, such as "deb.package". They differ between servers that serve the
// same bytes.
type RepositoryVersion struct {
	Href       Href
	Repository Href
	Number     int
	Present    map[string]int
	Added      map[string]int
	Removed    map[string]int
	Created    time.Time
}

func newVersion(f Fields) RepositoryVersion {
	summary := f.object("content_summary")
	repository := f.href("repository")
	if repository == "" {
		repository, _, _ = f.Href().VersionNumber()
	}
	return RepositoryVersion{
		Href:       f.Href(),
		Repository: repository,
		Number:     int(f.number("number")),
		Present:    counts(summary.object("present")),
		Added:      counts(summary.object("added")),
		Removed:    counts(summary.object("removed")),
		Created:    f.time("pulp_created"),
	}
}

func counts(f Fields) map[string]int {
	out := make(map[string]int, len(f))
	for contentType := range f {
		out[contentType] = int(f.object(contentType).number("count"))
	}
	return out
}

// Version reads one repository version.
func (c *Client) Version(ctx context.Context, href Href) (RepositoryVersion, error) {
	f, err := c.read(ctx, "read repository version", href)
	if err != nil {
		return RepositoryVersion{}, err
	}
	return newVersion(f), nil
}

// Versions reads many repository versions. Those that do not exist are missing
// from the map.
//
// Pulp (3.123) has no way to ask for versions by their hrefs: "pulp_href__in"
// takes none of its own. So pages of the newest versions are read, as long as a
// page of 1000 costs less than what it may save, and the rest one by one.
func (c *Client) Versions(ctx context.Context, hrefs []Href) (map[Href]RepositoryVersion, error) {
	missing := make(map[Href]bool, len(hrefs))
	for _, href := range hrefs {
		missing[href] = true
	}
	out := make(map[Href]RepositoryVersion, len(missing))
	if err := c.newestVersions(ctx, missing, out); err != nil {
		return nil, err
	}
	for href := range missing {
		v, err := c.Version(ctx, href)
		switch {
		case err == nil:
			out[href] = v
		case !fault.Is(err, fault.NotFound):
			return nil, err
		}
	}
	return out, nil
}

// newestVersions moves the versions it finds from missing to out.
func (c *Client) newestVersions(ctx context.Context, missing map[Href]bool, out map[Href]RepositoryVersion) error {
	const pageInReads = 10 // a page of 1000 takes Pulp as long as ten single reads
	offset := 0
	for pages := len(missing) / pageInReads; pages > 0 && len(missing) > 0; pages-- {
		got, err := c.page(ctx, "repository_versions/", url.Values{
			"limit": {strconv.Itoa(pageSize)}, "offset": {strconv.Itoa(offset)},
		})
		if err != nil {
			return err
		}
		for _, f := range got.Results {
			if v := newVersion(f); missing[v.Href] {
				out[v.Href] = v
				delete(missing, v.Href)
			}
		}
		offset += len(got.Results)
		if len(got.Results) == 0 || offset >= got.Count {
			return nil
		}
	}
	return nil
}

// NewestVersions gives the versions of a repository from a number on, newest first.
func (c *Client) NewestVersions(ctx context.Context, repository Href, from int) ([]RepositoryVersion, error) {
	_, tail, ok := cutLast(string(repository), "/repositories/")
	if !ok {
		return nil, notSent(fault.New(fault.Invalid, "%q is not the href of a repository in Pulp", string(repository)))
	}
	list, err := c.List(ctx, collection("repositories/"+tail)+"versions/", url.Values{
		"ordering": {"-number"}, "number__gte": {strconv.Itoa(from)}, "fields": {"pulp_href,number,content_summary,pulp_created"},
	})
	return each(list, newVersion), err
}

// DeleteVersion deletes a repository version; one being served is Invalid. It
// gives the task.
func (c *Client) DeleteVersion(ctx context.Context, href Href) (Href, error) {
	return c.remove(ctx, "delete repository version", href)
}
