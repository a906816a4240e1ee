// SPDX-License-Identifier: Apache-2.0

package notice

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/fleet"
)

var (
	noon     = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	defaults = Settings{DownAfter: 5 * time.Minute, ProbeEach: 30 * time.Second, StuckAfter: time.Hour, Repeat: 24 * time.Hour}
	servers  = map[fleet.ServerID]fleet.ServerName{1: "a.test", 2: "b.test"}
)

// ended is a run of a group's sync on server 1, asked for by a schedule.
func ended(id fleet.TaskID, name string, state fleet.TaskState, at time.Time) fleet.EndedTask {
	e := fleet.EndedTask{Scheduled: true, Task: fleet.Task{
		ID: id, Name: name, Kind: fleet.KindRepoGroupSync, Server: 1, Schedule: 5, State: state, Finished: at,
	}}
	if !state.Good() {
		e.Error = &fleet.TaskError{Msg: "1 of 2 failed", Detail: "look at it"}
	}
	return e
}

// boardOf is a board at a moment with what was seen before.
func boardOf(now time.Time, notices ...fleet.Notice) fleet.NoticeBoard {
	return fleet.NoticeBoard{Now: now, Looked: now.Add(-time.Minute), Notices: notices, Servers: servers}
}

// told gives changes in short.
func told(changed []fleet.Notice) []string {
	var lines []string
	for _, n := range changed {
		switch {
		case n.Recovered:
			lines = append(lines, "recovered "+n.Key)
		case !n.Closed.IsZero():
			lines = append(lines, "dropped "+n.Key)
		case n.ID != 0:
			lines = append(lines, "changed "+n.Key)
		default:
			lines = append(lines, "new "+n.Key)
		}
	}
	return lines
}

func TestLookAtTasks(t *testing.T) {
	failing := taskNotice("task/1/repo_group_sync/x", ended(3, "x", fleet.Failed, noon))
	failing.ID, failing.Opened, failing.Scheduled = 9, noon, true
	byHand, unscheduled, elsewhere := failing, failing, failing
	byHand.Schedule, byHand.Scheduled = 0, false
	unscheduled.Scheduled = false
	elsewhere.Server = 77
	gone := ended(4, "x", fleet.Failed, noon)
	gone.Scheduled = false
	removed := ended(4, "x", fleet.Failed, noon)
	removed.Server = 77
	later := noon.Add(time.Hour)
	for name, c := range map[string]struct {
		now   time.Time
		open  []fleet.Notice
		ended []fleet.EndedTask
		want  []string
	}{
		"fails":                 {noon, nil, []fleet.EndedTask{ended(3, "x", fleet.Failed, noon)}, []string{"new task/1/repo_group_sync/x"}},
		"two fail":              {noon, nil, []fleet.EndedTask{ended(3, "x", fleet.Failed, noon), ended(4, "y", fleet.FailedToStart, noon)}, []string{"new task/1/repo_group_sync/x", "new task/1/repo_group_sync/y"}},
		"failed and was well":   {noon, nil, []fleet.EndedTask{ended(3, "x", fleet.Failed, noon), ended(4, "x", fleet.Completed, later)}, nil},
		"seen again":            {noon, []fleet.Notice{failing}, []fleet.EndedTask{ended(3, "x", fleet.Failed, noon)}, nil},
		"fails again":           {noon, []fleet.Notice{failing}, []fleet.EndedTask{ended(4, "x", fleet.Failed, later)}, []string{"changed task/1/repo_group_sync/x"}},
		"well again":            {noon, []fleet.Notice{failing}, []fleet.EndedTask{ended(4, "x", fleet.Completed, later)}, []string{"recovered task/1/repo_group_sync/x"}},
		"was well before":       {noon, []fleet.Notice{failing}, []fleet.EndedTask{ended(2, "x", fleet.Completed, noon.Add(-time.Second))}, nil},
		"nothing new":           {noon, []fleet.Notice{failing}, nil, nil},
		"a week later":          {noon.Add(8 * 24 * time.Hour), []fleet.Notice{failing}, nil, nil},
		"by hand, a week later": {noon.Add(8 * 24 * time.Hour), []fleet.Notice{byHand}, nil, []string{"dropped task/1/repo_group_sync/x"}},
		"by hand, soon":         {noon.Add(time.Hour), []fleet.Notice{byHand}, nil, nil},
		"schedule gone":         {noon, []fleet.Notice{unscheduled}, []fleet.EndedTask{gone}, []string{"dropped task/1/repo_group_sync/x"}},
		"server gone":           {noon, []fleet.Notice{elsewhere}, []fleet.EndedTask{removed}, []string{"dropped task/1/repo_group_sync/x"}},
	} {
		if diff := cmp.Diff(c.want, told(look(boardOf(c.now, c.open...), sight{Ended: c.ended}, defaults))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	again := look(boardOf(later, failing), sight{Ended: []fleet.EndedTask{ended(4, "x", fleet.Failed, later)}}, defaults)[0]
	if again.ID != 9 || !again.Since.Equal(noon) || !again.Last.Equal(later) || again.Task != 4 {
		t.Errorf("fails again: %+v", again)
	}
}

func TestPartsAreNamedInOneNotice(t *testing.T) {
	e := ended(3, "x", fleet.Failed, noon)
	e.Failed = 7
	for _, name := range []string{"a", "b"} {
		e.Parts = append(e.Parts, fleet.Task{Name: name, State: fleet.Failed, Error: &fleet.TaskError{Msg: "404"}})
	}
	e.Parts[1].Error = nil
	changed := look(boardOf(noon), sight{Ended: []fleet.EndedTask{e}}, defaults)
	if len(changed) != 1 || changed[0].Reason != "1 of 2 failed\n- a: 404\n- b: failed\n- and 5 more" || changed[0].Hint != "look at it" {
		t.Errorf("%+v", changed)
	}
}

func TestLookAtServers(t *testing.T) {
	down := fleet.ServerState{Server: 1, Checked: noon, Since: noon.Add(-10 * time.Minute), Problem: "refused"}
	just, up, old, removed := down, down, down, down
	just.Since = noon.Add(-time.Minute)
	up.Reachable = true
	old.Checked = noon.Add(-time.Hour)
	removed.Server = 77
	open := look(boardOf(noon), sight{States: map[fleet.ServerID]fleet.ServerState{1: down}}, defaults)[0]
	open.ID = 4
	if open.Name != "a.test" || !strings.Contains(open.Reason, "refused") || !open.Since.Equal(down.Since) {
		t.Errorf("%+v", open)
	}
	never := defaults
	never.ProbeEach = 0
	for name, c := range map[string]struct {
		open  []fleet.Notice
		state fleet.ServerState
		s     Settings
		want  []string
	}{
		"down":                 {nil, down, defaults, []string{"new server/1"}},
		"down since just now":  {nil, just, defaults, nil},
		"up":                   {nil, up, defaults, nil},
		"nobody looks":         {nil, old, defaults, nil},
		"nobody is to look":    {nil, down, never, nil},
		"not in the config":    {nil, removed, defaults, nil},
		"still down":           {[]fleet.Notice{open}, down, defaults, nil},
		"down again meanwhile": {[]fleet.Notice{open}, just, defaults, nil},
		"up again":             {[]fleet.Notice{open}, up, defaults, []string{"recovered server/1"}},
		"nobody knows":         {[]fleet.Notice{open}, old, defaults, nil},
	} {
		seen := sight{States: map[fleet.ServerID]fleet.ServerState{c.state.Server: c.state}}
		if diff := cmp.Diff(c.want, told(look(boardOf(noon, c.open...), seen, c.s))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestLookAtStuckTasks(t *testing.T) {
	parent := fleet.Task{ID: 1, Kind: fleet.KindRepoGroupSync, Server: 1, Updated: noon.Add(-2 * time.Hour)}
	seen := sight{Tasks: []fleet.Task{parent, {ID: 2, Parent: 1}, {ID: 4, Parent: 3}}, Stuck: map[fleet.TaskID]string{1: "Pulp task x", 2: "", 4: ""}}
	changed := look(boardOf(noon), seen, defaults)
	if diff := cmp.Diff([]string{"new stuck/1", "new stuck/4"}, told(changed)); diff != "" || !strings.Contains(changed[0].Reason, "it waits for Pulp task x") {
		t.Errorf("%s: %s", diff, changed[0].Reason)
	}
	changed[0].ID, changed[1].ID = 1, 2
	if diff := cmp.Diff([]string{"recovered stuck/1", "recovered stuck/4"}, told(look(boardOf(noon, changed...), sight{}, defaults))); diff != "" {
		t.Error(diff)
	}
	full := sight{Stuck: map[fleet.TaskID]string{}}
	for id := range fleet.TaskID(mostStuck) {
		full.Tasks, full.Stuck[id+10] = append(full.Tasks, fleet.Task{ID: id + 10}), ""
	}
	for _, line := range told(look(boardOf(noon, changed...), full, defaults)) {
		if strings.HasPrefix(line, "recovered") {
			t.Errorf("%s, though there are more than are given", line)
		}
	}
}

func TestLookFrom(t *testing.T) {
	for looked, want := range map[time.Time]time.Time{
		{}:                                  noon.Add(-24 * time.Hour),
		noon.Add(-time.Minute):              noon.Add(-6 * time.Minute),
		noon.Add(-90 * 24 * time.Hour):      noon.Add(-7 * 24 * time.Hour),
		noon.Add(-2 * 24 * time.Hour).UTC(): noon.Add(-2*24*time.Hour - 5*time.Minute),
	} {
		if got := lookFrom(fleet.NoticeBoard{Now: noon, Looked: looked}); !got.Equal(want) {
			t.Errorf("looked %s: from %s, want %s", looked, got, want)
		}
	}
}

func TestDue(t *testing.T) {
	hours := func(n int) time.Time { return noon.Add(-time.Duration(n) * time.Hour) }
	open := func(id int64, schedule fleet.ScheduleID) fleet.Notice {
		return fleet.Notice{ID: id, Source: fleet.NoticeTask, Schedule: schedule}
	}
	closed := func(id int64, recovered bool) fleet.Notice {
		return fleet.Notice{ID: id, Source: fleet.NoticeServer, Closed: noon, Recovered: recovered}
	}
	was := func(id int64, event fleet.NoticeEvent, at time.Time) fleet.NoticeTold {
		return fleet.NoticeTold{Notice: id, Receiver: "me", Event: event, At: at}
	}
	for name, c := range map[string]struct {
		notices []fleet.Notice
		told    []fleet.NoticeTold
		want    string
	}{
		"new":                                {[]fleet.Notice{open(1, 5)}, nil, "1 failed"},
		"told to another":                    {[]fleet.Notice{open(1, 5)}, []fleet.NoticeTold{{Notice: 1, Receiver: "you", Event: fleet.NoticeFailed, At: noon}}, "1 failed"},
		"told":                               {[]fleet.Notice{open(1, 5)}, []fleet.NoticeTold{was(1, fleet.NoticeFailed, hours(23))}, ""},
		"a day ago":                          {[]fleet.Notice{open(1, 5)}, []fleet.NoticeTold{was(1, fleet.NoticeStill, hours(24))}, "1 still_failing"},
		"a day ago, with one half a day ago": {[]fleet.Notice{open(1, 5), open(2, 5), open(3, 5)}, []fleet.NoticeTold{was(1, fleet.NoticeStill, hours(24)), was(2, fleet.NoticeFailed, hours(12)), was(3, fleet.NoticeFailed, hours(11))}, "1 still_failing, 2 still_failing"},
		"of a task that nobody repeats":      {[]fleet.Notice{open(1, 0)}, []fleet.NoticeTold{was(1, fleet.NoticeFailed, hours(100))}, ""},
		"over before it was told":            {[]fleet.Notice{closed(1, true)}, nil, ""},
		"well again":                         {[]fleet.Notice{closed(1, true)}, []fleet.NoticeTold{was(1, fleet.NoticeFailed, hours(30))}, "1 recovered"},
		"nobody knows how it ended":          {[]fleet.Notice{closed(1, false)}, []fleet.NoticeTold{was(1, fleet.NoticeFailed, hours(30))}, ""},
		"told that it is well":               {[]fleet.Notice{closed(1, true)}, []fleet.NoticeTold{was(1, fleet.NoticeRecovered, hours(30))}, ""},
	} {
		board := fleet.NoticeBoard{Now: noon, Notices: c.notices, Told: c.told}
		var got []string
		for _, e := range due(board, "me", 24*time.Hour) {
			got = append(got, string(rune('0'+e.notice.ID))+" "+string(e.event))
		}
		if diff := cmp.Diff(c.want, strings.Join(got, ", ")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	late := fleet.NoticeBoard{Now: noon, Notices: []fleet.Notice{open(1, 5)}, Told: []fleet.NoticeTold{was(1, fleet.NoticeFailed, hours(1000))}}
	if got := due(late, "me", 0); len(got) != 0 {
		t.Errorf("repeated though never wanted: %+v", got)
	}
}
