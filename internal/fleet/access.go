// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"slices"
	"time"
)

// Role is what somebody may do.
type Role string

// The roles, least first. Each may do all that those before it may.
const (
	RoleNobody Role = ""       // only what needs no login
	RoleReader Role = "reader" // see everything but what is for admins
	RoleAdmin  Role = "admin"  // change things
)

// Roles are all roles, least first.
var Roles = []Role{RoleNobody, RoleReader, RoleAdmin}

// May tells whether somebody with role r may do what needs role needed. An unknown role may nothing.
func (r Role) May(needed Role) bool {
	return slices.Contains(Roles, r) && slices.Index(Roles, r) >= slices.Index(Roles, needed) && slices.Contains(Roles, needed)
}

// Identity is what a directory says about somebody whose password was right.
type Identity struct {
	User   string   // as the directory has it, without a domain
	Groups []string // names, direct and nested, each once, sorted
	Role   Role     // of directories that have roles of their own (a users file); empty: the groups decide
	Stamp  string   // changes when logins of the user so far must end; empty: the directory cannot tell (LDAP)
}

// Principal is who makes a request.
type Principal struct {
	User    string // empty: nobody logged in
	Role    Role
	Groups  []string
	TokenID string    // names the login, to revoke it; empty: no token was sent
	Expires time.Time // of the login; zero: there is none
}

// Revocation ends a login before its time.
type Revocation struct {
	TokenID string
	User    string
	Until   time.Time // when the token would have ended by itself: until then the revocation must be kept
}

// LoginFailures are the failed logins of one key (a user, an address, or both) since the last success.
type LoginFailures struct {
	Key   string
	Count int
	Last  time.Time
}

// AuditEntry records that somebody changed something, or tried to. It holds no secret.
type AuditEntry struct {
	ID        int64
	At        time.Time // the store's now
	User      string    // empty: nobody logged in
	Role      Role
	Address   string // of the client
	Action    string // id of the operation, such as sync-repos, or login
	Method    string // of the request
	Path      string // of the request, without its query
	Status    int    // of the answer
	Server    ServerID
	Task      TaskID // that was queued or changed; 0: none
	RequestID string
	Detail    string // what was asked, in one line; or why it was refused
}
