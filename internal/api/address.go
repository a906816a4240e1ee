// SPDX-License-Identifier: Apache-2.0

package api

import (
	"net/http"

	"github.com/pulp/pulp-manager/internal/auth"
)

// clientAddress gives the address of a request's client, without the port.
func clientAddress(r *http.Request) string { return auth.Address(r) }
