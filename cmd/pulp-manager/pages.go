// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/http"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/web"
)

// pages makes the pages for people. Those about jobs are left out where the engine does not make them.
func (d *daemon) pages(access web.Access, audit fleet.Audit) *http.ServeMux {
	jobs, err := d.store.JobsUI(web.JobsPrefix, d.log)
	if err != nil {
		d.log.Error("there are no pages about jobs", "err", err)
	}
	return web.New(web.Options{Access: access, Audit: audit, Jobs: jobs, Version: version, Logger: d.log})
}
