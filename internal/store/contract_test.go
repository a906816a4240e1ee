// SPDX-License-Identifier: Apache-2.0

package store_test

import (
	"testing"

	"github.com/pulp/pulp-manager/internal/store/storecontract"
)

func TestContract(t *testing.T) {
	for name, open := range storecontract.Databases(t) {
		t.Run(name, func(t *testing.T) { storecontract.Run(t, open) })
	}
}
