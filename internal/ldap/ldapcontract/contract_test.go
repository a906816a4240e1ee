// SPDX-License-Identifier: Apache-2.0

package ldapcontract

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestContractOnTheFake(t *testing.T) { Run(t, FakeEnv(t)) }

// TestContractOnSlapd runs the same on what PULPMAN_TEST_LDAP names; CI names lab/slapd and compares which tests ran.
func TestContractOnSlapd(t *testing.T) {
	if env, given := RealEnv(t); given {
		Run(t, env)
	}
}
