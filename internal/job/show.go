// SPDX-License-Identifier: Apache-2.0

package job

import "context"

// Show stores a part of the stage's detail, beside its message: something that JSON can hold, for people
// and programs to see. Trouble in storing it does not disturb the work.
func (p *Progress) Show(ctx context.Context, key string, value any) { p.set(ctx, key, value) }
