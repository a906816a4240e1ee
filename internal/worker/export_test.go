// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"context"
	"time"
)

// Age makes all leases look as if they were last renewed so much earlier.
func (w *Worker) Age(d time.Duration) {
	for _, h := range w.all() {
		h.renew(time.Now().Add(-d))
	}
}

// RenewNow does what Run does each time that leases are renewed.
func (w *Worker) RenewNow(ctx context.Context) { w.renew(ctx) }
