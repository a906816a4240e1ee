// SPDX-License-Identifier: Apache-2.0

package jobtest_test

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/job"
	"github.com/pulp/pulp-manager/internal/job/jobtest"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// disturbance is a fault of one request to one of the servers.
type disturbance struct {
	secondary bool
	request   int
	fault     pulpfake.Fault
}

func (d disturbance) String() string {
	server := "primary"
	if d.secondary {
		server = "secondary"
	}
	return fmt.Sprintf("%s %d %s", server, d.request, d.fault)
}

// TestFaults disturbs one request of a run that registers, syncs and mirrors, each in each way, and expects
// the end of an undisturbed run. A sample of them; all of them with PULPMAN_FAULTS=all.
func TestFaults(t *testing.T) {
	t.Parallel()
	want := quietRun(t)
	for _, d := range disturbances(t, want) {
		t.Run(d.String(), func(t *testing.T) {
			t.Parallel()
			f := jobtest.New(t, hasty)
			server := f.Primary
			if d.secondary {
				server = f.Secondary
			}
			var met atomic.Bool
			server.Inject(func(_ *http.Request, n int) pulpfake.Fault {
				if n != d.request {
					return pulpfake.None
				}
				met.Store(true)
				return d.fault
			})
			f.SyncAll()
			if !met.Load() && d.request < want.requests[0]/2 {
				t.Error("no request was disturbed")
			}
			verify(t, f, want)
			if t.Failed() {
				t.Log(f.Stories())
			}
		})
	}
}

// hasty makes the daemon believe soon that a request is lost. Disturbing delays must be shorter.
func hasty(w *jobtest.World) {
	w.Request = 1500 * time.Millisecond
	w.Timing = job.Timing{InFlight: 200 * time.Millisecond, Confirm: time.Second, Odd: time.Minute, LookEach: time.Minute}
}

func quietRun(t *testing.T) undisturbed {
	t.Helper()
	f := jobtest.New(t, hasty)
	f.SyncAll()
	f.Same()
	f.Sound()
	return undisturbed{served: f.Stable(), started: startedBy(f), requests: [2]int{len(f.Primary.Requests()), len(f.Secondary.Requests())}, roots: len(f.Roots())}
}

// disturbances gives those to try.
func disturbances(t *testing.T, want undisturbed) []disturbance {
	t.Helper()
	var all []disturbance
	for server, requests := range want.requests {
		for n := 1; n <= requests; n++ {
			for _, fault := range []pulpfake.Fault{
				pulpfake.Refuse, pulpfake.LoseReply, pulpfake.BadGateway, pulpfake.BadGatewayDone, pulpfake.Unavailable503,
				pulpfake.Delay(500 * time.Millisecond),
			} {
				all = append(all, disturbance{server == 1, n, fault})
			}
		}
	}
	return jobtest.Sample(t, all, jobtest.Faults, 48)
}

// TestManyFaults disturbs every seventh request, in turn in each way.
func TestManyFaults(t *testing.T) {
	t.Parallel()
	want := quietRun(t)
	f := jobtest.New(t, hasty)
	faults := []pulpfake.Fault{pulpfake.Refuse, pulpfake.LoseReply, pulpfake.BadGateway, pulpfake.BadGatewayDone, pulpfake.Unavailable503}
	for _, s := range []*pulpfake.Server{f.Primary, f.Secondary} {
		var n atomic.Int64
		s.Inject(func(_ *http.Request, request int) pulpfake.Fault {
			if request == 0 { // a client or a secondary that reads content
				return pulpfake.None
			}
			if k := n.Add(1); k%7 == 0 {
				return faults[int(k/7)%len(faults)]
			}
			return pulpfake.None
		})
	}
	f.SyncAll()
	verify(t, f, want)
	if t.Failed() {
		t.Log(f.Stories())
	}
}
