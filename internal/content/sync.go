// SPDX-License-Identifier: Apache-2.0

package content

import (
	"maps"
	"strings"

	"github.com/pulp/pulp-manager/internal/fault"
)

// SyncBody gives what a sync request says: the method's options, what a person asked for over them,
// and Full's where everything is to be looked at again and this version of Pulp can.
func (t Type) SyncBody(m Method, asked map[string]any, full bool) map[string]any {
	body := map[string]any{}
	maps.Copy(body, m.Options)
	if full {
		maps.Copy(body, t.Full)
	}
	maps.Copy(body, asked)
	return body
}

// Refused tells whether a sync failed because Pulp cannot sync this repository by this method, so that
// the next one is worth a try: its words are about mirroring then (seen with pulp_rpm 3.39).
func Refused(err error) bool {
	return fault.Is(err, fault.Invalid) && strings.Contains(strings.ToLower(fault.Message(err)), "mirror")
}
