// SPDX-License-Identifier: Apache-2.0

// Package catalog lists the jobs there are: adding one is a folder beside this one and a line here.
package catalog

import (
	"github.com/pulp/pulp-manager/internal/job"
	"github.com/pulp/pulp-manager/internal/job/groupsync"
	"github.com/pulp/pulp-manager/internal/job/register"
	"github.com/pulp/pulp-manager/internal/job/reposync"
)

// Settings are what the jobs take from the configuration.
type Settings struct {
	Register  register.Settings
	GroupSync groupsync.Settings
}

//go:generate go test -run TestDocument -update .

// All gives all jobs.
func All(s Settings) []job.Definition {
	return []job.Definition{
		register.Definition(s.Register),
		groupsync.Definition(s.GroupSync),
		reposync.Definition(),
	}
}
