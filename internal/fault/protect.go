// SPDX-License-Identifier: Apache-2.0

package fault

import (
	"fmt"
	"runtime/debug"
)

// Protect runs fn and turns a panic into an Internal error: a fault in the work on one thing must not
// end the work on all others.
func Protect(fn func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = Wrap(Internal, fmt.Errorf("panic: %v\n%s", v, debug.Stack()), "internal error")
		}
	}()
	return fn()
}
