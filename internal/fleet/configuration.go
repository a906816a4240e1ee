// SPDX-License-Identifier: Apache-2.0

package fleet

// Configuration is the wanted fleet: everything `pulp_config.yml` says, checked.
type Configuration struct {
	Hash    string // of the files it was read from
	Groups  []Group
	Servers []ConfiguredServer
	// Schedules of all servers, with Server and Group left zero: ServerName and GroupName name them.
	Schedules []ConfiguredSchedule
}

// ConfiguredServer is a server with the groups attached to it. Group.ID and Server
// are not known yet; groups go by name.
type ConfiguredServer struct {
	Server Server
	Groups []ServerGroup
}

// ConfiguredSchedule is a schedule before its server and group have ids.
type ConfiguredSchedule struct {
	ServerName ServerName
	GroupName  string // empty: the server's registration
	Schedule   Schedule
}

// Applied tells what applying a configuration changed.
type Applied struct {
	Unchanged bool // same hash as the one in force
	Added     []ServerName
	Changed   []ServerName
	Removed   []ServerName
}
