// SPDX-License-Identifier: Apache-2.0

package api

import (
	"net/http"
	"slices"
)

// Tags group the operations in the documentation.
const (
	tagServers   = "servers"
	tagTasks     = "tasks"
	tagSchedules = "schedules"
	tagJobs      = "rq_jobs"
	tagHealth    = "health"
	tagAuth      = "auth"
	tagAudit     = "audit"
	tagDatabase  = "database"
)

// routes is the map of the API. Besides these there are the documentation's pages
// (docs.go).
func (a *api) routes() []route {
	return slices.Concat(a.authRoutes(), []route{
		{
			method: http.MethodGet, path: "/v1/pulp_servers/", id: "list-servers", tag: tagServers, access: readers, handle: a.listServers,
			summary: "List the servers", description: "The Pulp servers in the configuration.",
			list: serverList, example: examplePage(exampleServer),
		},
		{
			method: http.MethodGet, path: "/v1/pulp_servers/repo_health_statuses", id: "list-healths", tag: tagServers, access: readers, handle: a.listHealths,
			summary: "List the values of a health", description: "What the health of a repository or of a server can be, best first.",
			example: []string{"green", "amber", "red"},
		},
		{
			method: http.MethodGet, path: "/v1/pulp_servers/{id}", id: "get-server", tag: tagServers, access: readers, handle: a.getServer,
			summary: "Show a server", description: "One server of the configuration.",
			example: exampleServer, errors: []int{http.StatusNotFound},
		},
		{
			method: http.MethodGet, path: "/v1/pulp_servers/{id}/state", id: "get-server-state", tag: tagServers, access: readers, handle: a.getServerState,
			summary:     "Show how a server is",
			description: "How a server was when it was looked at last (every `[pulp] probe_interval`), and how the daemon gets on with it.",
			example:     exampleServerState, errors: []int{http.StatusNotFound},
		},
		{
			method: http.MethodGet, path: "/v1/pulp_servers/{id}/repos", id: "list-server-repos", tag: tagServers, access: readers, handle: a.listRepositories,
			summary: "List a server's repositories", description: "The repositories that are on a server, as last seen there. An unknown server has none.",
			list: repositoryList, example: examplePage(exampleRepository),
		},
		{
			method: http.MethodGet, path: "/v1/pulp_servers/{id}/repos/{repo_id}", id: "get-server-repo", tag: tagServers, access: readers, handle: a.getRepository,
			summary:     "Show a server's repository",
			description: "One repository of a server. " + aboutRepositoryID,
			example:     exampleRepository, errors: []int{http.StatusNotFound},
		},
		{
			method: http.MethodGet, path: "/v1/repos/", id: "list-repos", tag: tagServers, handle: a.listFleetRepositories, access: readers,
			summary: "List the repositories of all servers", description: "The repositories that are on the servers of the configuration, as last seen there.",
			list: repositoryList, example: examplePage(exampleFleetRepo),
		},
		{
			method: http.MethodGet, path: "/v1/pulp_servers/{id}/repo_groups", id: "list-server-repo-groups", tag: tagServers, access: readers, handle: a.listGroups,
			summary: "List a server's repository groups", description: "The groups of repositories that a server syncs. An unknown server has none.",
			list: groupList, example: examplePage(exampleGroup),
		},
		{
			method: http.MethodGet, path: "/v1/pulp_servers/{id}/repo_groups/{repo_group_id}", id: "get-server-repo-group", tag: tagServers, access: readers, handle: a.getGroup,
			summary: "Show a server's repository group", description: "One group of repositories that a server syncs.",
			example: exampleGroup, errors: []int{http.StatusNotFound},
		},
		{
			method: http.MethodPost, path: "/v1/pulp_servers/{id}/repos/{repo_id}/find_package_content", id: "find-package-content", tag: tagServers, access: readers, handle: a.findContent,
			summary: "Find packages in a repository",
			description: "Asks the server now for packages, files and the like in the newest version of a repository, which may not be served yet. " +
				"At least one of the three must be given; all that are given must fit. Nothing found is an empty list. " + aboutRepositoryID,
			body: a.bodyOf(ContentSearch{}), status: http.StatusCreated, example: exampleContent, errors: []int{http.StatusNotFound, http.StatusBadGateway},
		},
		a.repositoryTaskRoute(),
	}, a.askRoutes(), a.jobRoutes(), a.scheduleControlRoutes(), a.profileRoutes(), []route{
		{
			method: http.MethodGet, path: "/v1/schedules/", id: "list-schedules", tag: tagSchedules, handle: a.listSchedules, access: readers,
			summary: "List the schedules", description: "The recurring jobs of all servers.",
			list: scheduleList, example: examplePage(exampleSchedule),
		},
		{
			method: http.MethodGet, path: "/v1/schedules/{id}", id: "get-schedule", tag: tagSchedules, handle: a.getSchedule, access: readers,
			summary: "Show a schedule", description: "One recurring job with its next runs.",
			example: exampleScheduleDetail, errors: []int{http.StatusNotFound},
		},
		{
			method: http.MethodGet, path: "/v1/tasks/", id: "list-tasks", tag: tagTasks, access: readers, handle: a.listTasks,
			summary: "List the tasks", description: "Recorded runs of jobs, those of single repositories (`parent_task_id`) included.",
			list: taskList, example: examplePage(exampleTask),
		},
		{
			method: http.MethodGet, path: "/v1/tasks/task_types", id: "list-task-types", tag: tagTasks, access: readers, handle: a.listKinds,
			summary: "List the types of a task", description: "What a task can be a run of.",
			example: []string{"repo_sync", "repo_group_sync"},
		},
		{
			method: http.MethodGet, path: "/v1/tasks/task_states", id: "list-task-states", tag: tagTasks, access: readers, handle: a.listStates,
			summary: "List the states of a task", description: "Where a task can be in its life.",
			example: []string{"queued", "running", "completed"},
		},
		{
			method: http.MethodGet, path: "/v1/tasks/{id}", id: "get-task", tag: tagTasks, access: readers, handle: a.getTask,
			summary: "Show a task", description: "One task with its stages in the order they began.",
			example: exampleTaskDetail, errors: []int{http.StatusNotFound},
		},
		{
			method: http.MethodGet, path: "/v1/tasks/{id}/events", id: "watch-task", tag: tagTasks, handle: a.watchTask, access: readers, stream: true,
			summary: "Watch a task",
			description: "A stream of server-sent events. First `task` with the whole task (as `GET /v1/tasks/{id}`) and `child` with each of its children (as in `GET /v1/tasks/`); " +
				"then `task`, `stage` and `child` whenever one has changed, each with all of it; `end` when the task is over, and the stream ends. " +
				"The header `Last-Event-ID` with the id of the last event makes the stream go on from there. Comments come every 15 seconds where nothing happens. " +
				"More than `[http] max_streams` are answered 503.",
			example: exampleEvent, errors: []int{http.StatusNotFound},
		},
		{
			method: http.MethodPatch, path: "/v1/tasks/{id}", id: "cancel-task", tag: tagTasks, access: admins, handle: a.patchTask,
			summary:     "Cancel a task",
			description: "Cancels a queued or running task, its unfinished children and what runs for them on Pulp. `canceled` is the only state a task can be moved to.",
			body:        a.bodyOf(TaskPatch{}), example: exampleCanceled, errors: []int{http.StatusBadRequest, http.StatusNotFound},
		},
		a.retryRoute(),
		a.logRoute(),
		{
			method: http.MethodGet, path: "/v1/audit/", id: "list-audit", tag: tagAudit, access: admins, handle: a.listAudit,
			summary: "List the audit log", description: "Who changed something or tried to, and who logged in or failed to: when, from where, and how it was answered.",
			list: auditList, example: examplePage(exampleAudit),
		},
		a.databaseRoute(),
		a.processRoute(),
		{
			method: http.MethodGet, path: "/healthz", id: "healthz", tag: tagHealth, access: everyone, handle: a.getHealth,
			summary: "Is the process alive", description: "Answers as long as the process serves requests.",
			example: Health{Status: "ok", Version: "1.0.0"}, quiet: true,
		},
		{
			method: http.MethodGet, path: "/readyz", id: "readyz", tag: tagHealth, access: everyone, handle: a.getReadiness,
			summary: "Can the daemon do its work", description: "Lists what the daemon depends on and what is wrong with it. The answer is 503 while something is.",
			example: Readiness{Status: "ok", Checks: []Check{{Name: "database", OK: true}}}, errors: []int{http.StatusServiceUnavailable}, quiet: true,
		},
	})
}
