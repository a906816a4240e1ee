// SPDX-License-Identifier: Apache-2.0

package notice

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
)

const (
	overlap   = 5 * time.Minute    // ended tasks are looked at again for so long: a transaction may be late
	firstLook = 24 * time.Hour     // how far back the first look goes
	farthest  = 7 * 24 * time.Hour // and any other
	forget    = 7 * 24 * time.Hour // what a person asked for, and nobody tries again, is dropped after
	stale     = 15 * time.Minute   // what was found out about a server before is not believed, or three intervals
	mostStuck = 100                // tasks are given at most: see fleet.Attention
)

// sight is what the store shows of how things are.
type sight struct {
	Ended  []fleet.EndedTask // in the order they ended
	States map[fleet.ServerID]fleet.ServerState
	Tasks  []fleet.Task            // that are stuck
	Stuck  map[fleet.TaskID]string // what each of them waits for
}

// lookFrom is since when ended tasks are looked at.
func lookFrom(board fleet.NoticeBoard) time.Time {
	if board.Looked.IsZero() {
		return board.Now.Add(-firstLook)
	}
	from := board.Looked.Add(-overlap)
	if limit := board.Now.Add(-farthest); from.Before(limit) {
		return limit
	}
	return from
}

// look gives the notices that are new and those that have changed.
func look(board fleet.NoticeBoard, seen sight, s Settings) []fleet.Notice {
	open := map[string]fleet.Notice{}
	for _, n := range board.Notices {
		if n.Closed.IsZero() {
			open[n.Key] = n
		}
	}
	l := looking{board: board, settings: s, open: open}
	l.tasks(seen.Ended)
	l.servers(seen.States)
	l.stuck(seen)
	l.drop()
	return l.changed
}

// looking is one look. What it has an answer for leaves open.
type looking struct {
	board    fleet.NoticeBoard
	settings Settings
	open     map[string]fleet.Notice
	changed  []fleet.Notice
}

// wrong opens a notice, or brings an open one up to date.
func (l *looking) wrong(n fleet.Notice) {
	was, there := l.open[n.Key]
	delete(l.open, n.Key)
	switch {
	case !there:
		n.Opened = l.board.Now
		l.changed = append(l.changed, n)
	case was.Task != n.Task || was.Reason != n.Reason || was.Hint != n.Hint:
		n.ID, n.Since, n.Opened = was.ID, was.Since, was.Opened
		l.changed = append(l.changed, n)
	}
}

// end closes an open notice.
func (l *looking) end(n fleet.Notice, recovered bool) {
	delete(l.open, n.Key)
	n.Closed, n.Recovered = l.board.Now, recovered
	l.changed = append(l.changed, n)
}

// known tells whether a server, if any, is in the configuration.
func (l *looking) known(id fleet.ServerID) bool {
	_, ok := l.board.Servers[id]
	return ok || id == 0
}

// tasks looks at the newest run of everything that was run.
func (l *looking) tasks(ended []fleet.EndedTask) {
	newest := map[string]fleet.EndedTask{}
	for _, e := range ended {
		newest[taskKey(e)] = e
	}
	for _, key := range slices.Sorted(maps.Keys(newest)) {
		e := newest[key]
		was, there := l.open[key]
		switch {
		case !l.known(e.Server) || e.Schedule != 0 && !e.Scheduled: // nobody will run it again
		case !e.State.Good() && there && was.Task == e.ID: // told already
		case !e.State.Good():
			l.wrong(taskNotice(key, e))
		case there && e.Finished.After(was.Last):
			l.end(was, true)
		}
	}
}

func taskKey(e fleet.EndedTask) string { return fmt.Sprintf("task/%d/%s/%s", e.Server, e.Kind, e.Name) }

func taskNotice(key string, e fleet.EndedTask) fleet.Notice {
	n := fleet.Notice{
		Key: key, Source: fleet.NoticeTask, Server: e.Server, Kind: e.Kind, Name: e.Name, Task: e.ID, Schedule: e.Schedule,
		Reason: "it " + strings.ReplaceAll(string(e.State), "_", " "), Since: e.Finished, Last: e.Finished,
	}
	if e.Error != nil {
		n.Reason, n.Hint = e.Error.Msg, e.Error.Detail
	}
	for _, p := range e.Parts {
		why := string(p.State)
		if p.Error != nil {
			why = p.Error.Msg
		}
		n.Reason += fmt.Sprintf("\n- %s: %s", p.Name, why)
	}
	if more := e.Failed - len(e.Parts); more > 0 {
		n.Reason += fmt.Sprintf("\n- and %d more", more)
	}
	return n
}

// servers looks at which servers do not answer, where that was found out lately.
func (l *looking) servers(states map[fleet.ServerID]fleet.ServerState) {
	if l.settings.ProbeEach <= 0 {
		return
	}
	for _, id := range slices.Sorted(maps.Keys(states)) {
		state, now := states[id], l.board.Now
		name, known := l.board.Servers[id]
		if !known || state.Checked.IsZero() || now.Sub(state.Checked) > max(stale, 3*l.settings.ProbeEach) {
			continue
		}
		key := fmt.Sprintf("server/%d", id)
		was, there := l.open[key]
		switch {
		case state.Reachable && there:
			l.end(was, true)
		case !state.Reachable && (there || now.Sub(state.Since) >= l.settings.DownAfter):
			l.wrong(fleet.Notice{
				Key: key, Source: fleet.NoticeServer, Server: id, Name: string(name), Reason: "it does not answer: " + state.Problem,
				Hint: "look whether it runs; its tasks wait and go on by themselves", Since: state.Since, Last: state.Checked,
			})
		}
	}
}

// stuck looks at running tasks of which nothing changes. A part whose parent is stuck too is named by its parent.
func (l *looking) stuck(seen sight) {
	for _, t := range seen.Tasks {
		if _, ok := seen.Stuck[t.Parent]; ok && t.Parent != 0 {
			continue
		}
		reason := fmt.Sprintf("nothing of it has changed for %s or longer", l.settings.StuckAfter)
		if why := seen.Stuck[t.ID]; why != "" {
			reason += "; it waits for " + why
		}
		l.wrong(fleet.Notice{
			Key: fmt.Sprintf("stuck/%d", t.ID), Source: fleet.NoticeStuck, Server: t.Server, Kind: t.Kind, Name: t.Name, Task: t.ID, Schedule: t.Schedule,
			Reason: reason, Hint: "look at what it waits for, or cancel it", Since: t.Updated, Last: l.board.Now,
		})
	}
	if len(seen.Tasks) >= mostStuck { // there may be more
		return
	}
	for _, key := range slices.Sorted(maps.Keys(l.open)) {
		if n := l.open[key]; n.Source == fleet.NoticeStuck {
			l.end(n, true)
		}
	}
}

// drop closes what nobody can tell anything about any more, without telling.
func (l *looking) drop() {
	for _, key := range slices.Sorted(maps.Keys(l.open)) {
		n := l.open[key]
		switch {
		case !l.known(n.Server),
			n.Source == fleet.NoticeTask && n.Schedule != 0 && !n.Scheduled,
			n.Source == fleet.NoticeTask && n.Schedule == 0 && l.board.Now.Sub(n.Last) > forget:
			l.end(n, false)
		}
	}
}
