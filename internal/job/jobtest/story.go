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

func (f *Fleet) tell(b *strings.Builder, task fleet.Task, indent string) {
	fmt.Fprintf(b, "%s%s: %s %+v\n", indent, task.Name, task.State, task.Error)
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
