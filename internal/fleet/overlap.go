// SPDX-License-Identifier: Apache-2.0

package fleet

import "fmt"

// Overlapping is what a schedule's policy makes of a run that is due while the task of the one before is not over.
type Overlapping struct {
	Behind TaskID   // the new task waits for this one; 0: it does not wait
	Cancel []TaskID // these are to be cancelled first
	Why    string   // not empty: nothing may be queued
}

// Overlapping decides it from LastTask, LastState and Waiting.
func (s Schedule) Overlapping() Overlapping {
	busy := s.LastTask != 0 && s.LastState != "" && !s.LastState.Final()
	switch {
	case !busy && s.Waiting == 0:
		return Overlapping{}
	case s.Overlap == OverlapCancel:
		var all []TaskID
		if s.Waiting != 0 {
			all = append(all, s.Waiting)
		}
		if busy {
			all = append(all, s.LastTask)
		}
		return Overlapping{Cancel: all}
	case s.Overlap == OverlapQueue && s.Waiting == 0:
		return Overlapping{Behind: s.LastTask}
	case s.Waiting != 0:
		return Overlapping{Why: fmt.Sprintf("task %d of the same schedule waits already", s.Waiting)}
	}
	return Overlapping{Why: fmt.Sprintf("task %d of the same schedule is still %s", s.LastTask, s.LastState)}
}
