// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"net/http"
	"time"
)

// Health tells that the process serves requests.
type Health struct {
	Status  string `json:"status" doc:"ok." example:"ok"`
	Version string `json:"version,omitempty" doc:"Version of the daemon." example:"1.0.0"`
}

// Readiness tells whether the daemon can do its work.
type Readiness struct {
	Status string  `json:"status" doc:"Whether everything is well." enum:"ok,unavailable" example:"ok"`
	Checks []Check `json:"checks" doc:"What the daemon depends on." nullable:"false"`
}

// Check is one thing the daemon depends on.
type Check struct {
	Name    string `json:"name" doc:"What is looked at." example:"database"`
	OK      bool   `json:"ok" doc:"Whether it is well."`
	Problem string `json:"problem,omitempty" doc:"What is wrong, and what to do."`
	Warning string `json:"warning,omitempty" doc:"What works, but should not be left so, and what to do."`
}

// status is 503 while something is wrong.
func (r Readiness) status() int {
	if r.Status != "ok" {
		return http.StatusServiceUnavailable
	}
	return http.StatusOK
}

func (a *api) getHealth(context.Context, *request) (any, error) {
	return Health{Status: "ok", Version: a.Version}, nil
}

// readyTime is how long the checks may take.
const readyTime = 5 * time.Second

func (a *api) getReadiness(ctx context.Context, _ *request) (any, error) {
	ready := Readiness{Status: "ok", Checks: []Check{}}
	if a.Ready == nil {
		return ready, nil
	}
	ctx, cancel := context.WithTimeout(ctx, readyTime)
	defer cancel()
	for _, check := range a.Ready(ctx) {
		if !check.OK {
			ready.Status = "unavailable"
		}
		ready.Checks = append(ready.Checks, check)
	}
	return ready, nil
}
