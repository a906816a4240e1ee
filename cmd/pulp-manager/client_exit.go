// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/pulp/pulp-manager/client"
	"github.com/pulp/pulp-manager/internal/fault"
)

// exitCodes are the codes of each kind of error.
var exitCodes = map[fault.Kind]int{
	fault.Internal: client.ExitFailed, fault.Invalid: client.ExitInvalid, fault.Unauthenticated: client.ExitForbidden,
	fault.Forbidden: client.ExitForbidden, fault.NotFound: client.ExitNotFound, fault.Conflict: client.ExitConflict,
	fault.Unavailable: client.ExitUnavailable, fault.TooMany: client.ExitUnavailable,
}

// exitCode gives the program's exit code for an error; nil is 0.
func exitCode(err error) int {
	if err == nil {
		return client.ExitOK
	}
	return exitCodes[fault.KindOf(err)]
}
