// SPDX-License-Identifier: Apache-2.0

// Package catalog lists the jobs there are: adding one is a folder beside this one and a line here.
package catalog

import (
	"github.com/pulp/pulp-manager/internal/job"
	"github.com/pulp/pulp-manager/internal/job/adopt"
	"github.com/pulp/pulp-manager/internal/job/groupsync"
	"github.com/pulp/pulp-manager/internal/job/register"
	"github.com/pulp/pulp-manager/internal/job/removecontent"
	"github.com/pulp/pulp-manager/internal/job/removerepositories"
	"github.com/pulp/pulp-manager/internal/job/reposync"
	"github.com/pulp/pulp-manager/internal/job/snapshot"
)

// Settings are what the jobs take from the configuration.
type Settings struct {
	Register  register.Settings
	GroupSync groupsync.Settings
	RepoSync  reposync.Settings
	Removal   removerepositories.Settings
	Snapshot  snapshot.Settings
}

//go:generate go test -run TestDocument -update .

// All gives all jobs.
func All(s Settings) []job.Definition {
	s.GroupSync.Preview = s.RepoSync.Preview
	return []job.Definition{
		register.Definition(s.Register),
		adopt.Definition(),
		groupsync.Definition(s.GroupSync),
		reposync.Definition(s.RepoSync),
		removerepositories.Definition(s.Removal),
		removecontent.Definition(),
		snapshot.Definition(s.Snapshot),
	}
}
