// SPDX-License-Identifier: Apache-2.0

package jobtest

import (
	"fmt"
	"strings"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// Story tells what happened in a task and its children, for the texts of failing tests.
func (f *Fleet) Story(id fleet.TaskID) string {
	f.t.Helper()
	var b strings.Builder
	f.tell(&b, f.Task(id), "")
	return b.String()
}

// Says waits until the story of a task has a text in it.
func (f *Fleet) Says(id fleet.TaskID, text string) {
	f.t.Helper()
	story := ""
	defer func() {
		if f.t.Failed() {
			f.t.Logf("task %d:\n%s", id, story)
		}
	}()
	f.Until(fmt.Sprintf("task %d to say %q", id, text), func() bool {
		story = f.Story(id)
		return strings.Contains(story, text)
	})
}

func (f *Fleet) tell(b *strings.Builder, task fleet.Task, indent string) {
	fmt.Fprintf(b, "%s%d %s: %s %+v\n", indent, task.ID, task.Name, task.State, task.Error)
	stages, err := f.Store.Stages(f.t.Context(), task.ID)
	if err != nil {
		f.t.Fatal(err)
	}
	for _, s := range stages {
		fmt.Fprintf(b, "%s  - %s: %s %v %+v\n", indent, s.Name, s.State, s.Detail, s.Error)
	}
	children, err := f.Store.Children(f.t.Context(), task.ID)
	if err != nil {
		f.t.Fatal(err)
	}
	for _, c := range children {
		f.tell(b, c, indent+"  ")
	}
}

// Stories tells what happened in all tasks.
func (f *Fleet) Stories() string {
	f.t.Helper()
	var b strings.Builder
	for _, task := range f.Roots() {
		f.tell(&b, task, "")
	}
	return b.String()
}

// Roots gives the tasks without a parent, oldest first.
func (f *Fleet) Roots() []fleet.Task {
	f.t.Helper()
	roots, err := rootTasks(f.t.Context(), f.Store)
	if err != nil {
		f.t.Fatal(err)
	}
	return roots
}
