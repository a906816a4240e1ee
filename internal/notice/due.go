// SPDX-License-Identifier: Apache-2.0

package notice

import (
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// entry is one thing to tell.
type entry struct {
	notice fleet.Notice
	event  fleet.NoticeEvent
}

// due gives what a receiver is to be told now. What it was never told is told as long as it is true; that it is well again, only
// where it was told that it was not. What is still wrong is told together: with one that is due come those that soon would be.
func due(board fleet.NoticeBoard, receiver string, repeat time.Duration) []entry {
	told := map[int64]fleet.NoticeTold{}
	for _, t := range board.Told {
		if t.Receiver == receiver {
			told[t.Notice] = t
		}
	}
	var entries, again []entry
	daily := false
	for _, n := range board.Notices {
		was, known := told[n.ID]
		age := board.Now.Sub(was.At)
		switch {
		case !known && n.Closed.IsZero():
			entries = append(entries, entry{n, fleet.NoticeFailed})
		case !known || was.Event == fleet.NoticeRecovered:
		case n.Closed.IsZero() && repeats(n) && repeat > 0 && age >= repeat/2:
			again = append(again, entry{n, fleet.NoticeStill})
			daily = daily || age >= repeat
		case n.Recovered:
			entries = append(entries, entry{n, fleet.NoticeRecovered})
		}
	}
	if daily {
		entries = append(entries, again...)
	}
	return entries
}

// repeats tells whether it can be known that something is still wrong. A task that a person asked for was not tried again since.
func repeats(n fleet.Notice) bool { return n.Source != fleet.NoticeTask || n.Schedule != 0 }
