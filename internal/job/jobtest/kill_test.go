// SPDX-License-Identifier: Apache-2.0

package jobtest_test

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job/jobtest"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// kill is a moment at which a process is killed: at a request to one of the servers, before anything is done
// (and then it is done all the same, or never), when it is done, or when it is answered.
type kill struct {
	secondary bool
	request   int
	at        pulpfake.Moment
	dropped   bool // Before only: the request is never done
}

func (k kill) String() string {
	server, at := "primary", k.at.String()
	if k.secondary {
		server = "secondary"
	}
	if k.dropped {
		at = "dropped"
	}
	return fmt.Sprintf("%s %d %s", server, k.request, at)
}

// undisturbed is what a whole run comes to that nothing disturbs.
type undisturbed struct {
	served   map[string]string
	started  map[string]int // Pulp tasks by what they are
	requests [2]int         // to the primary, to the secondary
	roots    int            // tasks without a parent
}

func short(w *jobtest.World) { w.Request = 2 * time.Second }

// wholeRun runs a child that nothing disturbs.
func wholeRun(t *testing.T) undisturbed {
	t.Helper()
	f := jobtest.New(t, short)
	f.CloseStore()
	if err := f.StartChild().Wait(jobtest.Patience); err != nil {
		t.Fatal(err)
	}
	f.OpenStore()
	f.Same()
	f.Sound()
	return undisturbed{served: f.Stable(), started: startedBy(f), requests: [2]int{len(f.Primary.Requests()), len(f.Secondary.Requests())}, roots: len(f.Roots())}
}

// startedBy counts the Pulp tasks on both servers by what they are.
func startedBy(f *jobtest.Fleet) map[string]int {
	all := map[string]int{}
	for _, s := range []*pulpfake.Server{f.Primary, f.Secondary} {
		for _, task := range s.Tasks() {
			if !strings.Contains(task.Name, "purge") {
				all[s.Name()+" "+task.Name+" "+task.Subject]++
			}
		}
	}
	return all
}

// TestKilled kills the process that registers, syncs and mirrors with SIGKILL, by the fake, at a request, starts
// it again, and expects the end of an undisturbed run: everything completed, nothing asked for or published
// twice, nothing left over. A sample of the moments; all of them with PULPMAN_KILLS=all.
func TestKilled(t *testing.T) {
	t.Parallel()
	want := wholeRun(t)
	for _, k := range kills(t, want) {
		t.Run(k.String(), func(t *testing.T) {
			t.Parallel()
			f := jobtest.New(t, short)
			if !k.strike(t, f) && k.request < want.requests[0]/2 {
				t.Error("the process was not killed")
			}
			verify(t, f, want)
			if t.Failed() {
				t.Log(f.Stories())
			}
		})
	}
}

// strike runs a child that is killed, and where it was, another one to the end; then it opens the store. It tells
// whether the child was killed.
func (k kill) strike(t *testing.T, f *jobtest.Fleet) bool {
	t.Helper()
	f.CloseStore()
	server := f.Primary
	if k.secondary {
		server = f.Secondary
	}
	var child *jobtest.Child
	started, once := make(chan struct{}), sync.Once{}
	server.Hook(func(n int, at pulpfake.Moment, _ *http.Request) {
		if n != k.request || at != k.at {
			return
		}
		fired := false
		once.Do(func() { fired = true })
		<-started
		child.Kill()
		if fired && k.dropped {
			panic(http.ErrAbortHandler)
		}
	})
	child = f.StartChild()
	close(started)
	killed := child.Wait(jobtest.Patience) != nil
	server.Hook(nil)
	if killed {
		began := time.Now()
		if err := f.StartChild().Wait(jobtest.Patience); err != nil {
			f.OpenStore()
			t.Fatalf("started again: %v\n%s", err, f.Stories())
		}
		if took := time.Since(began); took > 45*time.Second {
			t.Errorf("the second process took %s", took)
		}
	}
	f.OpenStore()
	return killed
}

// verify compares what a disturbed run came to with an undisturbed one.
func verify(t *testing.T, f *jobtest.Fleet, want undisturbed) {
	t.Helper()
	f.Same()
	f.Sound()
	if got := f.Stable(); !maps.Equal(got, want.served) {
		for file := range want.served {
			if got[file] != want.served[file] {
				t.Errorf("served: %s has %d bytes, want %d", file, len(got[file]), len(want.served[file]))
			}
		}
		t.Errorf("%d files are served, want %d", len(got), len(want.served))
	}
	if got := startedBy(f); !maps.Equal(got, want.started) {
		for what, n := range got {
			if n > want.started[what] {
				t.Errorf("%d Pulp tasks %s, want %d", n, what, want.started[what])
			}
		}
	}
	roots := f.Roots()
	if len(roots) != want.roots {
		t.Errorf("%d root tasks", len(roots))
	}
	for _, task := range roots {
		if task.State != fleet.Completed {
			t.Errorf("task %d is %s: %+v", task.ID, task.State, task.Error)
		}
	}
}

// kills gives the moments at which to kill.
func kills(t *testing.T, want undisturbed) []kill {
	t.Helper()
	var all []kill
	for server, requests := range want.requests {
		for n := 1; n <= requests; n++ {
			for _, at := range []pulpfake.Moment{pulpfake.Before, pulpfake.Done, pulpfake.After} {
				all = append(all, kill{secondary: server == 1, request: n, at: at, dropped: at == pulpfake.Before && n%2 == 0})
			}
		}
	}
	return jobtest.Sample(t, all, jobtest.Kills, 12)
}
