// SPDX-License-Identifier: Apache-2.0

package api

import "github.com/pulp/pulp-manager/internal/fleet"

// access says who may use a route.
type access int

// Who may. The zero value is a route that does not say, which only admins may use.
const (
	unsaid   access = iota
	everyone        // no login needed
	readers         // readers and admins
	admins
)

// role is the least role that may.
func (a access) role() fleet.Role {
	switch a {
	case everyone:
		return fleet.RoleNobody
	case readers:
		return fleet.RoleReader
	}
	return fleet.RoleAdmin
}
