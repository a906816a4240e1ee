// SPDX-License-Identifier: Apache-2.0

package storecontract

import (
	"errors"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/fleet"
)

var vitals = []contract{
	{name: "vitals of an empty store", check: vitalsEmpty},
	{name: "vitals count what is at each server", check: vitalsCounted},
	{name: "each repository that is on a server is told of once", check: repositoriesTold},
}

func vitalsEmpty(w *world) {
	v := value(w.Vitals(w.ctx))(w)
	if len(v.Servers)+len(v.Groups)+len(v.Schedules)+len(v.Processes)+v.Queued+v.Running+len(v.Jobs) != 0 || v.Waited != 0 || time.Since(v.Now).Abs() > time.Hour {
		w.Errorf("vitals: %+v", v)
	}
	if pools := w.Pools(); len(pools) == 0 || pools[0].Most < 1 || pools[0].Name == "" {
		w.Errorf("pools: %+v", pools)
	}
}

func vitalsCounted(w *world) {
	w.servers("gone.test", "a.test", "b.test:8080")
	gone := value(w.ServerByName(w.ctx, "gone.test"))(w).ID
	w.mirrored(gone, "ext-gone")
	ids := w.servers("a.test", "b.test:8080")
	c := config("scheduled", "a.test", "b.test:8080")
	c.Schedules = []fleet.ConfiguredSchedule{
		{ServerName: "b.test:8080", GroupName: "all", Schedule: fleet.Schedule{Kind: fleet.KindRepoGroupSync, Cron: "0 * * * *", TaskName: "sync", NextRun: time.Now().Add(-time.Minute), MaxRuntime: time.Hour}},
		{ServerName: "a.test", Schedule: fleet.Schedule{Kind: fleet.KindRegister, Cron: "0 * * * *", TaskName: "register", NextRun: time.Now().Add(time.Hour), MaxRuntime: time.Hour}},
	}
	w.ok(second(w.Apply(w.ctx, c, true)))
	repos := w.mirrored(ids[1], "ext-a", "ext-b", "ext-c")
	w.ok(w.SetHealth(w.ctx, map[fleet.RepositoryID]fleet.Health{repos[0].ID: fleet.Red, repos[1].ID: fleet.Red}))
	w.mirrored(ids[1], "ext-a", "ext-b", "ext-c", "ext-d")
	w.ok(w.SetServerHealth(w.ctx, ids[1], fleet.Red))
	w.ok(second(w.ClaimProbes(w.ctx, time.Hour, 10)))
	yes, no := true, false
	w.ok(w.SaveProbe(w.ctx, fleet.ServerState{Server: ids[1], Reachable: true, DatabaseConnected: &yes, RedisConnected: &no}))
	w.ok(w.NoteProcess(w.ctx, fleet.Process{Owner: "me", Host: "host", Roles: "worker", Version: "1"}))

	task := newTask("without a word that looks like a host") // D123
	task.Server = ids[1]
	root := value(w.Enqueue(w.ctx, task))(w)
	_, lease := w.claim(root.ID, "me")
	w.children(lease, fleet.NewTask{Name: "ext-nodejs.org", Kind: fleet.KindRepoSync, Server: ids[1], MaxRuntime: time.Hour})
	w.ok(second(w.AcquireLock(w.ctx, lease, ids[1], "ext-a")))
	w.queued("of no server")
	w.pause(5 * time.Millisecond)

	v := value(w.Vitals(w.ctx))(w)
	if len(v.Servers) != 2 || v.Servers[0].Name != "a.test" || v.Servers[1].Name != "b.test:8080" {
		w.Fatalf("servers: %+v", v.Servers)
	}
	b := v.Servers[1]
	if diff := cmp.Diff(map[fleet.Health]int{"": 2, fleet.Red: 2}, b.Repositories); diff != "" {
		w.Errorf("repositories (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[fleet.TaskState]int{fleet.Running: 1, fleet.Queued: 1}, b.Tasks); diff != "" {
		w.Errorf("tasks (-want +got):\n%s", diff)
	}
	if b.Locks != 1 || b.Health != fleet.Red || v.Now.Sub(b.HealthDate).Abs() > time.Minute || len(v.Servers[0].Tasks)+len(v.Servers[0].Repositories) != 0 {
		w.Errorf("servers: %+v", v.Servers)
	}
	if s := b.State; !s.Reachable || s.DatabaseConnected == nil || !*s.DatabaseConnected || s.RedisConnected == nil || *s.RedisConnected {
		w.Errorf("state: %+v", s) // D121
	}
	if len(v.Groups) != 2 || v.Groups[0].Group.Name != "all" || v.Groups[0].Group.Include != ".*" || v.Groups[1].Server != ids[1] {
		w.Errorf("groups: %+v", v.Groups)
	}
	if len(v.Schedules) != 2 || v.Schedules[0].Group != "" || v.Schedules[0].Kind != fleet.KindRegister || v.Schedules[1].Group != "all" || v.Schedules[1].NextRun.After(v.Now) {
		w.Errorf("schedules: %+v", v.Schedules)
	}
	jobs := 0
	for _, n := range v.Jobs {
		jobs += n
	}
	if v.Queued != 1 || v.Running != 1 || v.Waited < time.Millisecond || v.Waited > time.Minute || jobs != 2 || len(v.Processes) != 1 || !v.Processes[0].Alive {
		w.Errorf("vitals: %+v", v)
	}
}

func repositoriesTold(w *world) {
	ids := w.servers("gone.test", "a.test")
	w.mirrored(ids[0], "ext-gone")
	id := w.servers("a.test")[0]
	w.mirrored(id, "ext-a", "ext-b", "ext-missing")
	all := w.mirrored(id, "ext-a", "ext-b")
	w.ok(w.SetHealth(w.ctx, map[fleet.RepositoryID]fleet.Health{all[0].ID: fleet.Green}))
	var told []fleet.RepositoryVitals
	w.ok(w.EachRepository(w.ctx, func(r fleet.RepositoryVitals) error { told = append(told, r); return nil }))
	if len(told) != 2 || told[0].Name != "ext-a" || told[0].Health != fleet.Green || told[0].HealthDate.IsZero() || !told[0].Remote ||
		told[0].Server != id || told[0].Created.IsZero() || !told[0].LastSuccess.IsZero() || told[1].Name != "ext-b" || !told[1].HealthDate.IsZero() {
		w.Errorf("told: %+v", told)
	}
	enough := errors.New("enough")
	n := 0
	if err := w.EachRepository(w.ctx, func(fleet.RepositoryVitals) error { n++; return enough }); !errors.Is(err, enough) || n != 1 {
		w.Errorf("ended with %v after %d", err, n)
	}
}
