// SPDX-License-Identifier: Apache-2.0

package fleet

import "time"

// Repository is one repository on one server, as our store last saw it there.
type Repository struct {
	ID     RepositoryID
	NameID NameID
	Server ServerID
	Name   string
	Type   RepositoryType

	ServerName ServerName // in lists; else empty

	Href             string // Pulp's
	RemoteHref       string // empty: it has no remote and is not meant to sync
	RemoteFeed       string // url of the remote
	DistributionHref string
	LatestVersion    string // href of its newest version
	ServedVersion    string // href of the version its distribution serves; empty: nothing, or not known

	ServedPublication string // href of the publication that is served; empty: none, or not known
	BasePath          string // of its distribution; empty: it has none
	Packages          int    // in the version served, else in the newest; UnknownPackages
	PackagesVersion   string // href of the version that was counted

	Owned      bool      // it carries our label
	Drift      []string  // what somebody else changed since we last set it, one text each
	DriftDate  time.Time // when that was first seen so
	Unwanted   time.Time // since when neither a definition nor a mirror wants it; zero: one does, or not known
	Waiting    []string  // what would change if it were adopted; empty: it does not wait for that
	SetVersion string    // href of the version that we last made it serve; empty: we never did

	Health     Health // empty: it has none, because it is not meant to sync or never was
	HealthDate time.Time

	LastAttempt      time.Time // end of its newest finished sync; zero: none
	LastAttemptState TaskState // how that one ended
	LastSuccess      time.Time // end of its newest completed sync; zero: none

	Missing time.Time // since when the server lacks it; zero: it is there
	Created time.Time
	Updated time.Time
}

// UnknownPackages says that the packages of a repository have not been counted.
const UnknownPackages = -1

// SyncFailed tells whether its newest finished sync did not succeed; false for one never synced.
func (r Repository) SyncFailed() bool { return !r.LastAttempt.IsZero() && !r.LastAttemptState.Good() }

// HasRemote tells whether the repository is meant to sync.
func (r Repository) HasRemote() bool { return r.RemoteHref != "" }
