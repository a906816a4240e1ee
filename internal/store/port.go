// SPDX-License-Identifier: Apache-2.0

package store

import "github.com/pulp/pulp-manager/internal/fleet"

// What a Store is to the rest of the program.
var (
	_ fleet.Servers        = (*Store)(nil)
	_ fleet.Repositories   = (*Store)(nil)
	_ fleet.Tasks          = (*Store)(nil)
	_ fleet.Queue          = (*Store)(nil)
	_ fleet.Leases         = (*Store)(nil)
	_ fleet.Work           = (*Store)(nil)
	_ fleet.PulpRequests   = (*Store)(nil)
	_ fleet.Locks          = (*Store)(nil)
	_ fleet.Schedules      = (*Store)(nil)
	_ fleet.ScheduleLists  = (*Store)(nil)
	_ fleet.EngineJobs     = (*Store)(nil)
	_ fleet.Configurations = (*Store)(nil)
	_ fleet.Fingerprints   = (*Store)(nil)
	_ fleet.Ownership      = (*Store)(nil)
	_ fleet.SyncRecords    = (*Store)(nil)
	_ fleet.Logins         = (*Store)(nil)
	_ fleet.Audit          = (*Store)(nil)
	_ fleet.Prunings       = (*Store)(nil)
	_ fleet.SyncSlots      = (*Store)(nil)
	_ fleet.ServerStates   = (*Store)(nil)
	_ fleet.Attention      = (*Store)(nil)
	_ fleet.Monitoring     = (*Store)(nil)
	_ fleet.Processes      = (*Store)(nil)
	_ fleet.Notices        = (*Store)(nil)
)

var _ fleet.ScheduleControl = (*Store)(nil)
