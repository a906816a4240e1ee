// SPDX-License-Identifier: Apache-2.0

package pulpcontract

import "testing"

func TestContractOnTheFake(t *testing.T) { Run(t, FakeEnv(t)) }

// TestContractOnARealPair runs the same on what PULPMAN_TEST_PULP names; CI names it and compares the printed counts.
func TestContractOnARealPair(t *testing.T) {
	if env, given := RealEnv(); given {
		Run(t, env)
	}
}
