// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"encoding/json"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// memSchedules and memJobs are more ports of the memory.
type (
	memSchedules struct{ *memory }
	memJobs      struct{ *memory }
)

func (m memSchedules) FindListedSchedules(_ context.Context, q fleet.Query) (fleet.Page[fleet.ListedSchedule], error) {
	return pageFrom(m.memory, m.schedules, q, func(fleet.ListedSchedule) bool { return true })
}

func (m memSchedules) ListedSchedule(_ context.Context, id fleet.ScheduleID) (fleet.ListedSchedule, error) {
	return one(m.memory, m.schedules, func(s fleet.ListedSchedule) bool { return s.ID == id }, "there is no schedule %d", id)
}

func (m memSchedules) RunSchedule(ctx context.Context, id fleet.ScheduleID) (fleet.Task, error) {
	s, err := m.ListedSchedule(ctx, id)
	if err != nil {
		return fleet.Task{}, err
	}
	if o := s.Overlapping(); o.Why != "" {
		return fleet.Task{}, fault.New(fault.Conflict, "schedule %d cannot run now: %s", id, o.Why).WithHint("wait")
	}
	return memQueue(m).Enqueue(ctx, fleet.NewTask{Name: s.TaskName, Kind: s.Kind, Args: s.Args, Server: s.Server})
}

func (m memSchedules) PauseSchedule(_ context.Context, id fleet.ScheduleID, p fleet.Pause) (fleet.ListedSchedule, error) {
	p.At = day
	return m.pause(id, p)
}

func (m memSchedules) ResumeSchedule(_ context.Context, id fleet.ScheduleID) (fleet.ListedSchedule, error) {
	return m.pause(id, fleet.Pause{})
}

func (m memSchedules) pause(id fleet.ScheduleID, p fleet.Pause) (fleet.ListedSchedule, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.schedules {
		if s := &m.schedules[i]; s.ID == id {
			s.Pause = p
			return *s, m.err
		}
	}
	return fleet.ListedSchedule{}, fault.New(fault.NotFound, "there is no schedule %d", id)
}

func (memJobs) EngineQueues(context.Context) ([]string, error) { return []string{"default"}, nil }

func (m memJobs) CountEngineJobs(_ context.Context, queue string) (map[fleet.EngineJobState]int, error) {
	if queue != "default" {
		return nil, fault.New(fault.NotFound, "there is no queue %q", queue)
	}
	counts := map[fleet.EngineJobState]int{}
	for _, j := range m.jobs {
		counts[j.State]++
	}
	return counts, nil
}

func (m memJobs) FindEngineJobs(_ context.Context, queue string, state fleet.EngineJobState, q fleet.Query) (fleet.Page[fleet.EngineJob], error) {
	if queue != "default" {
		return fleet.Page[fleet.EngineJob]{}, fault.New(fault.NotFound, "there is no queue %q", queue)
	}
	return pageFrom(m.memory, m.jobs, q, func(j fleet.EngineJob) bool { return j.State == state })
}

func (m memJobs) EngineJob(_ context.Context, id fleet.EngineJobID) (fleet.EngineJob, error) {
	return one(m.memory, m.jobs, func(j fleet.EngineJob) bool { return j.ID == id }, "there is no job %d", id)
}

// someSchedules are those of the original's recorded answers (rq-scheduled.json), in small.
func someSchedules() []fleet.ListedSchedule {
	return []fleet.ListedSchedule{
		{ServerName: "pulp1.example.com", Schedule: fleet.Schedule{
			ID: 1, Server: 1, Kind: fleet.KindRegister, Cron: "0 3 1 1 *", TaskName: "pulp1.example.com repo registration", MaxRuntime: 20 * time.Minute,
			Args: json.RawMessage(`{"regex_include":null,"regex_exclude":null,"local_repo_config_dir":"/app/conf/n20","max_runtime":"1200"}`), NextRun: day, Overlap: fleet.OverlapQueue, Missed: fleet.MissedNone,
		}},
		{ServerName: "pulp2.example.com:8080", GroupName: "internal", Schedule: fleet.Schedule{
			ID: 2, Server: 2, Group: 1, Kind: fleet.KindRepoGroupSync, Cron: "TZ=UTC 0 5 * * *", TaskName: "repo sync pulp2.example.com:8080", MaxRuntime: time.Hour,
			Args: json.RawMessage(`{"name":"pulp2.example.com:8080","regex_include":"^int","regex_exclude":"^int-secret","max_runtime":"1h","max_concurrent_syncs":2,
				"source_pulp_server_name":"pulp1.example.com","sync_options":null}`),
			NextRun: time.Date(2026, 11, 24, 5, 0, 0, 0, time.UTC), LastRun: day, LastTask: 1, LastOutcome: "queued", LastState: fleet.Failed, Overlap: fleet.OverlapSkip, Missed: fleet.MissedOnce,
		}},
	}
}

// someJobs are jobs in every state.
func someJobs(tasks []fleet.Task) []fleet.EngineJob {
	at := func(minute int) time.Time { return day.Add(time.Duration(minute) * time.Minute) }
	failed := tasks[0]
	failed.MaxRuntime = time.Hour
	failed.Args = json.RawMessage(`{"name":"pulp1.example.com","regex_include":"(","regex_exclude":null,"max_concurrent_syncs":2,"source_pulp_server_name":null,"sync_options":null}`)
	stopped := fleet.Task{ID: 3, Kind: fleet.KindRepoSnapshot, State: fleet.Canceled, Started: at(1), MaxRuntime: fleet.Unlimited}
	return []fleet.EngineJob{
		{ID: 6, State: fleet.JobQueued, Task: fleet.Task{ID: 9, Kind: fleet.KindRegister, State: fleet.Queued, MaxRuntime: time.Minute}, Server: "pulp1.example.com", Enqueued: at(0), Group: 0, CronText: "0 3 1 1 *"},
		{ID: 7, State: fleet.JobFailed, Task: failed, Server: "pulp1.example.com", Enqueued: at(0), Started: at(1), Ended: at(2)},
		{ID: 8, State: fleet.JobFailed, Task: stopped, Enqueued: at(0), Started: at(1), Ended: at(2)},
		{ID: 9, State: fleet.JobFailed, Lost: true, Enqueued: at(0), Ended: at(2)},
		{ID: 10, State: fleet.JobFinished, Task: fleet.Task{ID: 10, State: fleet.Completed}, Enqueued: at(0), Ended: at(2)},
	}
}
