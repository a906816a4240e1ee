// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"regexp"
	"time"
)

// ServerName is a Pulp server's name, which is also its network address:
// lower-case host and optional port (legacy section 1.5).
type ServerName string

var serverName = regexp.MustCompile(`^[a-z0-9.\-_]+(:[0-9]+)?$`)

// Valid tells whether the name keeps the rule.
func (n ServerName) Valid() bool { return serverName.MatchString(string(n)) }

// Server is a Pulp server of the fleet, as configured.
type Server struct {
	ID   ServerID
	Name ServerName

	Username        string
	CredentialMount string    // Vault mount of the account, `vault_service_account_mount`
	Password        SecretRef // empty: as the original, from CredentialMount or the static password
	URL             string    // base address of the API; empty: from the name
	ContentOrigin   string    // where the daemon reads the server's content; empty: same address as the API
	MirrorURL       string    // where secondaries read it; empty: from the name
	Domain          string    // Pulp domain; empty: none
	Description     string

	SnapshotSupported      bool
	MaxConcurrentSnapshots int // 0: not given

	Adopt bool // repositories that somebody else made become ours without asking

	Registration *Registration // nil: never registered on schedule

	Health     Health // roll-up over its repositories; empty: not yet known
	HealthDate time.Time

	Removed time.Time // when it left the configuration; zero: it is in it
	Created time.Time
	Updated time.Time
}

// Registration says how repositories are created on a server from definitions.
type Registration struct {
	Schedule   string // cron text
	MaxRuntime string
	Include    string // patterns on the definition's candidate name
	Exclude    string

	OnMissing    string // KeepMissing (or empty), RemoveMissing
	OnMissingCap int    // 0: DefaultMissingCap
}
