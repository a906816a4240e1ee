// SPDX-License-Identifier: Apache-2.0

package pulp

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/pulp/pulp-manager/internal/fault"
)

const (
	pageSize = 1000
	maxReads = 3 // of a list that shrinks while it is read

	// maxAddress keeps a request line below the 4094 bytes that gunicorn takes,
	// with room for what a proxy may put before the path.
	maxAddress = 3500
)

// listed is an object of a list.
type listed interface {
	Href() Href // "" when it was not asked for
}

type page[T listed] struct {
	Count   int `json:"count"`
	Results []T `json:"results"`
}

// List gives all objects of a collection, such as "repositories/deb/apt/", with
// q as filters. Pages are counted by offset: the address of the next page in the
// answer may be one that only Pulp's own host understands. A list that keeps
// shrinking while it is read, so that objects may be missing, is Unavailable.
func (c *Client) List(ctx context.Context, path string, q url.Values) ([]Fields, error) {
	return listAs[Fields](ctx, c, path, q)
}

// listAs is List of objects that are read as T.
func listAs[T listed](ctx context.Context, c *Client, path string, q url.Values) ([]T, error) {
	for range maxReads {
		list, whole, err := listOnce[T](ctx, c, path, q)
		if err != nil || whole {
			return list, err
		}
	}
	return nil, c.broken(fault.Unavailable, "list "+path, failure{}, "the list keeps changing while it is read")
}

// listOnce reads page after page. whole is false when the number of objects
// changed such that some may have been missed or, without hrefs, read twice.
func listOnce[T listed](ctx context.Context, c *Client, path string, q url.Values) (list []T, whole bool, err error) {
	q = maps.Clone(q)
	if q == nil {
		q = url.Values{}
	}
	if q.Get("limit") == "" {
		q.Set("limit", strconv.Itoa(pageSize))
	}
	offset, _ := strconv.Atoi(q.Get("offset"))
	seen := map[Href]bool{}
	count := -1
	for {
		if offset > 0 {
			q.Set("offset", strconv.Itoa(offset))
		}
		got, err := readPage[T](ctx, c, path, q)
		if err != nil {
			return nil, false, err
		}
		before := len(list)
		for _, object := range got.Results {
			href := object.Href()
			if href != "" && seen[href] {
				continue
			}
			seen[href] = true
			list = append(list, object)
		}
		offset += len(got.Results)
		if count >= 0 && (got.Count < count || got.Count > count && seen[""]) {
			return nil, false, nil
		}
		count = got.Count
		if offset >= count {
			return list, true, nil
		}
		if len(list) == before {
			return nil, false, c.broken(fault.Internal, "list "+path, failure{}, "the pages do not go on")
		}
	}
}

func (c *Client) page(ctx context.Context, path string, q url.Values) (page[Fields], error) {
	return readPage[Fields](ctx, c, path, q)
}

func readPage[T listed](ctx context.Context, c *Client, path string, q url.Values) (page[T], error) {
	r := request{what: "list " + path, method: http.MethodGet, path: c.api + collection(path), query: q}
	got, err := c.do(ctx, r)
	if err != nil {
		return page[T]{}, err
	}
	var out page[T]
	if json.Unmarshal(got.body, &out) != nil || out.Results == nil {
		return page[T]{}, c.unreadable(r, got)
	}
	return out, nil
}

// Page gives the objects of one page of a collection, as q's limit and offset say, and how many there are in all.
func (c *Client) Page(ctx context.Context, path string, q url.Values) ([]Fields, int, error) {
	got, err := c.page(ctx, path, q)
	return got.Results, got.Count, err
}

// Count gives the number of objects in a collection without reading them.
func (c *Client) Count(ctx context.Context, path string, q url.Values) (int, error) {
	q = maps.Clone(q)
	if q == nil {
		q = url.Values{}
	}
	q.Set("limit", "1")
	q.Set("fields", "pulp_href")
	got, err := c.page(ctx, path, q)
	return got.Count, err
}

// ListIn lists the objects whose param, such as "name__in", is one of ids, with
// as many requests as the length of a request line needs. An empty ids gives
// nothing and asks nothing.
func (c *Client) ListIn(ctx context.Context, path, param string, ids []string, q url.Values) ([]Fields, error) {
	return listIn[Fields](ctx, c, path, param, ids, q)
}

// listIn is ListIn of objects that are read as T.
func listIn[T listed](ctx context.Context, c *Client, path, param string, ids []string, q url.Values) ([]T, error) {
	var list []T
	for _, filter := range c.filters(path, param, ids, q) {
		got, err := listAs[T](ctx, c, path, filter)
		if err != nil {
			return nil, err
		}
		list = append(list, got...)
	}
	return list, nil
}

// filters cuts ids into queries. Pulp separates the values of "__in" by commas and
// knows no way to escape one, so a value with a comma is asked for by itself.
func (c *Client) filters(path, param string, ids []string, q url.Values) []url.Values {
	with := func(param, value string) url.Values {
		out := maps.Clone(q)
		if out == nil {
			out = url.Values{}
		}
		out.Set(param, value)
		return out
	}
	fixed := len(c.base.Host) + len(c.api) + len(path) + len(with(param, "").Encode()) +
		len("&limit=1000&offset=1000000")
	var out []url.Values
	var chunk []string
	size := fixed
	flush := func() {
		if len(chunk) > 0 {
			out = append(out, with(param, strings.Join(chunk, ",")))
		}
		chunk, size = nil, fixed
	}
	ids = slices.Clone(ids)
	slices.Sort(ids)
	for _, id := range slices.Compact(ids) {
		if id == "" {
			continue
		}
		if single, in := strings.CutSuffix(param, "__in"); in && strings.Contains(id, ",") {
			out = append(out, with(single, id))
			continue
		}
		cost := len(url.QueryEscape(id)) + len("%2C")
		if size+cost > maxAddress {
			flush()
		}
		chunk, size = append(chunk, id), size+cost
	}
	flush()
	return out
}

// collection gives a path below the API without a slash before and with one after.
func collection(path string) string {
	return strings.Trim(path, "/") + "/"
}
