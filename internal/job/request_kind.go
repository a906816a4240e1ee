// SPDX-License-Identifier: Apache-2.0

package job

import (
	"strings"

	"github.com/pulp/pulp-manager/internal/pulp"
)

// requestKind names what a request is about, without what differs from object to object: requests of a kind cost a
// server about the same.
func requestKind(o pulp.Observation) string {
	parts := strings.Split(o.Path, "/")
	for i, part := range parts {
		if len(part) == 36 && strings.Count(part, "-") == 4 || part != "" && strings.Trim(part, "0123456789") == "" {
			parts[i] = "{}"
		}
	}
	return o.Method + " " + strings.Join(parts, "/")
}
