// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// asksWho tells whether the answer to a recorded request depends on who asks.
func (c replayCase) asksWho() bool {
	return c.Request.Headers["Authorization"] != "" || c.Request.Method == http.MethodPatch
}

// replayStory is a task that was asked for, how it looked when it was queued, and how in the end.
type replayStory struct {
	id     int64  // recorded
	ask    string // case of the request; empty: method, path and body below, of which no answer is recorded
	path   string
	body   string
	queued string // case
	then   string // case of a change while it is queued
	cancel bool   // while it runs
	done   string // case
}

// replayStories are all of them, in the recorded order.
var replayStories = []replayStory{
	{id: 75, ask: "post-sync-bad-runtime"},
	{id: 76, ask: "post-snapshot-unsupported", done: "task-detail-snapshot-unsupported-done"},
	{id: 77, ask: "post-sync", queued: "task-detail-sync-just-queued"},
	{id: 80, ask: "post-sync-bad-regex", queued: "task-detail-sync-bad-regex-just-queued", done: "task-detail-sync-bad-regex-done"},
	{id: 81, ask: "post-sync-source-unknown", queued: "task-detail-sync-source-unknown-just-queued", done: "task-detail-sync-source-unknown-done"},
	{id: 82, ask: "post-sync-no-match", done: "task-detail-sync-no-match-done"},
	{id: 83, ask: "post-snapshot", queued: "task-detail-snapshot-just-queued", done: "task-detail-snapshot-done"},
	{id: 86, path: "1/snapshot_repos", body: `{"max_runtime":"600","snapshot_prefix":"2026-11-","regex_include":"^ext-(rpm-001)$"}`, done: "task-detail-snapshot-again-done"},
	{
		id: 87, path: "1/snapshot_repos", queued: "task-detail-snapshot-reuse-just-queued",
		body: `{"max_runtime":"600","snapshot_prefix":"2026-11-","regex_include":"^ext-(rpm-001)$","allow_snapshot_reuse":true}`,
	},
	{id: 89, ask: "post-remove-content-rpm", queued: "task-detail-remove-content-rpm-just-queued"},
	{
		id: 90, path: "1/repos/23/remove_repo_content", body: `{"content_href":"{href of gamma}","max_runtime":"600"}`,
		queued: "task-detail-remove-content-deb-just-queued", done: "task-detail-remove-content-deb-done",
	},
	{id: 91, ask: "post-remove-content-again", done: "task-detail-remove-content-again-done"},
	{id: 92, ask: "post-remove-dry", done: "task-detail-remove-dry-done"},
	{id: 93, ask: "post-remove-real", done: "task-detail-remove-real-done"},
	{id: 94, ask: "post-remove-no-regex-dry", queued: "task-detail-remove-no-regex-dry-just-queued"},
	{id: 95, ask: "post-remove-no-match-dry", queued: "task-detail-remove-no-match-dry-just-queued", done: "task-detail-remove-no-match-dry-done"},
	{
		id: 96, path: "1/sync_repos", body: `{"max_runtime":"600","max_concurrent_syncs":1,"regex_include":"^ext-file"}`,
		cancel: true, done: "task-detail-cancel-running-after",
	},
	{
		id: 103, path: "1/sync_repos", body: `{"max_runtime":"600","max_concurrent_syncs":1,"regex_include":"^zzz"}`,
		then: "task-patch-cancel-queued", done: "task-detail-cancel-queued-after",
	},
}

// Requests that were sent to a running original are sent to ours, with a fleet in the same state. Every
// difference is in replayKnown, with its reason.
func TestRecordedRequests(t *testing.T) {
	t.Parallel()
	cases := readReplay(t)
	w := newReplayWorld(t)
	told := map[string]bool{}
	for _, s := range replayStories {
		for _, name := range []string{s.ask, s.queued, s.then, s.done} {
			if _, known := cases[name]; name != "" && (!known || told[name]) {
				t.Fatalf("case %s is not there, or twice", name)
			}
			told[name] = true
		}
	}
	var found []replayDifference
	replay := func(name string) {
		send := func() {
			a := w.replay(cases[name])
			w.checkWords(name, a)
			found = append(found, w.compareReplay(cases[name], a)...)
		}
		if cases[name].asksWho() {
			w.locked(send)
		} else {
			send()
		}
	}
	names := slices.Sorted(maps.Keys(cases))
	for _, name := range names {
		if !told[name] && !strings.HasPrefix(name, "rq-") {
			replay(name)
		}
	}
	w.tryMore(t, moreReads())
	for _, s := range replayStories {
		found = append(found, w.tell(cases, s)...)
	}
	w.ask("/v1/pulp_servers/1/sync_repos", map[string]any{"max_runtime": "600", "max_concurrent_syncs": 1, "regex_include": "^zzz"})
	for _, name := range names { // recorded when some had failed; one waits now
		if strings.HasPrefix(name, "rq-") {
			replay(name)
		}
	}
	w.tryBodies(t)
	checkReplayKnown(t, cases, found)
	if n := len(cases); n < 130 {
		t.Errorf("only %d recorded requests", n)
	}
}

// tell goes through a story and gives what is different.
func (w *replayWorld) tell(cases map[string]replayCase, s replayStory) []replayDifference {
	w.t.Helper()
	asked := cases[s.ask]
	if s.ask == "" {
		asked.Request.Method, asked.Request.Path, asked.Request.Body = http.MethodPost, "/v1/pulp_servers/"+s.path, json.RawMessage(s.body)
	}
	answer := w.replay(asked)
	var found []replayDifference
	if s.ask != "" {
		w.checkWords(s.ask, answer)
		found = w.compareReplay(asked, answer)
	}
	if answer.status != http.StatusCreated {
		for _, name := range []string{s.queued, s.then, s.done} {
			if name != "" {
				found = append(found, replayDifference{name, "task", "there", fmt.Sprintf("refused with %d", answer.status)})
			}
		}
		return found
	}
	id := answer.taskID()
	w.tasks[s.id] = id
	look := func(name string) {
		if name != "" {
			a := w.replay(cases[name])
			w.checkWords(name, a)
			found = append(found, w.compareReplay(cases[name], a)...)
		}
	}
	look(s.queued)
	look(s.then)
	if s.cancel {
		w.slow.Store(true)
		defer w.slow.Store(false)
	}
	w.working(func() {
		if s.cancel {
			w.syncs(id)
			if a := w.send(http.MethodPatch, fmt.Sprintf("/v1/tasks/%d", id), nil, []byte(`{"state":"canceled"}`)); a.status != http.StatusOK {
				w.t.Errorf("cancelling task %d: answered %d %s", id, a.status, a.raw)
			}
		}
		w.ended(id)
	})
	look(s.done)
	return found
}

// syncs waits until a task syncs something.
func (w *replayWorld) syncs(id int64) {
	w.t.Helper()
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); {
		a := w.send(http.MethodGet, fmt.Sprintf("/v1/tasks/%d", id), nil, nil)
		if strings.Contains(a.raw, "in progress") {
			return
		}
	}
	w.t.Fatalf("task %d syncs nothing", id)
}

// forbiddenWords are in no answer: they would tell of our insides.
var forbiddenWords = []string{"SELECT ", "INSERT ", "sqlite", "SQLITE", "pgx", "goroutine", ".go:", "panic", "Traceback", "eyJ"}

// checkWords looks for what no answer may tell. D36
func (w *replayWorld) checkWords(name string, a replayAnswer) {
	w.t.Helper()
	if strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
		return
	}
	for _, word := range forbiddenWords {
		if strings.Contains(a.raw, word) {
			w.t.Errorf("%s: the answer has %q: %s", name, word, a.raw)
		}
	}
}
