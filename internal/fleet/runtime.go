// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
)

// Unlimited is the run time of a task that may take as long as it needs (`-1`).
const Unlimited time.Duration = -1

// ParseRuntime reads a run time: whole seconds, or a whole number followed by one
// of d, h, m, s in any case; -1 is Unlimited (legacy section 1.8).
func ParseRuntime(text string) (time.Duration, error) {
	bad := fault.New(fault.Invalid, "max_runtime %q is not a duration", text).
		WithHint("write seconds (\"300\"), or a number with d, h, m or s (\"20m\", \"6h\"); \"-1\" is unlimited")
	t := strings.ToLower(strings.TrimSpace(text))
	if t == "-1" {
		return Unlimited, nil
	}
	unit := time.Second
	if n := len(t); n > 0 {
		units := map[byte]time.Duration{'d': 24 * time.Hour, 'h': time.Hour, 'm': time.Minute, 's': time.Second}
		if u, ok := units[t[n-1]]; ok {
			unit, t = u, t[:n-1]
		}
	}
	n, err := strconv.ParseInt(t, 10, 64)
	if err != nil || n <= 0 || strings.HasPrefix(t, "+") || n > math.MaxInt64/int64(unit) {
		return 0, bad
	}
	return time.Duration(n) * unit, nil
}
