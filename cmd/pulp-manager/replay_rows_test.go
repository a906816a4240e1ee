// SPDX-License-Identifier: Apache-2.0

package main

// replayKnown are all differences between the recorded answers and ours. docs/migrating.md has the same list.
var replayKnown = []replayRow{
	{
		cases: "every error", at: "request_id", original: "not there", shown: "new field `request_id`; `detail` stays a text",
		why: "the id of the request was at the end of `detail`; it is also in the header `X-Request-ID`",
	},
	{
		cases: "post-sync-zero-400 task-patch-bad-state task-patch-nonsense-state", at: "errors", original: "not there",
		shown: "new field `errors`", why: "it says which part of the request is wrong",
	},
	{
		cases: "find-content-empty-body find-content-no-body-422 post-snapshot-empty-422 post-snapshot-nobody-422 post-sync-nobody-422 " +
			"post-sync-string-int-422 repo-tasks-state_bad server-repo-422 server-repos-health_bad server-repos-page_size_abc_422 server-repos-page_size_big " +
			"servers-page_size_abc_422 servers-page_size_neg servers-rollup_bad task-patch-422 tasks-date_bad tasks-state_bad " +
			"auth-login-422 auth-token_lookup-422 rq-jobs-page_size-422",
		at: "status", original: "500", ours: "422", shown: "422, not 500", why: "the request is wrong, not the server (D34, D35)",
	},
	{
		cases: "servers-order_bad", at: "status", original: "200", ours: "422", shown: "422, not 200",
		why: "`order_by` is `asc` or `desc`; any other text meant ascending",
	},
	{
		cases: "servers-sort_only servers-sort_desc tasks-sort", at: "total", original: "1", shown: "`total` is the number of rows, not 1",
		why: "it was wrong where there was a sort and no filter (D31)",
	},
	{
		cases: "method-not-allowed-405 options-pulp_servers", at: "header allow", original: "GET", ours: "GET, HEAD",
		shown: "`Allow` also has HEAD", why: "HEAD is answered wherever GET is",
	},
	{
		cases: "server-repo-deb server-repo-rpm server-repos-all server-repos-health server-repos-name_match server-repos-sort server-repos-sort_id server-repos-type_deb",
		at:    "base_path drift drift_date latest_version managed packages served_publication served_version", original: "not there",
		shown: "new fields of a repository", why: "what is served of it, and whether it is as it was set",
	},
	{
		cases: "server-one servers-by_name servers-date_le servers-list servers-page2 servers-snap servers-sort_desc servers-sort_only",
		at:    "online_workers pulp_tasks_waiting reachable", original: "not there",
		shown: "new fields of a server", why: "how it was when it was looked at last",
	},
	{
		cases: "every task", at: "attempt cancel_confirmed cancel_requested done_in next_attempt retry_of retry_reason waiting_for", original: "not there",
		shown: "new fields of a task", why: "whether it is tried again and when, what it waits for, and whether its cancellation has reached Pulp",
	},
	{
		cases: "find-content-deb-by-name find-content-rpm-by-sha256 find-content-rpm-by-version", at: "architecture full_name", original: "not there",
		shown: "new fields `architecture` and `full_name`", why: "what is found can be told apart, and read",
	},
	{
		cases: "find-content-deb-by-name", at: "name", original: "not there", shown: "new field `name` beside `package`",
		why: "the same few fields for every type",
	},
	{
		cases: "task-detail-registration tasks-date tasks-list tasks-name tasks-page2 tasks-state tasks-type tasks-worker", at: "task_args.max_runtime",
		original: "not there", shown: "new `task_args.max_runtime`", why: "scheduled tasks have the arguments that others have",
	},
	{
		cases: "tasks-list tasks-page2 tasks-parent tasks-sort", at: "name task_args.repo_href",
		shown: "a group's children come in the order of their names", why: "theirs came as the database gave them",
	},
	{
		cases: "tasks-date tasks-list tasks-page2 tasks-state tasks-worker", at: "total", original: "72", ours: "86",
		shown: "two syncs of the secondary have 20 children each, not 13", why: "the original skipped deb repositories there",
	},
	{
		cases: "tasks-parent", at: "total", original: "13", ours: "20", shown: "20 children, not 13", why: "the original skipped deb repositories there",
	},
	{
		cases: "tasks-task_types", at: "(number)", original: "5", ours: "7", shown: "seven types, not five",
		why: "`remove_repo_content` was missing, `repo_adoption` is new; the five keep their places",
	},
	{
		cases: "task-detail-registration", at: "stages (number)", original: "0", ours: "4", shown: "a registration has stages", why: "one sees how far it is",
	},
	{
		cases: "task-detail-repo_sync", at: "stages.detail.task_href", ours: "not there", shown: "no `task_href`",
		why: "nothing had changed since the last sync, so Pulp was not asked to sync",
	},
	{
		cases: "post-sync-bad-runtime post-sync-bad-regex post-sync-source-unknown post-remove-no-regex-dry post-snapshot-unsupported", at: "status",
		original: "201", ours: "422", shown: "422, not 201", why: "the task that was queued could only fail, or never ended",
	},
	{
		cases: "task-detail-sync-bad-regex-just-queued task-detail-sync-bad-regex-done task-detail-sync-source-unknown-just-queued " +
			"task-detail-sync-source-unknown-done task-detail-remove-no-regex-dry-just-queued task-detail-snapshot-unsupported-done",
		at: "task", ours: "refused with 422", shown: "there is no such task", why: "it was refused when it was asked for",
	},
	{
		cases: "task-detail-sync-no-match-done task-detail-remove-content-deb-done task-detail-remove-content-again-done", at: "stages.detail.msg",
		original: "not there", shown: "every stage says something", why: "theirs had stages without a word",
	},
	{
		cases: "task-detail-snapshot-done", at: "error.msg", ours: "not there", shown: "`error` of a completed task is `{}`", why: "it was `{\"msg\": \"\"}` after snapshots",
	},
	{
		cases: "task-detail-snapshot-again-done", at: "stages (number)", original: "1", ours: "2", shown: "the stage that fails is there", why: "one sees where it failed",
	},
	{
		cases: "post-remove-content-rpm post-remove-content-again task-detail-remove-content-rpm-just-queued task-detail-remove-content-deb-just-queued " +
			"task-detail-remove-content-deb-done task-detail-remove-content-again-done",
		at: "task_type", original: "repo_removal", ours: "remove_repo_content", shown: "`task_type` is `remove_repo_content`",
		why: "two types shared one number, so it read back as `repo_removal`",
	},
	{
		cases: "task-detail-remove-content-deb-done task-detail-remove-content-again-done", at: "stages.detail.task_href",
		shown: "`task_href` without a space at the end; none where Pulp had nothing to do", why: "an address is an address",
	},
	{
		cases: "task-detail-remove-dry-done task-detail-remove-real-done task-detail-remove-no-match-dry-done", at: "date_started", original: "<nil>",
		shown: "`date_started` is set", why: "removals never had one",
	},
	{
		cases: "task-detail-remove-dry-done task-detail-remove-real-done", at: "stages.detail.repositories stages.detail.plan", original: "not there",
		shown: "new `repositories` and `plan` in the stage", why: "the plan is data, not only text",
	},
	{
		cases: "task-detail-remove-real-done", at: "stages.name", ours: "Getting Repos for Removal", shown: "the first stage has no “(Dry Run)”",
		why: "it was no dry run",
	},
	{
		cases: "task-detail-remove-real-done", at: "stages (number)", original: "2", ours: "3", shown: "one stage more", why: "the picture of the server is brought up to date afterwards",
	},
	{
		cases: "task-detail-remove-real-done", at: "stages.detail.task_href", original: "not there", shown: "`task_href` of Pulp's task", why: "one can look at it",
	},
	{
		cases: "task-detail-remove-no-match-dry-done", at: "state date_finished error.msg stages.error.msg stages.detail.msg",
		shown: "`failed`, and it says why", why: "a pattern that finds nothing is a mistake; theirs stayed `running`",
	},
	{
		cases: "task-patch-cancel-queued", at: "date_finished", ours: "a date in seconds", shown: "dates in seconds", why: "one form of a date in every answer",
	},
	{
		cases: "task-detail-cancel-queued-after", at: "state", original: "completed", ours: "canceled", shown: "`canceled`, not `completed`",
		why: "a canceled task ran all the same",
	},
	{
		cases: "task-detail-cancel-queued-after", at: "date_started worker_name worker_job_id", ours: "<nil>", shown: "nobody ran it", why: "a canceled task ran all the same",
	},
	{
		cases: "task-detail-cancel-queued-after", at: "stages (number)", original: "4", ours: "0", shown: "no stages", why: "a canceled task ran all the same",
	},
	{
		cases: "get-with-basic-authorization get-with-garbage-authorization task-patch-basic task-patch-expired", at: "status", original: "500", ours: "401",
		shown: "401, not 500", why: "what is sent is no valid login (D37)",
	},
	{
		cases: "get-with-basic-authorization get-with-garbage-authorization task-patch-basic task-patch-expired", at: "header content-type",
		original: "text/plain", ours: "application/json", shown: "errors are always JSON", why: "clients read one shape (D37)",
	},
	{
		cases: "task-patch-wrong-group", at: "status", original: "401", ours: "403", shown: "403, not 401",
		why: "one who is known and may not; 401 is for who is not known (D38)",
	},
	{
		cases: "root-404", at: "status", original: "404", ours: "200", shown: "200, not 404", why: "there is a page to begin at",
	},
	{
		cases: "root-404", at: "header content-type", ours: "text/html", shown: "HTML", why: "there is a page to begin at",
	},
	{
		cases: "auth-login-ldap-down", at: "status", original: "500", ours: "401", shown: "401, not 500",
		why: "the password is wrong in the users file of the test; a directory that cannot be reached is 503 (D52)",
	},
	{
		cases: "auth-token_lookup-expired", at: "status", original: "500", ours: "401", shown: "401, not 500", why: "a token that is over is no login (D53)",
	},
	{
		cases: "auth-token_lookup-ok", at: "role", original: "not there", shown: "new field `role`", why: "there are readers, too (D54)",
	},
	{
		cases: "auth-token_lookup-ok", at: "groups (number)", original: "1", ours: "0", shown: "no groups", why: "users of a file have none; those of a directory do",
	},
	{
		cases: "rq-job-missing", at: "status", original: "500", ours: "404", shown: "404, not 500", why: "there is no such job (D35)",
	},
	{
		cases: "rq-job-finished", at: "args (number)", original: "4", ours: "0", shown: "no `args`", why: "it was asked for; the recorded one ran at the first start, without being asked for",
	},
	{
		cases: "rq-job-finished", at: "meta.job_type timeout", shown: "`job_type` and `timeout` of a registration that was asked for", why: "as before",
	},
	{
		cases: "rq-job-finished", at: "meta.local_repo_config_dir meta.pulp_server meta.regex_exclude meta.regex_include meta.task_id", original: "not there",
		shown: "more `meta`", why: "as before; the task has a row",
	},
	{
		cases: "rq-job-finished rq-jobs-failed rq-scheduled rq-scheduled-page", at: "result_ttl", original: "172800", ours: "86400", shown: "`result_ttl` is a day, not two",
		why: "how long the engine keeps jobs; the tasks themselves stay",
	},
	{
		cases: "rq-scheduled rq-scheduled-page", at: "meta.use_local_timezone", original: "false", ours: "true", shown: "`use_local_timezone` is true",
		why: "schedules are in the host's time zone unless they name one",
	},
	{
		cases: "rq-jobs-failed", at: "total", original: "7", shown: "fewer jobs failed", why: "most of them are refused when they are asked for",
	},
	{
		cases: "rq-jobs-failed", at: "(number)", original: "7", shown: "fewer rows", why: "most of them are refused when they are asked for",
	},
	{
		cases: "rq-jobs-page-beyond", at: "total", original: "0", shown: "`total` is the number of jobs", why: "past the last page it was 0 (D42)",
	},
	{
		cases: "rq-jobs-queued rq-jobs-queued-busy", at: "total", original: "0", shown: "jobs that wait are there", why: "another list was looked at (D41)",
	},
	{
		cases: "rq-jobs-queued rq-jobs-queued-busy", at: "(number)", original: "0", shown: "jobs that wait are there", why: "another list was looked at (D41)",
	},
}
