// SPDX-License-Identifier: Apache-2.0

//go:build !race

package jobtest

import "time"

// Fewer is a tenth of n with the race detector, which makes the database many times slower, else n.
func Fewer(n int) int { return n }

// Slower is five times d with the race detector, else d.
func Slower(d time.Duration) time.Duration { return d }

// More is five times n with the race detector, else n.
func More(n int) int { return n }
