// SPDX-License-Identifier: Apache-2.0

package store

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// daemonVariable makes the test binary a daemon that uses a data directory.
const daemonVariable = "PULPMAN_TEST_DAEMON"

func TestMain(m *testing.M) {
	if dir := os.Getenv(daemonVariable); dir != "" {
		daemon(dir)
		return
	}
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/dlclark/regexp2.runClock")) // it ends by itself, a little later
}

// daemon stores tasks, says so, and goes on until it is killed.
func daemon(dir string) {
	s, err := Open(context.Background(), Options{DataDir: dir})
	for i := 0; err == nil; i++ {
		_, err = s.Enqueue(context.Background(), fleet.NewTask{Name: "x", Kind: fleet.KindRegister, MaxRuntime: time.Hour})
		fmt.Println("stored", i+1)
	}
	fmt.Println("failed:", err)
}

func TestKilledDaemonLeavesLockAndData(t *testing.T) {
	dir := t.TempDir()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), daemonVariable+"="+dir)
	out, err := child.StdoutPipe()
	must(t, err)
	must(t, child.Start())
	said, stored := bufio.NewScanner(out), 0
	for stored < 20 && said.Scan() {
		if _, err := fmt.Sscanf(said.Text(), "stored %d", &stored); err != nil {
			t.Fatalf("the daemon says: %s", said.Text())
		}
	}
	_, err = Open(t.Context(), Options{DataDir: dir})
	if !fault.Is(err, fault.Conflict) || !strings.Contains(fault.Message(err), "pid "+strconv.Itoa(child.Process.Pid)) {
		t.Errorf("while it runs: %v", err)
	}
	must(t, child.Process.Kill())
	for said.Scan() {
		if _, err := fmt.Sscanf(said.Text(), "stored %d", &stored); err != nil {
			t.Fatalf("the daemon says: %s", said.Text())
		}
	}
	if err := child.Wait(); err == nil {
		t.Error("it ended by itself")
	}
	s := openTest(t, Options{DataDir: dir})
	page, err := s.FindTasks(t.Context(), fleet.Query{})
	must(t, err)
	if page.Total < stored || stored < 20 {
		t.Errorf("%d tasks are there, %d were stored", page.Total, stored)
	}
}
