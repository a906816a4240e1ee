// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/openbao/openbao/api/v2"
)

// question is a secret to ask for, whose mount has from least to most segments.
type question struct {
	namespace   string
	segments    []string
	least, most int
}

func (q question) path() string { return strings.Join(q.segments, "/") }

// form is how a secret's path is asked for.
type form struct {
	// data is how many segments of the path come before "data/" (KV version 2: the length of
	// the mount); 0: the path is asked for as it is (KV version 1, and engines that are not KV).
	data int
}

// path gives the path to ask for.
func (f form) path(segments []string) string {
	if f.data > 0 {
		segments = slices.Insert(slices.Clone(segments), f.data, "data")
	}
	return strings.Join(segments, "/")
}

// fields takes a secret's fields out of an answer's data. A reference may also name the path of
// KV version 2 as the API has it, with data/ in it.
func (f form) fields(data map[string]any) (map[string]any, bool) {
	inner, wrapped := data["data"].(map[string]any)
	about, _ := data["metadata"].(map[string]any)
	if _, versioned := about["version"]; f.data == 0 && !(wrapped && versioned) {
		return data, true
	}
	return inner, wrapped
}

// read finds out how to read a path by trying, so that no right to list mounts is needed
// (D130): as it is, then as KV version 2 with each place where the mount may end. What
// worked for a mount is tried first from then on. The path as it is comes first because
// reading beside it could have an effect in engines that are not KV.
func (c *Client) read(ctx context.Context, q question) (map[string]any, error) {
	forms := []form{{}}
	for n := q.least; n <= q.most; n++ {
		forms = append(forms, form{data: n})
	}
	mount := strings.Join(append([]string{q.namespace}, q.segments[:q.least]...), "/")
	known, sure := c.known(mount)
	if at := slices.Index(forms, known); sure && at > 0 {
		forms = slices.Insert(slices.Delete(forms, at, at+1), 0, known)
	}
	var fields map[string]any
	err := c.session.use(ctx, func(client *api.Client) error {
		failed := http.StatusNotFound
		for i, f := range forms {
			data, status, err := get(ctx, client.WithNamespace(q.namespace), f.path(q.segments))
			if found, ok := f.fields(data); err == nil && ok {
				c.remember(mount, f)
				fields = found
				return nil
			}
			switch {
			case err == nil || status == http.StatusNotFound: // there, but of another form; or not there
			case status != http.StatusForbidden:
				return err
			case i == 0 || !sure: // what is known to be the right way to ask knows best why not
				failed = status
			}
		}
		return &api.ResponseError{StatusCode: failed}
	})
	if err != nil {
		return nil, c.refused(q.path(), err)
	}
	return fields, nil
}

func (c *Client) known(mount string) (form, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f, ok := c.forms[mount]
	return f, ok
}

func (c *Client) remember(mount string, f form) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forms[mount] = f
}
