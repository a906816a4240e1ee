// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"context"
	"time"
)

// Servers is the store's list of servers and their groups. Removed servers are in
// none of its answers but Server's.
type Servers interface {
	// Server gives one server, also a removed one; NotFound.
	Server(ctx context.Context, id ServerID) (Server, error)
	// ServerByName gives a server in the configuration; NotFound.
	ServerByName(ctx context.Context, name ServerName) (Server, error)
	FindServers(ctx context.Context, q Query) (Page[Server], error)
	FindServerGroups(ctx context.Context, server ServerID, q Query) (Page[ServerGroup], error)
	// ServerGroup gives one group attached to a server; NotFound.
	ServerGroup(ctx context.Context, server ServerID, group GroupID) (ServerGroup, error)
	// SetServerHealth stores the roll-up; the moment is the store's now.
	SetServerHealth(ctx context.Context, id ServerID, health Health) error
}

// Repositories is the store's picture of which repositories are on which server.
type Repositories interface {
	// Repository gives a server's repository by its name's id; NotFound.
	Repository(ctx context.Context, server ServerID, name NameID) (Repository, error)
	// RepositoryByID gives a server's repository by its own id; NotFound.
	RepositoryByID(ctx context.Context, id RepositoryID) (Repository, error)
	FindRepositories(ctx context.Context, server ServerID, q Query) (Page[Repository], error)
	// ServerRepositories gives all that are on a server now, by name.
	ServerRepositories(ctx context.Context, server ServerID) ([]Repository, error)
	// Mirror makes the store's picture of a server equal to seen, in one transaction: new
	// ones are added, changed ones changed, those not seen marked missing (their
	// history stays), returned ones unmarked. Health and sync history are left alone.
	//
	// Before is what was known before it was looked: what another run has noted since, under the lock of a repository, is newer than
	// what was seen of it, and stays; nil: nothing can have been noted.
	Mirror(ctx context.Context, server ServerID, seen, before []Repository) error
	// SetServed stores which version a repository has and which is served.
	SetServed(ctx context.Context, id RepositoryID, latest, served string) error
	// SetHealth stores healths; the moment is the store's now.
	SetHealth(ctx context.Context, healths map[RepositoryID]Health) error
}

// Tasks reads tasks.
type Tasks interface {
	// Task gives one task; NotFound.
	Task(ctx context.Context, id TaskID) (Task, error)
	FindTasks(ctx context.Context, q Query) (Page[Task], error)
	// Children gives a task's children in the order they were created.
	Children(ctx context.Context, parent TaskID) ([]Task, error)
	// Stages gives a task's stages in the order they began.
	Stages(ctx context.Context, id TaskID) ([]Stage, error)
	// TaskMark gives a text that is another one whenever the task, a stage of it or the state of a child has changed,
	// with one query; NotFound.
	TaskMark(ctx context.Context, id TaskID) (string, error)
}

// Queue is the only way work gets queued and cancelled from outside.
type Queue interface {
	// Enqueue writes the task and hands it to the engine, in one transaction.
	Enqueue(ctx context.Context, t NewTask) (Task, error)
	// Cancel sets a queued or running task and its unfinished children to canceled; Conflict
	// if it is over already, NotFound. Whoever runs it stops, and its Pulp tasks are
	// cancelled, soon after; CancelConfirmed says when.
	Cancel(ctx context.Context, id TaskID) (Task, error)
	// Retry queues a task that does what is unfinished of one that is over, or of the newest that tried it again:
	// parts that ended well are skipped when it creates its parts. It takes over the results of those stages in keep that
	// ended well. Conflict where the newest is not over, or nothing is left to do; NotFound.
	Retry(ctx context.Context, id TaskID, keep []string) (Task, error)
}

// Leases gives processes the right to work on root tasks.
type Leases interface {
	// Claim takes a root task that nobody works on: a queued one starts running, a running
	// one is taken up again, a canceled or timed-out one whose Pulp tasks are not confirmed
	// is given so that they can be. Conflict if another holds it, or nothing is left to do;
	// NotFound.
	Claim(ctx context.Context, id TaskID, owner, workerName, jobID string) (Task, Lease, error)
	// Renew prolongs all leases of an owner and gives the tasks it still holds.
	Renew(ctx context.Context, owner string) ([]TaskID, error)
	// Interrupted gives the tasks, roots or children, under an owner's leases that
	// were canceled and are not confirmed yet.
	Interrupted(ctx context.Context, owner string) ([]TaskID, error)
	// Yield gives a lease back; the task goes on elsewhere or later. A lease that is lost already is no error.
	Yield(ctx context.Context, lease Lease) error
	// Sweep hands root tasks whose lease expired to the engine again, and tells how many.
	Sweep(ctx context.Context) (int, error)
	// Reclaim ends all leases at once. Only for a process that knows it is the only one.
	Reclaim(ctx context.Context) (int, error)
}

// Work is what a run writes about itself. Every write checks the lease and fails
// with ErrLeaseLost where it is another's by now.
type Work interface {
	// CreateChildren creates a parent's children once: called again it gives the ones there are. Where the root tries
	// a task again, those that ended well there are skipped.
	CreateChildren(ctx context.Context, lease Lease, parent TaskID, children []NewTask) ([]Task, error)
	// Transition moves the root task or one of its children. Conflict if its state does not allow it.
	Transition(ctx context.Context, lease Lease, id TaskID, to TaskState, why *TaskError) (Task, error)
	// SaveStage inserts or updates the stage of that name of that task.
	SaveStage(ctx context.Context, lease Lease, s Stage) (Stage, error)
	// ConfirmCancel notes that all Pulp tasks of a canceled or failed task and its children are final,
	// and frees its locks.
	ConfirmCancel(ctx context.Context, lease Lease, id TaskID) error
	// Postpone notes that the root task goes on with its next attempt after a while, and why.
	Postpone(ctx context.Context, lease Lease, after time.Duration, why string) error
	// Note notes what a task waits for that takes long; empty: nothing any more.
	Note(ctx context.Context, lease Lease, id TaskID, waitingFor string) error
}

// PulpRequests is the record of requests that start Pulp tasks.
type PulpRequests interface {
	// RecordRequest writes down a request that is about to be sent. It fails with
	// ErrLeaseLost, and with ErrCanceled where the task has been canceled.
	RecordRequest(ctx context.Context, lease Lease, r PulpRequest) (PulpRequest, error)
	// UpdateRequest stores Href, State and Outcome of a recorded request. It needs no lease:
	// what is known about a request stays true whoever goes on.
	UpdateRequest(ctx context.Context, r PulpRequest) error
	// Requests gives a stage's requests, oldest first.
	Requests(ctx context.Context, stage StageID) ([]PulpRequest, error)
	// TaskRequests gives a task's own requests, oldest first.
	TaskRequests(ctx context.Context, task TaskID) ([]PulpRequest, error)
	// OpenRequests gives the open requests of a task and of its children.
	OpenRequests(ctx context.Context, task TaskID) ([]PulpRequest, error)
}

// Locks are the rights to change repositories.
type Locks interface {
	// AcquireLock takes a lock for the lease's root task, or gives the one that is in the way.
	// Taking it twice is fine.
	AcquireLock(ctx context.Context, lease Lease, server ServerID, repository string) (*Lock, error)
	// ReleaseLock frees a lock of the lease's root task. One that it does not hold is no error.
	ReleaseLock(ctx context.Context, lease Lease, server ServerID, repository string) error
	// HandLock leaves a lock to a Pulp task that outlives its root task.
	HandLock(ctx context.Context, lease Lease, server ServerID, repository, pulpTask string) error
	// FreeLock removes a lock that is exactly as given: the Pulp task that held it is final.
	FreeLock(ctx context.Context, l Lock) error
	FindLocks(ctx context.Context, server ServerID) ([]Lock, error)
}

// SyncSlots bounds how many syncs go on at a time, over all processes.
type SyncSlots interface {
	// TakeSlots takes all of the slots for a task of the lease's tree, or none: then it gives one that is full. A slot counts while
	// the lease of its root task lasts and its task runs. Taking twice is fine. With force they are taken though they be full:
	// for what goes on already. ErrLeaseLost.
	TakeSlots(ctx context.Context, lease Lease, task TaskID, slots []SyncSlot, force bool) (full *SyncSlot, err error)
	// FreeSlots gives back a task's slots of these names.
	FreeSlots(ctx context.Context, task TaskID, names []string) error
}

// ServerStates remembers how servers are.
type ServerStates interface {
	// ClaimProbes gives servers that have not been looked at for that long, at most so many, and sees to it that nobody else is
	// given them before it has passed once more.
	ClaimProbes(ctx context.Context, each time.Duration, most int) ([]ServerID, error)
	// SaveProbe stores what came of looking at one. Checked, Since and NoWorkerSince are the store's; one that is not reachable
	// keeps what it told before.
	SaveProbe(ctx context.Context, s ServerState) error
	// SaveServerUses replaces what a process has told of the servers that it uses. It is forgotten unless told again within UseTime.
	SaveServerUses(ctx context.Context, process string, uses []ServerUse) error
	// ServerStates gives the states of all servers in the configuration that were looked at or are in use.
	ServerStates(ctx context.Context) (map[ServerID]ServerState, error)
}

// Attention finds what somebody should look at.
type Attention interface {
	// StuckTasks gives running tasks of which, and of whose parts, nothing has changed for that long: at most 100, oldest first.
	StuckTasks(ctx context.Context, after time.Duration) ([]Task, error)
	// OldestQueued gives the task that has waited longest to be begun, and for how long; 0: none waits.
	OldestQueued(ctx context.Context) (TaskID, time.Duration, error)
}

// Monitoring tells of the fleet as a whole what a program that watches it wants to know.
type Monitoring interface {
	// Vitals gives how everything is, with few queries, however many repositories and tasks there are.
	Vitals(ctx context.Context) (Vitals, error)
	// EachRepository calls fn with each repository that is on a server of the fleet, one at a time. It ends with fn's error.
	EachRepository(ctx context.Context, fn func(RepositoryVitals) error) error
}

// Schedules are the recurring jobs.
type Schedules interface {
	// DueSchedules gives schedules whose next run has come, oldest first, and the store's now.
	DueSchedules(ctx context.Context, limit int) ([]Schedule, time.Time, error)
	// Fire moves schedules on to their next runs and queues their tasks, or notes why not, all in one transaction. It
	// tells of each whether it did: one that is not as given any more is left alone, because another process was first.
	Fire(ctx context.Context, all []Firing) ([]bool, error)
	// Tend hands tasks that waited for the one before to the engine, and ends pauses whose time is over. It tells how many.
	Tend(ctx context.Context) (int, error)
	FindSchedules(ctx context.Context, server ServerID) ([]Schedule, error)
}

// Processes are those of ours that share the store.
type Processes interface {
	// NoteProcess stores that a process is there, at the store's now. It drops those that were not seen for a day.
	NoteProcess(ctx context.Context, p Process) error
	// DropProcess forgets a process, by its owner. One that is not there is no error.
	DropProcess(ctx context.Context, owner string) error
	FindProcesses(ctx context.Context, q Query) (Page[Process], error)
}

// ScheduleLists shows the recurring jobs.
type ScheduleLists interface {
	FindListedSchedules(ctx context.Context, q Query) (Page[ListedSchedule], error)
	// ListedSchedule gives one schedule; NotFound.
	ListedSchedule(ctx context.Context, id ScheduleID) (ListedSchedule, error)
}

// ScheduleControl is what people do with schedules.
type ScheduleControl interface {
	// RunSchedule queues the task of a schedule now, also of a paused one; its next run stays. Conflict while the task
	// before is not over and the schedule's overlap policy does not allow another one; NotFound.
	RunSchedule(ctx context.Context, id ScheduleID) (Task, error)
	// PauseSchedule keeps a schedule from running; At is the store's now. Runs that are due meanwhile are not made up
	// for. Pausing a paused one replaces the pause. Invalid where Until is not to come; NotFound.
	PauseSchedule(ctx context.Context, id ScheduleID, p Pause) (ListedSchedule, error)
	// ResumeSchedule ends a pause; where there is none it changes nothing. NotFound.
	ResumeSchedule(ctx context.Context, id ScheduleID) (ListedSchedule, error)
}

// EngineJobs shows what the engine that runs tasks has in its queues.
type EngineJobs interface {
	// EngineQueues gives the names of the queues.
	EngineQueues(ctx context.Context) ([]string, error)
	// CountEngineJobs counts a queue's jobs by state; NotFound.
	CountEngineJobs(ctx context.Context, queue string) (map[EngineJobState]int, error)
	// FindEngineJobs lists a queue's jobs in a state; NotFound.
	FindEngineJobs(ctx context.Context, queue string, state EngineJobState, q Query) (Page[EngineJob], error)
	// EngineJob gives one job; NotFound.
	EngineJob(ctx context.Context, id EngineJobID) (EngineJob, error)
}

// Configurations holds the configuration in force.
type Configurations interface {
	// Apply makes the store equal to a configuration, in one transaction under a lock.
	// Servers that are gone become tombstones. Removing all servers, or more than a third
	// of six or more, is a Conflict unless allowRemovals.
	Apply(ctx context.Context, c Configuration, allowRemovals bool) (Applied, error)
	// InForce gives the hash of the configuration in force; empty: none yet.
	InForce(ctx context.Context) (string, error)
}

// SyncRecords remembers what syncs were made from, so that what has not changed need not be synced.
type SyncRecords interface {
	// FindSyncRecords gives those of a server's repositories.
	FindSyncRecords(ctx context.Context, server ServerID) (map[RepositoryID]SyncRecord, error)
	// SyncRecord gives a repository's; a zero one where there is none.
	SyncRecord(ctx context.Context, id RepositoryID) (SyncRecord, error)
	// SaveSyncRecord replaces a repository's record; ErrLeaseLost.
	SaveSyncRecord(ctx context.Context, lease Lease, r SyncRecord) error
	// ForgetSyncRecord removes the basis from a repository's record; ErrLeaseLost. None is no error.
	ForgetSyncRecord(ctx context.Context, lease Lease, id RepositoryID) error
	// CompleteUnchanged ends queued children of the lease's root task as completed syncs, with a stage each,
	// where the record is still the one given. It gives those that it ended; ErrLeaseLost.
	CompleteUnchanged(ctx context.Context, lease Lease, all []UnchangedSync) ([]TaskID, error)
}

// Fingerprints remembers what secrets were last sent to a server's remotes, without
// being able to tell them.
type Fingerprints interface {
	// Fingerprints gives a server's, by "remote name/field".
	Fingerprints(ctx context.Context, server ServerID) (map[string]string, error)
	SetFingerprint(ctx context.Context, server ServerID, key, fingerprint string) error
}

// Ownership remembers what of a server is ours, how we left it, and what waits to become ours.
type Ownership interface {
	// Baselines gives how we left a server's objects.
	Baselines(ctx context.Context, server ServerID) (map[BaselineKey]Baseline, error)
	// SetBaselines stores some of them, each in place of the one of its noun and name.
	SetBaselines(ctx context.Context, server ServerID, all []Baseline) error
	// DropBaselines forgets all about some repositories, by name.
	DropBaselines(ctx context.Context, server ServerID, names []string) error
	// Adoptions gives what waits to be adopted, by name.
	Adoptions(ctx context.Context, server ServerID) ([]Adoption, error)
	// SetAdoptions stores that of the repositories looked at those in waiting wait, and no other.
	SetAdoptions(ctx context.Context, server ServerID, looked []string, waiting []Adoption) error
	// SetUnwanted notes, at the store's now, that nothing wants those in unwanted any more. Of the
	// others looked at it is no longer so. Both are names.
	SetUnwanted(ctx context.Context, server ServerID, looked, unwanted []string) error
}

// Secrets finds the text behind a reference.
type Secrets interface {
	// Secret gives the text; NotFound, Unavailable, Forbidden.
	Secret(ctx context.Context, ref SecretRef) (Secret, error)
}

// Definitions reads repository definitions. What is wrong with one file does not
// stop the others.
type Definitions interface {
	Definitions(ctx context.Context) ([]Definition, []DefinitionProblem, error)
}

// Directory tells whether a password is right, and in which groups its user is.
type Directory interface {
	// Login gives who logged in. Unauthenticated where name or password are wrong, and for an empty password;
	// Unavailable where the directory cannot be asked.
	Login(ctx context.Context, user string, password Secret) (Identity, error)
}

// Logins remembers which logins were ended and which failed, for all processes.
type Logins interface {
	// Revoke ends a login. Doing it twice is fine. Revocations that are over are dropped.
	Revoke(ctx context.Context, r Revocation) error
	// Revoked tells whether a login was ended.
	Revoked(ctx context.Context, tokenID string) (bool, error)
	// FailedLogins gives the failures of those keys that have some, and the store's now.
	FailedLogins(ctx context.Context, keys []string) (map[string]LoginFailures, time.Time, error)
	// NoteFailedLogin counts a failure for each key at the store's now. Counts whose last failure is longer
	// ago than forget begin anew, and old ones are dropped.
	NoteFailedLogin(ctx context.Context, keys []string, forget time.Duration) error
	// ClearFailedLogins forgets the failures of keys.
	ClearFailedLogins(ctx context.Context, keys []string) error
}

// Audit records who changed what.
type Audit interface {
	// Record stores an entry; ID and At are the store's.
	Record(ctx context.Context, e AuditEntry) error
	FindAudit(ctx context.Context, q Query) (Page[AuditEntry], error)
}

// Prunings removes what is so old that nobody needs it.
type Prunings interface {
	// ClaimPruning takes the right to prune, at most once in so long over all processes.
	ClaimPruning(ctx context.Context, every time.Duration) (bool, error)
	// Prune removes what a retention does not keep, in small transactions; it may be ended at any moment, and the next one
	// goes on. Never removed are tasks with something left to do or a lock, the last success of each repository and what it is a
	// part of, the newest run of each schedule and of each kind on each server, and what an unfinished task tries again.
	Prune(ctx context.Context, r Retention) (Pruned, error)
	// EndPruning notes what a pruning did, or why it did not go to its end.
	EndPruning(ctx context.Context, removed Pruned, problem string) error
	// Pruning gives how the last one went.
	Pruning(ctx context.Context) (Pruning, error)
	// DatabaseStatus gives how large the database is.
	DatabaseStatus(ctx context.Context) (DatabaseStatus, error)
}

// Notices remembers what is wrong and who was told of it, for all processes.
type Notices interface {
	// ClaimNotices takes the right to look for what is to be told and to tell it, at most once in so long over all processes.
	ClaimNotices(ctx context.Context, every time.Duration) (bool, error)
	NoticeBoard(ctx context.Context) (NoticeBoard, error)
	// EndedTasks gives the roots that ended since a moment, neither canceled nor skipped, in the order they ended.
	EndedTasks(ctx context.Context, since time.Time) ([]EndedTask, error)
	// SaveNotices stores new notices (those without an ID) and changed ones, and up to when ended tasks were looked at. A new one
	// whose key is open already is left out. Those that were closed for KeepNotices are dropped.
	SaveNotices(ctx context.Context, all []Notice, looked time.Time) error
	// NoteDelivery stores what a receiver was told, and when; with a problem that it was not, and that it is not tried for that long.
	NoteDelivery(ctx context.Context, receiver string, told []NoticeTold, problem string, wait time.Duration) error
}
