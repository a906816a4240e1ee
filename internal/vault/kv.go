// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/pulp/pulp-manager/internal/fault"
)

// form is how a secret's path is asked for.
type form struct {
	// data is how many segments of the path come before "data/" (KV version 2: the length of
	// the mount); 0: the path is asked for as it is (KV version 1, and engines that are not KV).
	data int
}

// path gives the path to ask for.
func (f form) path(segments []string) []string {
	if f.data == 0 {
		return segments
	}
	return slices.Insert(slices.Clone(segments), f.data, "data")
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
func (c *Client) read(ctx context.Context, segments []string, least, most int) (map[string]any, error) {
	forms := []form{{}}
	for n := least; n <= most; n++ {
		forms = append(forms, form{data: n})
	}
	mount := strings.Join(segments[:least], "/")
	known, sure := c.known(mount)
	if at := slices.Index(forms, known); sure && at > 0 {
		forms = slices.Insert(slices.Delete(forms, at, at+1), 0, known)
	}
	failed := http.StatusNotFound
	for i, f := range forms {
		data, status, err := c.get(ctx, f.path(segments))
		if err != nil {
			return nil, err
		}
		if fields, ok := f.fields(data); status == http.StatusOK && ok {
			c.remember(mount, f)
			return fields, nil
		}
		switch {
		case status == http.StatusOK || status == http.StatusNotFound:
		case status != http.StatusForbidden:
			return nil, c.refused(segments, status)
		case i == 0 || !sure: // what is known to be the right way to ask knows best why not
			failed = status
		}
	}
	return nil, c.refused(segments, failed)
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

// refused says what an answer without a secret means. Vault answers Forbidden also where the
// agent has no login, and where there is nothing at the path.
func (c *Client) refused(segments []string, status int) error {
	path := strings.Join(segments, "/")
	switch {
	case status == http.StatusNotFound:
		return fault.New(fault.NotFound, "Vault: there is no secret %s", path).
			WithHint("create it, or correct mount and path")
	case status == http.StatusForbidden || status == http.StatusUnauthorized:
		return fault.New(fault.Forbidden, "Vault: secret %s may not be read", path).
			WithHint("check the agent's login and its policy for this path")
	case status == http.StatusBadRequest:
		return fault.New(fault.Invalid, "Vault: path %s is refused", path).WithHint("correct mount and path")
	}
	return fault.New(fault.Unavailable, "Vault at %s answered %d %s for %s", c.addr, status, http.StatusText(status), path).
		WithHint("check that Vault is unsealed and reachable for the agent")
}
