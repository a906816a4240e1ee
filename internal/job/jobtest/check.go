// SPDX-License-Identifier: Apache-2.0

package jobtest

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// Sound fails the test unless everything is as it must be once all repositories were synced and all tasks
// are over; see Faults.
func (f *Fleet) Sound() {
	f.t.Helper()
	if err := f.Faults(); err != nil {
		f.t.Error(err)
	}
}

// Tidy fails the test unless nothing is left over once all tasks are over; see Leftovers.
func (f *Fleet) Tidy() {
	f.t.Helper()
	if err := f.Leftovers(); err != nil {
		f.t.Error(err)
	}
}

// Faults gives leftovers, parts of repositories that belong to nothing, and what the fakes find: something
// published twice, promised but not served and so on.
func (f *Fleet) Faults() error {
	errs := []error{f.Leftovers()}
	for _, s := range []*pulpfake.Server{f.Primary, f.Secondary} {
		errs = append(errs, s.Check())
		repositories := s.Names("repositories")
		for _, class := range []string{"remotes", "distributions"} {
			if names := s.Names(class); !slices.Equal(names, repositories) {
				errs = append(errs, fmt.Errorf("%s: %s are %v, repositories are %v", s.Name(), class, names, repositories))
			}
		}
	}
	return errors.Join(errs...)
}

// Leftovers gives what must not be left once all tasks are over: a request still open, more than one
// Pulp task for a recorded request or a Pulp task without one, a lock, a task that needs work.
func (f *Fleet) Leftovers() error {
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	rows, err := f.requests()
	if err != nil {
		return err
	}
	recorded := map[string]fleet.PulpRequest{}
	for _, row := range rows {
		recorded[row.Correlation] = row
		if row.State == fleet.RequestOpen {
			fail("request %q of task %d is still open", row.Step, row.Task)
		}
	}
	for _, s := range []*pulpfake.Server{f.Primary, f.Secondary} {
		started := map[string]int{}
		ours := map[string]bool{}
		for _, d := range f.Defined() {
			ours[d.Name] = true
		}
		for _, task := range s.Tasks() {
			started[task.Correlation]++
			if _, ok := recorded[task.Correlation]; !ok && ours[task.Subject] && !f.byHand[task.Href] {
				fail("%s: Pulp task %s of %s belongs to no recorded request", s.Name(), task.Name, task.Subject)
			}
		}
		for id, n := range started {
			if row := recorded[id]; n > 1 && row.ID != 0 {
				fail("%s: %d Pulp tasks for request %q of task %d", s.Name(), n, row.Step, row.Task)
			}
		}
	}
	locks, err := f.Store.FindLocks(f.t.Context(), 0)
	if len(locks) > 0 || err != nil {
		fail("locks left: %+v %v", locks, err)
	}
	if n, err := f.Store.Sweep(f.t.Context()); n > 0 || err != nil {
		fail("%d tasks need work: %v", n, err)
	}
	return errors.Join(errs...)
}

// requests gives all recorded requests.
func (f *Fleet) requests() ([]fleet.PulpRequest, error) {
	var all []fleet.PulpRequest
	tasks, err := f.Store.FindTasks(f.t.Context(), fleet.Query{Page: 1, Size: 10000})
	if err != nil {
		return nil, err
	}
	for _, task := range tasks.Items {
		stages, err := f.Store.Stages(f.t.Context(), task.ID)
		if err != nil {
			return nil, err
		}
		for _, stage := range stages {
			rows, err := f.Store.Requests(f.t.Context(), stage.ID)
			if err != nil {
				return nil, err
			}
			all = append(all, rows...)
		}
	}
	return all, nil
}

// metadata are the files by which clients verify everything else, by type.
var metadata = map[string]string{
	"ext-deb": "dists/stable/InRelease", "ext-rpm": "repodata/repomd.xml", "ext-file": "PULP_MANIFEST",
	"ext-python": "beta-1.0-py3-none-any.whl", "ext-container": "tags/list",
}

// Same fails the test unless the secondary serves the very files of the primary, metadata and a
// package of each repository among them.
func (f *Fleet) Same() {
	f.t.Helper()
	for _, d := range f.Defined() {
		if err := sameFiles(d.Name, f.Primary.ServedFiles("repos/"+d.Name), f.Secondary.ServedFiles("repos/"+d.Name)); err != nil {
			f.t.Error(err)
		}
	}
}

// SameFiles tells where the secondary does not serve the very files of the primary for a repository.
func (f *Fleet) SameFiles(name string) error {
	return sameFiles(name, f.Primary.ServedFiles("repos/"+name), f.Secondary.ServedFiles("repos/"+name))
}

func sameFiles(name string, primary, secondary map[string][]byte) error {
	kind, _, _ := strings.Cut(strings.TrimPrefix(name, "ext-"), "-")
	head := metadata["ext-"+kind]
	if len(primary) < 2 || len(primary[head]) == 0 {
		return fmt.Errorf("%s: the primary serves %v", name, slices.Sorted(maps.Keys(primary)))
	}
	for file, body := range primary {
		if kind == "deb" && secondary[file] == nil && !strings.HasPrefix(file, "pool/") && file != head {
			continue // the secondary mirrors what the Release file lists
		}
		if !bytes.Equal(body, secondary[file]) {
			return fmt.Errorf("%s: %s has %d bytes on the primary, %d on the secondary, or they differ", name, file, len(body), len(secondary[file]))
		}
	}
	return nil
}

// Stable gives what both servers serve, without what is dated or signed by the server: equal for
// any two runs over equal upstreams.
func (f *Fleet) Stable() map[string]string {
	all := map[string]string{}
	for _, s := range []*pulpfake.Server{f.Primary, f.Secondary} {
		for _, d := range f.Defined() {
			for file, body := range s.ServedFiles("repos/" + d.Name) {
				switch path.Base(file) {
				case "Release", "InRelease", "Release.gpg", "repomd.xml":
					all[s.Name()+" "+d.Name+"/"+file] = "is there"
				default:
					all[s.Name()+" "+d.Name+"/"+file] = string(body)
				}
			}
		}
	}
	return all
}

// Asked counts the requests in a fake's log by what they are: "GET path", with ids left out. Polling
// for tasks and logins are left out.
func Asked(s *pulpfake.Server) (all map[string]int, sum int) {
	all = map[string]int{}
	for _, r := range s.Requests() {
		if isPoll(r) || strings.HasSuffix(r.Path, "/login/") {
			continue
		}
		parts := strings.Split(strings.TrimPrefix(r.Path, "/pulp/api/v3/"), "/")
		for i, p := range parts {
			if len(p) == 36 {
				parts[i] = "{}"
			}
		}
		all[r.Method+" "+strings.Join(parts, "/")]++
		sum++
	}
	return all, sum
}

// Polls counts the requests by which tasks are waited for.
func Polls(s *pulpfake.Server) int {
	n := 0
	for _, r := range s.Requests() {
		if isPoll(r) {
			n++
		}
	}
	return n
}

func isPoll(r pulpfake.Request) bool {
	return r.Method == "GET" && strings.HasSuffix(r.Path, "/tasks/") && strings.Contains(r.Query, "pulp_id__in=")
}
