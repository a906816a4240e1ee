// SPDX-License-Identifier: Apache-2.0

// Package fleet is the domain: the servers of a fleet, the repositories they
// hold, the tasks that keep them right, and the rules about them. It does no
// I/O; what it needs from the world it names in ports.go.
package fleet

// Identities. The integers are the ones the REST API shows.
type (
	// ServerID identifies a Pulp server of the fleet.
	ServerID int64
	// NameID identifies a repository name over all servers (`repo_id` of the REST API).
	NameID int64
	// RepositoryID identifies one repository on one server (`id` of a server's repository in the REST API).
	RepositoryID int64
	// GroupID identifies a group of repositories.
	GroupID int64
	// TaskID identifies a task.
	TaskID int64
	// StageID identifies a stage of a task.
	StageID int64
	// RequestID identifies a recorded request to Pulp.
	RequestID int64
	// ScheduleID identifies a schedule.
	ScheduleID int64
	// EngineJobID identifies a job of the engine (`worker_job_id` of the REST API).
	EngineJobID int64
)

// RepositoryType is the name of a content type: deb, rpm, file … Only package
// content knows what there is and what it means.
type RepositoryType string
