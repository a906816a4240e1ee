// SPDX-License-Identifier: Apache-2.0

package jobtest

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
)

// Environment variables that say how many of all moments or faults a test tries: "all", or a number of them.
const (
	Kills  = "PULPMAN_KILLS"
	Faults = "PULPMAN_FAULTS"
)

// Sample picks n of all by chance: others each time, or those of the seed in PULPMAN_SEED. The environment
// variable named by how may ask for all, or another number; with the race detector there are fewer.
func Sample[T any](t *testing.T, all []T, how string, n int) []T {
	t.Helper()
	switch asked := os.Getenv(how); asked {
	case "all":
		return all
	case "":
		n = min(n, max(Fewer(n), 4))
	default:
		given, err := strconv.Atoi(asked)
		if err != nil {
			t.Fatalf("%s=%s is neither all nor a number", how, asked)
		}
		n = max(n, given)
	}
	seed := rand.Uint64()
	if given, err := strconv.ParseUint(os.Getenv("PULPMAN_SEED"), 10, 64); err == nil {
		seed = given
	}
	t.Logf("PULPMAN_SEED=%d: %d of %d", seed, min(n, len(all)), len(all))
	rand.New(rand.NewPCG(seed, 0)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:min(n, len(all))]
}
