// SPDX-License-Identifier: Apache-2.0

package fleet

import "time"

// Group is a set of repositories chosen by pattern. The exclude pattern is
// looked at first; both search anywhere in the name.
type Group struct {
	ID      GroupID
	Name    string
	Include string
	Exclude string
}

// ServerGroup is a group attached to a server: how and when that server syncs it.
type ServerGroup struct {
	Server  ServerID
	Group   Group
	Primary ServerName // server to mirror from (`pulp_master`); empty: each repository's own remote

	Schedule           string // cron text; empty: only by request
	MaxConcurrentSyncs int
	MaxRuntime         string

	Created time.Time
	Updated time.Time
}
