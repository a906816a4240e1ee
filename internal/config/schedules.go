// SPDX-License-Identifier: Apache-2.0

package config

import (
	"encoding/json"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// groupSyncArgs are the arguments of a group sync, as package job/groupsync reads them
// (a test compares the two).
type groupSyncArgs struct {
	Name               string         `json:"name"`
	RegexInclude       *string        `json:"regex_include"`
	RegexExclude       *string        `json:"regex_exclude"`
	MaxRuntime         string         `json:"max_runtime"`
	MaxConcurrentSyncs int            `json:"max_concurrent_syncs"`
	SourceServer       *string        `json:"source_pulp_server_name"`
	SyncOptions        map[string]any `json:"sync_options"`
}

// registerArgs are the arguments of a registration, as package job/register reads them.
type registerArgs struct {
	RegexInclude *string `json:"regex_include"`
	RegexExclude *string `json:"regex_exclude"`
	LocalDir     *string `json:"local_repo_config_dir"`
	MaxRuntime   string  `json:"max_runtime"`
}

// fleet puts the configuration together. It must be free of errors.
func (c *syncConfig) fleet(settings Settings) (fleet.Configuration, error) {
	var f fleet.Configuration
	for _, name := range sortedKeys(c.groups) {
		f.Groups = append(f.Groups, c.groups[name])
	}
	for _, s := range c.servers {
		f.Servers = append(f.Servers, s.ConfiguredServer)
		for _, g := range s.Groups {
			if g.Schedule == "" {
				continue
			}
			schedule, err := newSchedule(s.schedules[g.Group.Name], fleet.KindRepoGroupSync, s.Server.Name, g.MaxRuntime, groupSyncArgs{
				Name: string(s.Server.Name), RegexInclude: optional(g.Group.Include), RegexExclude: optional(g.Group.Exclude),
				MaxRuntime: g.MaxRuntime, MaxConcurrentSyncs: g.MaxConcurrentSyncs, SourceServer: optional(string(g.Primary)),
			})
			if err != nil {
				return fleet.Configuration{}, err
			}
			f.Schedules = append(f.Schedules, fleet.ConfiguredSchedule{ServerName: s.Server.Name, GroupName: g.Group.Name, Schedule: schedule})
		}
		if reg := s.Server.Registration; reg != nil {
			schedule, err := newSchedule(s.schedules[""], fleet.KindRegister, s.Server.Name, reg.MaxRuntime, registerArgs{
				RegexInclude: optional(reg.Include), RegexExclude: optional(reg.Exclude),
				LocalDir: optional(settings.Pulp.LocalDir), MaxRuntime: reg.MaxRuntime,
			})
			if err != nil {
				return fleet.Configuration{}, err
			}
			f.Schedules = append(f.Schedules, fleet.ConfiguredSchedule{ServerName: s.Server.Name, Schedule: schedule})
		}
	}
	return f, nil
}

// newSchedule completes a schedule. When it runs next is decided by the store, on its own clock.
func newSchedule(s fleet.Schedule, kind fleet.Kind, server fleet.ServerName, maxRuntime string, args any) (fleet.Schedule, error) {
	limit, err := fleet.ParseRuntime(maxRuntime)
	if err != nil {
		return fleet.Schedule{}, err
	}
	raw, err := json.Marshal(args)
	if err != nil {
		return fleet.Schedule{}, err
	}
	s.Kind, s.TaskName, s.Args, s.MaxRuntime = kind, fleet.ScheduleTaskName(kind, server), raw, limit
	return s, nil
}

// optional gives nil for a text that is not there.
func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
