// SPDX-License-Identifier: Apache-2.0

package pulp

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/pulp/pulp-manager/internal/fault"
)

// Href names an object on its server, as Pulp gave it. It is opaque: the API root,
// the domain and even the prefix of a request may differ from ours, so it is only
// ever resolved against the configured address.
type Href string

// ID gives the last path segment that is a uuid (that of a task, say), "" when
// there is none.
func (h Href) ID() string {
	segments := strings.Split(string(h), "/")
	for i := len(segments) - 1; i >= 0; i-- {
		if len(segments[i]) == 36 && uuid.Validate(segments[i]) == nil {
			return segments[i]
		}
	}
	return ""
}

// VersionNumber takes the href of a repository version apart.
func (h Href) VersionNumber() (repository Href, number int, ok bool) {
	head, tail, found := cutLast(string(h), "/versions/")
	if !found {
		return "", 0, false
	}
	number, err := strconv.Atoi(strings.TrimSuffix(tail, "/"))
	if err != nil || number < 0 {
		return "", 0, false
	}
	return Href(head + "/"), number, true
}

// path checks h and gives the path to ask for. A scheme and host are dropped.
func (h Href) path() (string, error) {
	u, err := url.Parse(string(h))
	if err != nil || !strings.HasPrefix(u.Path, "/") || u.RawQuery != "" || u.Fragment != "" ||
		strings.Contains(u.Path+"/", "/../") {
		return "", notSent(fault.New(fault.Invalid, "%q is not the href of an object in Pulp", string(h)))
	}
	return u.EscapedPath(), nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
