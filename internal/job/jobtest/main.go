// SPDX-License-Identifier: Apache-2.0

package jobtest

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// Main runs the tests of a package, many at a time because they mostly wait, and makes sure that none
// leaves a goroutine behind. In a process that StartChild started, it is that child instead.
func Main(m *testing.M) {
	if told := os.Getenv(childPlan); told != "" {
		goleak.VerifyTestMain(child(told))
		return
	}
	flag.Parse()
	if !isSet("test.parallel") {
		_ = flag.Set("test.parallel", "12")
	}
	goleak.VerifyTestMain(m)
}

// child is the plan of a process that StartChild started.
type child string

// Run carries the plan out. It gives the code that the process exits with.
func (c child) Run() int {
	if err := runChild(string(c)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func isSet(name string) bool {
	set := false
	flag.Visit(func(f *flag.Flag) { set = set || f.Name == name })
	return set
}
