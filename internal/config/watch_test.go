// SPDX-License-Identifier: Apache-2.0

package config

import (
	"context"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// watched is what a Watcher told, in order.
type watched struct {
	mu       sync.Mutex
	changes  []*Config
	problems []error
}

// told gives how many changes and problems there are by now.
func (w *watched) told() (changes, problems int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.changes), len(w.problems)
}

func (w *watched) change(c *Config) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.changes = append(w.changes, c)
}

func (w *watched) problem(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.problems = append(w.problems, err)
}

func (w *watched) watch(ctx context.Context, f *files, hangup <-chan os.Signal, inForce *Config) {
	Watcher{
		Sources: f.sources(), InForce: inForce, Hangup: hangup, Every: time.Second,
		OnChange: w.change, OnProblem: w.problem,
	}.Watch(ctx)
}

func TestWatch(t *testing.T) { // D15
	f := newFiles(t, smallINI, smallYAML)
	inForce, err := Load(f.sources())
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		var w watched
		ctx, stop := context.WithCancel(t.Context())
		hangup := make(chan os.Signal)
		done := make(chan struct{})
		go func() {
			defer close(done)
			w.watch(ctx, f, hangup, inForce)
		}()
		// pass lets some rounds pass, then compares how much was told.
		pass := func(what string, rounds, changes, problems int) {
			t.Helper()
			<-time.After(time.Duration(rounds)*time.Second + time.Millisecond) // simulated time
			synctest.Wait()
			if c, p := w.told(); c != changes || p != problems {
				t.Fatalf("%s: %d changes, %d problems; want %d, %d", what, c, p, changes, problems)
			}
		}
		pass("nothing changed", 5, 0, 0)

		f.write("pulp_config.yml", strings.Replace(smallYAML, "pulp1", "pulp-new", 1))
		pass("not yet the same for a round", 1, 0, 0)
		pass("changed", 1, 1, 0)
		if name := w.changes[0].Fleet.Servers[0].Server.Name; name != "pulp-new" {
			t.Errorf("read %s", name)
		}
		pass("told once", 5, 1, 0)

		f.write("pulp_config.yml", "broken: [")
		pass("broken", 2, 1, 1)
		pass("told once", 5, 1, 1)
		if err := os.Remove(f.path("pulp_config.yml")); err != nil {
			t.Fatal(err)
		}
		pass("removed", 2, 1, 2)
		f.write("pulp_config.yml", strings.Replace(smallYAML, "pulp1", "pulp-new", 1))
		pass("as in force again", 3, 1, 2)

		hangup <- syscall.SIGHUP
		pass("hangup", 0, 2, 2)
		f.write("config.ini", "[pulp]\napi_root = a b\n")
		hangup <- syscall.SIGHUP
		pass("hangup, bad file", 0, 2, 3)
		pass("told once", 5, 2, 3)

		// A file that is still being written is left alone.
		for i := range 5 {
			f.write("config.ini", smallINI+strings.Repeat("# more\n", i+1))
			pass("growing", 1, 2, 3)
		}
		pass("written", 2, 3, 3)
		stop()
		<-done
	})
}

func TestWatchSeesWhatChangedBefore(t *testing.T) {
	f := newFiles(t, smallINI, smallYAML)
	inForce, err := Load(f.sources())
	if err != nil {
		t.Fatal(err)
	}
	f.write("config.ini", smallINI+"[paging]\ndefault_page_size = 5\n")
	synctest.Test(t, func(t *testing.T) {
		var w watched
		ctx, stop := context.WithTimeout(t.Context(), 3500*time.Millisecond)
		defer stop()
		w.watch(ctx, f, nil, inForce)
		if len(w.changes) != 1 || w.changes[0].Settings.Paging.DefaultSize != 5 {
			t.Errorf("%d changes", len(w.changes))
		}
	})
}
