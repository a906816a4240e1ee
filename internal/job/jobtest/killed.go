// SPDX-License-Identifier: Apache-2.0

package jobtest

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// Killed tells a story whose queued task works on the primary: the process that runs it is killed with SIGKILL at
// a request, before that is done, when it is done and when it is answered, and started again. The end must be that
// of an undisturbed run: the same outcome, nothing asked for twice, nothing left over. Some of the moments by
// chance, others each time or those of the seed in PULPMAN_SEED; all of them with PULPMAN_KILLS=all.
func Killed(t *testing.T, story func(t *testing.T) (*Fleet, fleet.Task), outcome func(f *Fleet) map[string]string) {
	t.Helper()
	f, task := story(t)
	f.Primary.ForgetRequests()
	f.CloseStore()
	if err := f.StartChild().Wait(Patience); err != nil {
		t.Fatal(err)
	}
	f.OpenStore()
	if done := f.Task(task.ID); done.State != fleet.Completed {
		t.Fatalf("undisturbed: %s", f.Story(task.ID))
	}
	want, asked, requests := outcome(f), startedOn(f.Primary), len(f.Primary.Requests())
	for _, at := range moments(t, requests) {
		t.Run(at.String(), func(t *testing.T) {
			t.Parallel()
			f, task := story(t)
			killed := f.killAt(at)
			if !killed && at.request < requests/2 {
				t.Error("the process was not killed")
			}
			if err := f.StartChild().Wait(Patience); err != nil {
				f.OpenStore()
				t.Fatalf("started again: %v\n%s", err, f.Story(task.ID))
			}
			f.OpenStore()
			if got := outcome(f); !maps.Equal(got, want) {
				t.Errorf("outcome: %v, want %v", got, want)
			}
			if got := startedOn(f.Primary); !maps.Equal(got, asked) {
				t.Errorf("Pulp tasks: %v, want %v", got, asked)
			}
			f.Tidy()
			if t.Failed() {
				t.Log(f.Story(task.ID))
			}
		})
	}
}

// moment is one at which to kill, counted from when the process starts.
type moment struct {
	request int
	at      pulpfake.Moment
	dropped bool // Before only: the request is never done
}

func (m moment) String() string {
	if m.dropped {
		return fmt.Sprintf("%d dropped", m.request)
	}
	return fmt.Sprintf("%d %s", m.request, m.at)
}

// killAt runs a process that is killed at a moment. It tells whether it was: it may have ended before.
func (f *Fleet) killAt(m moment) bool {
	f.t.Helper()
	f.CloseStore()
	var child *Child
	begun, once, first := make(chan struct{}), sync.Once{}, atomic.Int64{}
	f.Primary.Hook(func(n int, at pulpfake.Moment, _ *http.Request) {
		first.CompareAndSwap(0, int64(n))
		if n-int(first.Load())+1 != m.request || at != m.at {
			return
		}
		fired := false
		once.Do(func() { fired = true })
		<-begun
		child.Kill()
		if fired && m.dropped {
			panic(http.ErrAbortHandler)
		}
	})
	child = f.StartChild()
	close(begun)
	killed := child.Wait(Patience) != nil
	f.Primary.Hook(nil)
	return killed
}

// startedOn counts the Pulp tasks on a server by what they are.
func startedOn(s *pulpfake.Server) map[string]int {
	started := map[string]int{}
	for _, task := range s.Tasks() {
		if !strings.Contains(task.Name, "purge") {
			started[task.Name+" "+task.Subject]++
		}
	}
	return started
}

// moments gives those at which to kill.
func moments(t *testing.T, requests int) []moment {
	t.Helper()
	var all []moment
	for n := 1; n <= requests; n++ {
		for _, at := range []pulpfake.Moment{pulpfake.Before, pulpfake.Done, pulpfake.After} {
			all = append(all, moment{request: n, at: at, dropped: at == pulpfake.Before && n%2 == 0})
		}
	}
	return Sample(t, all, Kills, 6)
}
