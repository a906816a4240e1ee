// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"

	"github.com/pulp/pulp-manager/internal/job/jobtest"
)

func TestMain(m *testing.M) { jobtest.Main(m) }
