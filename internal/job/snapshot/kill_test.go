// SPDX-License-Identifier: Apache-2.0

package snapshot_test

import (
	"fmt"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job/jobtest"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// story is a fleet on which a snapshot was made, whose sources have changed since: making it again creates one
// repository and changes two.
func story(t *testing.T) (*jobtest.Fleet, fleet.Task) {
	t.Helper()
	f := jobtest.New(t)
	f.SyncAll()
	f.Completed(queue(f, f.Primary, only("deb|rpm")))
	for name := range f.Trees {
		f.Trees[name].Put(pulpfake.Package{Name: "late", Version: "3.0"})
	}
	f.Sync(f.Primary, nil)
	f.Primary.ForgetRequests()
	return f, queue(f, f.Primary, reuse)
}

// outcome is what a run came to: what is served, but for what is dated, and how many Pulp tasks there were.
func outcome(f *jobtest.Fleet) (served map[string]string, started map[string]int) {
	served, started = map[string]string{}, map[string]int{}
	for name := range f.Trees {
		for file, body := range f.Primary.ServedFiles("repos/snap-a-" + name) {
			switch path.Base(file) {
			case "Release", "InRelease", "Release.gpg", "repomd.xml":
				body = nil
			}
			served[name+"/"+file] = string(body)
		}
	}
	for _, task := range f.Primary.Tasks() {
		if !strings.Contains(task.Name, "purge") {
			started[task.Name+" "+task.Subject]++
		}
	}
	return served, started
}

// TestKilled kills the process that makes snapshots with SIGKILL at a request, before it is done, when it is done and
// when it is answered, starts it again, and expects the end of an undisturbed run: nothing asked for twice,
// nothing left over. A sample of the moments; all of them with PULPMAN_KILLS=all.
func TestKilled(t *testing.T) {
	t.Parallel()
	f, task := story(t)
	f.CloseStore()
	if err := f.StartChild().Wait(jobtest.Patience); err != nil {
		t.Fatal(err)
	}
	f.OpenStore()
	if done := f.Task(task.ID); done.State != fleet.Completed {
		t.Fatalf("undisturbed: %s", f.Story(task.ID))
	}
	served, started := outcome(f)
	requests := len(f.Primary.Requests())
	for _, at := range moments(t, requests) {
		t.Run(fmt.Sprintf("%d %s", at.request, at.moment), func(t *testing.T) {
			t.Parallel()
			f, task := story(t)
			f.CloseStore()
			var child *jobtest.Child
			begun, once, first := make(chan struct{}), sync.Once{}, atomic.Int64{}
			f.Primary.Hook(func(n int, moment pulpfake.Moment, _ *http.Request) {
				first.CompareAndSwap(0, int64(n))
				if n -= int(first.Load()) - 1; n != at.request || moment != at.moment {
					return
				}
				fired := false
				once.Do(func() { fired = true })
				<-begun
				child.Kill()
				if fired && moment == pulpfake.Before && n%2 == 0 { // never done
					panic(http.ErrAbortHandler)
				}
			})
			child = f.StartChild()
			close(begun)
			killed := child.Wait(jobtest.Patience) != nil
			f.Primary.Hook(nil)
			if killed {
				if err := f.StartChild().Wait(jobtest.Patience); err != nil {
					f.OpenStore()
					t.Fatalf("started again: %v\n%s", err, f.Story(task.ID))
				}
			} else if at.request < requests/2 {
				t.Error("the process was not killed")
			}
			f.OpenStore()
			gotServed, gotStarted := outcome(f)
			if !maps.Equal(gotServed, served) {
				t.Errorf("served: %v, want %v", slices.Sorted(maps.Keys(gotServed)), slices.Sorted(maps.Keys(served)))
			}
			if !maps.Equal(gotStarted, started) {
				t.Errorf("Pulp tasks: %v, want %v", gotStarted, started)
			}
			for name := range f.Trees {
				sameAs(t, f.Primary, name, "snap-a-"+name)
			}
			f.Tidy()
			if t.Failed() {
				t.Log(f.Story(task.ID))
			}
		})
	}
}

type moment struct {
	request int
	moment  pulpfake.Moment
}

// moments gives those at which to kill.
func moments(t *testing.T, requests int) []moment {
	t.Helper()
	var all []moment
	for n := 1; n <= requests; n++ {
		for _, at := range []pulpfake.Moment{pulpfake.Before, pulpfake.Done, pulpfake.After} {
			all = append(all, moment{n, at})
		}
	}
	return jobtest.Sample(t, all, jobtest.Kills, 8)
}
