// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"net/http"

	"github.com/pulp/pulp-manager/internal/auth"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// SchedulePause asks for a schedule to be paused.
type SchedulePause struct {
	Reason string  `json:"reason" doc:"Why, for whoever finds it paused." minLength:"1" maxLength:"500" example:"pulp1 is moved to another rack"`
	Until  *string `json:"until,omitempty" doc:"When it goes on by itself: a date, with or without a time and a zone (then in UTC). Default: when it is resumed." example:"2026-11-24T06:00:00Z"`
}

// scheduleControlRoutes are what can be done with a schedule.
func (a *api) scheduleControlRoutes() []route {
	return []route{
		{
			method: http.MethodPost, path: "/v1/schedules/{id}/run", id: "run-schedule", tag: tagSchedules, access: admins, handle: a.runSchedule,
			summary: "Run a schedule now",
			description: "Queues the schedule's task now, also where it is paused or in a blackout; its next run stays. While the task before is not over the answer " +
				"is 409, unless `schedule_overlap` is `queue` (the new task waits until then; one at most does) or `cancel`. The answer is the queued task.",
			status: http.StatusCreated, example: exampleTask, errors: []int{http.StatusNotFound, http.StatusConflict},
		},
		{
			method: http.MethodPost, path: "/v1/schedules/{id}/pause", id: "pause-schedule", tag: tagSchedules, access: admins, handle: a.pauseSchedule,
			summary: "Pause a schedule",
			description: "Keeps a schedule from running, whatever the configuration says, until it is resumed or the pause ends. Runs that are due meanwhile are not made " +
				"up for. Pausing a paused one replaces the pause.",
			body: a.bodyOf(SchedulePause{}), example: examplePausedSchedule, errors: []int{http.StatusNotFound},
		},
		{
			method: http.MethodPost, path: "/v1/schedules/{id}/resume", id: "resume-schedule", tag: tagSchedules, access: admins, handle: a.resumeSchedule,
			summary: "Resume a schedule", description: "Ends a pause. Where there is none, nothing changes.",
			example: exampleSchedule, errors: []int{http.StatusNotFound},
		},
	}
}

// schedule gives the schedule that the path names.
func (a *api) schedule(ctx context.Context, r *request) (fleet.ListedSchedule, error) {
	id, err := r.id("id")
	if err != nil {
		return fleet.ListedSchedule{}, err
	}
	s, err := a.Schedules.ListedSchedule(ctx, fleet.ScheduleID(id))
	exchangeOf(ctx).entry.Server = s.Server
	return s, err
}

func (a *api) runSchedule(ctx context.Context, r *request) (any, error) {
	s, err := a.schedule(ctx, r)
	if err != nil {
		return nil, err
	}
	task, err := a.ScheduleControl.RunSchedule(ctx, s.ID)
	if err != nil {
		return nil, err
	}
	return showTask(task)
}

func (a *api) pauseSchedule(ctx context.Context, r *request) (any, error) {
	body, ok := r.body.(SchedulePause)
	if !ok {
		return nil, fault.New(fault.Internal, "body of a pause is a %T", r.body)
	}
	pause := fleet.Pause{Reason: body.Reason, By: auth.FromContext(ctx).User}
	if body.Until != nil {
		var problem string
		if pause.Until, problem = parseMoment(*body.Until); problem != "" {
			return nil, invalid(FieldProblem{"body.until", problem})
		}
	}
	s, err := a.schedule(ctx, r)
	if err != nil {
		return nil, err
	}
	if s, err = a.ScheduleControl.PauseSchedule(ctx, s.ID, pause); err != nil {
		return nil, err
	}
	return showSchedule(s)
}

func (a *api) resumeSchedule(ctx context.Context, r *request) (any, error) {
	s, err := a.schedule(ctx, r)
	if err != nil {
		return nil, err
	}
	if s, err = a.ScheduleControl.ResumeSchedule(ctx, s.ID); err != nil {
		return nil, err
	}
	return showSchedule(s)
}

// examplePausedSchedule is a paused schedule in the document.
var examplePausedSchedule = func() Schedule {
	s := exampleSchedule
	s.NextRun, s.NextDue = nil, nil
	s.Paused, s.PausedAt, s.PausedBy, s.PauseReason = true, s.LastRun, textOrNull("alice"), textOrNull("pulp1 is moved to another rack")
	return s
}()
