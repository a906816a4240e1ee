// SPDX-License-Identifier: Apache-2.0

package api

import (
	"bytes"
	"context"
	"net/http"
	"runtime/pprof"
	"slices"
	"strconv"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
)

// cpuProfile is the profile that takes a while.
const cpuProfile = "profile"

const (
	cpuSeconds  = 5
	mostSeconds = 30 // a request may take a minute: [http] request_timeout
)

// profiles are what can be asked for, in the format of `go tool pprof`, under the names that it knows. What the process was
// started with (cmdline) is not among them: flags may name a password.
var profiles = []string{"allocs", "goroutine", "heap", cpuProfile, "threadcreate"}

// profileRoutes show what this process spends its time and memory on.
func (a *api) profileRoutes() []route {
	return []route{
		{
			method: http.MethodGet, path: "/debug/pprof/", id: "list-profiles", tag: tagHealth, access: admins, handle: a.listProfiles,
			summary: "List the profiles", description: "What `GET /debug/pprof/{profile}` gives.", example: profiles,
		},
		{
			method: http.MethodGet, path: "/debug/pprof/{profile}", id: "get-profile", tag: tagHealth, access: admins, handle: a.getProfile, binary: true,
			summary: "Show what this process spends its time and memory on",
			description: "A profile of this process for `go tool pprof`: `profile` (of the processor, for `seconds`), `heap`, `allocs`, `goroutine`, `threadcreate`. " +
				"409 while another one of the processor is made.",
			params: []param{
				{name: "seconds", doc: "For how long the processor is looked at, from 1 to 30; without it 5. The other profiles are of this moment.", example: "5", pattern: `^([1-9]|[12][0-9]|30)$`, optional: true},
				{name: "debug", doc: "1 or 2: as text instead, with 2 of the stacks of all goroutines. Not of the processor.", example: "1", pattern: `^[0-2]$`, optional: true},
			},
			example: profiles, errors: []int{http.StatusNotFound, http.StatusConflict},
		},
	}
}

func (a *api) listProfiles(context.Context, *request) (any, error) { return profiles, nil }

func (a *api) getProfile(ctx context.Context, r *request) (any, error) {
	name := r.c.Param("profile")
	seconds, err := r.number("seconds", cpuSeconds, 1, mostSeconds)
	if err != nil {
		return nil, err
	}
	debug, err := r.number("debug", 0, 0, 2)
	switch {
	case err != nil:
		return nil, err
	case !slices.Contains(profiles, name):
		return nil, fault.New(fault.NotFound, "there is no profile %s", quote(name)).WithHint("GET /debug/pprof/ lists them")
	case name == cpuProfile:
		return a.profileCPU(ctx, time.Duration(seconds)*time.Second)
	}
	b := &blob{name: name, text: debug > 0}
	return b, pprof.Lookup(name).WriteTo(&b.content, debug)
}

// profileCPU looks at the processor for a while, or until nobody waits for it any more.
func (a *api) profileCPU(ctx context.Context, d time.Duration) (any, error) {
	b := &blob{name: cpuProfile}
	if err := pprof.StartCPUProfile(&b.content); err != nil {
		return nil, fault.Wrap(fault.Conflict, err, "the processor is being profiled already").WithHint("try again when that is over")
	}
	defer pprof.StopCPUProfile()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	case <-a.Stopping:
	}
	pprof.StopCPUProfile() // which writes it
	return b, nil
}

// number gives a query parameter that is a number.
func (r *request) number(name string, otherwise, least, most int) (int, error) {
	text, given := r.params[name]
	if !given {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		return 0, invalid(FieldProblem{"query." + name, "must be a whole number from " + strconv.Itoa(least) + " to " + strconv.Itoa(most)})
	}
	return n, nil
}

// blob is an answer that is no JSON.
type blob struct {
	name    string
	text    bool
	content bytes.Buffer
}

func (b *blob) stream(_ context.Context, w http.ResponseWriter, _ *http.Request) {
	if b.text {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	} else {
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Content-Disposition", `attachment; filename="`+b.name+`.pb.gz"`)
	}
	_, _ = w.Write(b.content.Bytes())
}
