// SPDX-License-Identifier: Apache-2.0

package groupsync_test

import (
	"net/http"
	"time"

	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// hangCancels delays requests that cancel a Pulp task, until the gate opens.
func hangCancels(gate <-chan struct{}) func(*http.Request, int) pulpfake.Fault {
	return func(r *http.Request, _ int) pulpfake.Fault {
		if r.Method == http.MethodPatch {
			select {
			case <-gate:
			case <-time.After(5 * time.Second):
			case <-r.Context().Done():
			}
		}
		return pulpfake.None
	}
}
