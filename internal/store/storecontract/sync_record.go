// SPDX-License-Identifier: Apache-2.0

package storecontract

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/fleet"
)

var syncRecords = []contract{
	{name: "what repositories were synced from is stored per server", check: syncRecordsStored},
	{name: "a lost lease stores and forgets no record", check: syncRecordsFenced},
	{name: "unchanged syncs are completed together", check: unchangedCompleted},
	{name: "an unchanged sync whose record is another one is left alone", check: unchangedLeft},
	{name: "a lost lease completes nothing", check: unchangedFenced},
}

// record is what a repository was synced from.
func record(r fleet.Repository) fleet.SyncRecord {
	return fleet.SyncRecord{
		Repository: r.ID, Version: r.Href + "versions/1/", Publication: "/publications/1/",
		Basis: fleet.SyncBasis{
			Source:  fleet.SyncSource{Server: "a.test", Version: "/v/1/", Publication: "/p/1/", Published: "2026-11-25T02:00:00.123456Z"},
			Options: "o1", Fields: "f1",
		},
		Synced: time.Date(2026, 11, 25, 2, 0, 0, 123456000, time.UTC),
	}
}

func syncRecordsStored(w *world) {
	ids := w.servers("a.test", "b.test")
	_, lease := w.claimed("w1")
	a, b := w.mirrored(ids[0], "x", "y"), w.mirrored(ids[1], "x")
	if got := value(w.SyncRecord(w.ctx, a[0].ID))(w); !cmp.Equal(got, fleet.SyncRecord{}) {
		w.Errorf("before: %+v", got)
	}
	first, second, other := record(a[0]), record(a[1]), record(b[0])
	for _, r := range []fleet.SyncRecord{first, second, other} {
		w.ok(w.SaveSyncRecord(w.ctx, lease, r))
	}
	second.Basis = fleet.SyncBasis{
		Source: fleet.SyncSource{Files: []fleet.SourceFile{
			{URL: "http://u.test/a", SHA256: "1", ETag: `"e"`, LastModified: "Wed, 25 Nov 2026 02:00:00 GMT"}, {URL: "http://u.test/b"},
		}},
		Options: "o2", Fields: "f2",
	}
	second.Version, second.Publication, second.Synced = "/v/2/", "", second.Synced.Add(time.Hour)
	w.ok(w.SaveSyncRecord(w.ctx, lease, second))
	want := map[fleet.RepositoryID]fleet.SyncRecord{first.Repository: first, second.Repository: second}
	if diff := cmp.Diff(want, value(w.FindSyncRecords(w.ctx, ids[0]))(w)); diff != "" {
		w.Errorf("of the server (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(second, value(w.SyncRecord(w.ctx, second.Repository))(w)); diff != "" {
		w.Errorf("of the repository (-want +got):\n%s", diff)
	}
	w.ok(w.ForgetSyncRecord(w.ctx, lease, first.Repository))
	w.ok(w.ForgetSyncRecord(w.ctx, lease, first.Repository))
	first.Basis = fleet.SyncBasis{} // what it came to is still known
	want[first.Repository] = first
	if diff := cmp.Diff(want, value(w.FindSyncRecords(w.ctx, ids[0]))(w)); diff != "" {
		w.Errorf("one forgotten (-want +got):\n%s", diff)
	}
	if n := len(value(w.FindSyncRecords(w.ctx, ids[1]))(w)); n != 1 {
		w.Errorf("the other server has %d", n)
	}
}

func syncRecordsFenced(w *world) {
	r := w.mirrored(w.servers("a.test")[0], "x")[0]
	_, lease := w.claimed("w1")
	w.ok(w.SaveSyncRecord(w.ctx, lease, record(r)))
	lost := lease
	lost.Epoch--
	changed := record(r)
	changed.Version = "/v/9/"
	w.same(w.SaveSyncRecord(w.ctx, lost, changed), fleet.ErrLeaseLost)
	w.same(w.ForgetSyncRecord(w.ctx, lost, r.ID), fleet.ErrLeaseLost)
	if diff := cmp.Diff(record(r), value(w.SyncRecord(w.ctx, r.ID))(w)); diff != "" {
		w.Errorf("(-want +got):\n%s", diff)
	}
}

// unchangedSyncs makes a root with a child for each of so many repositories, all with a record.
func (w *world) unchangedSyncs(repositories int) (fleet.Lease, []fleet.UnchangedSync) {
	w.Helper()
	server := w.servers("a.test")[0]
	names := make([]string, repositories)
	for i := range names {
		names[i] = fmt.Sprintf("r%04d", i)
	}
	_, lease := w.claimed("w1")
	var specs []fleet.NewTask
	rows := w.mirrored(server, names...)
	for _, r := range rows {
		specs = append(specs, fleet.NewTask{Name: "sync " + r.Name, Kind: fleet.KindRepoSync, Server: server, Repository: r.ID, MaxRuntime: fleet.Unlimited})
		w.ok(w.SaveSyncRecord(w.ctx, lease, record(r)))
	}
	var all []fleet.UnchangedSync
	for i, c := range w.children(lease, specs...) {
		all = append(all, fleet.UnchangedSync{
			Stage: fleet.Stage{
				Task: c.ID, Name: "sync repo", State: fleet.StageCompleted, Detail: map[string]any{"msg": "unchanged"}, Result: json.RawMessage(`{"unchanged":true}`),
			},
			Record: record(rows[i]),
		})
	}
	return lease, all
}

func unchangedCompleted(w *world) {
	lease, all := w.unchangedSyncs(600) // more than one statement takes
	done := value(w.CompleteUnchanged(w.ctx, lease, all))(w)
	if len(done) != len(all) {
		w.Fatalf("%d of %d completed", len(done), len(all))
	}
	for _, u := range []fleet.UnchangedSync{all[0], all[len(all)-1]} {
		child := w.task(u.Stage.Task)
		if child.State != fleet.Completed || child.Started.IsZero() || child.Finished.IsZero() || child.Error != nil {
			w.Errorf("child: %+v", child)
		}
		stages := value(w.Stages(w.ctx, child.ID))(w)
		if len(stages) != 1 || stages[0].Name != "sync repo" || stages[0].State != fleet.StageCompleted || stages[0].Detail["msg"] != "unchanged" ||
			string(stages[0].Result) != `{"unchanged":true}` {
			w.Errorf("stages: %+v", stages)
		}
		r := value(w.RepositoryByID(w.ctx, u.Record.Repository))(w)
		if r.LastAttemptState != fleet.Completed || r.LastAttempt.IsZero() || r.LastSuccess.IsZero() {
			w.Errorf("repository: %+v", r)
		}
	}
	if again := value(w.CompleteUnchanged(w.ctx, lease, all))(w); len(again) != 0 {
		w.Errorf("%d were completed twice", len(again))
	}
	w.move(lease, lease.Task, fleet.Completed)
}

func unchangedLeft(w *world) {
	lease, all := w.unchangedSyncs(6)
	changed := all[0].Record
	changed.Version = "/v/9/"
	w.ok(w.SaveSyncRecord(w.ctx, lease, changed))
	w.ok(w.ForgetSyncRecord(w.ctx, lease, all[1].Record.Repository))
	w.move(lease, all[2].Stage.Task, fleet.Running)
	all[3].Stage.Task = lease.Task
	_, other := w.claimed("w2")
	foreign := w.children(other, fleet.NewTask{
		Name: "of another", Kind: fleet.KindRepoSync, Repository: all[4].Record.Repository, MaxRuntime: fleet.Unlimited,
	})[0]
	all[4].Stage.Task = foreign.ID
	done := value(w.CompleteUnchanged(w.ctx, lease, all))(w)
	if want := []fleet.TaskID{all[5].Stage.Task}; !cmp.Equal(done, want) {
		w.Errorf("completed %v, want %v", done, want)
	}
	for i, want := range []fleet.TaskState{fleet.Queued, fleet.Queued, fleet.Running, fleet.Running, fleet.Queued, fleet.Completed} {
		if got := w.task(all[i].Stage.Task).State; got != want {
			w.Errorf("task of %d is %s, want %s", i, got, want)
		}
		r := value(w.RepositoryByID(w.ctx, all[i].Record.Repository))(w)
		if r.LastSuccess.IsZero() != (i != 5) {
			w.Errorf("repository %d: last success %s", i, r.LastSuccess)
		}
	}
}

func unchangedFenced(w *world) {
	lease, all := w.unchangedSyncs(2)
	lease.Epoch--
	done, err := w.CompleteUnchanged(w.ctx, lease, all)
	w.same(err, fleet.ErrLeaseLost)
	if len(done) != 0 || w.task(all[0].Stage.Task).State != fleet.Queued {
		w.Errorf("completed %v", done)
	}
}
