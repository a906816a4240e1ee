// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// suite is what all scenarios share.
type suite struct {
	root, dir string
	keep      bool
	seed      uint64
	binary    string
	skewed    string // the same with a clock that CLOCK_SKEW puts off; nil error of skewing: it is there
	skewing   chan error
	cluster   *cluster
}

func newSuite(ctx context.Context, seed uint64, skewed bool) (*suite, error) {
	s := &suite{seed: seed, dir: os.Getenv("MACHINES_KEEP"), keep: os.Getenv("MACHINES_KEEP") != ""}
	var err error
	if s.root, err = projectRoot(); err != nil {
		return nil, err
	}
	if s.keep {
		err = errors.Join(os.RemoveAll(s.dir), os.MkdirAll(s.dir, 0o755))
	} else {
		s.dir, err = os.MkdirTemp("", "pulp-manager-machines-")
	}
	if err == nil {
		err = os.Chmod(s.dir, 0o755) //nolint:gosec // PostgreSQL runs as another user below it
	}
	if err != nil {
		return nil, err
	}
	s.binary = filepath.Join(s.dir, "pulp-manager")
	began := time.Now()
	s.skewed, s.skewing = s.binary+"-skewed", make(chan error, 1)
	if err = s.build(ctx, s.binary); err == nil {
		if skewed { // all of it is compiled anew, which takes as long as the scenarios
			go func() { s.skewing <- s.buildSkewed(ctx) }()
		}
		fmt.Printf("built in %.0f s\n", time.Since(began).Seconds())
		s.cluster, err = newCluster(ctx, filepath.Join(s.dir, "postgres"))
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *suite) close() {
	if s.cluster != nil {
		s.cluster.stop(fast)
	}
	if !s.keep {
		_ = os.RemoveAll(s.dir)
	}
}

func (s *suite) build(ctx context.Context, binary string, flags ...string) error {
	command := exec.CommandContext(ctx, "go", append(append([]string{"build", "-ldflags", "-s -w"}, flags...), "-o", binary, "./cmd/pulp-manager")...)
	command.Dir, command.Env = s.root, append(os.Environ(), "CGO_ENABLED=0")
	if text, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("building the daemon: %w\n%s", err, text)
	}
	return nil
}

// What is put into package time: a process's clock is off by what its environment says. A static program cannot be
// given another clock from outside.
const (
	clockCall  = "sec, nsec, mono := runtimeNow()"
	clockOff   = clockCall + "\n\tsec += clockSkew"
	clockValue = `
var clockSkew = func() (sec int64) {
	text, _ := syscall.Getenv("CLOCK_SKEW")
	minus := len(text) > 0 && text[0] == '-'
	for _, c := range []byte(text) {
		if c >= '0' && c <= '9' {
			sec = sec*10 + int64(c-'0')
		}
	}
	if minus {
		return -sec
	}
	return sec
}()
`
)

// buildSkewed builds the binary with a package time of our own.
func (s *suite) buildSkewed(ctx context.Context) error {
	root, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return err
	}
	source := filepath.Join(strings.TrimSpace(string(root)), "src", "time", "time.go")
	text, err := os.ReadFile(source)
	if err != nil {
		return err
	}
	changed := strings.Replace(string(text), clockCall, clockOff, 1)
	changed = strings.Replace(changed, "import (\n", "import (\n\t\"syscall\"\n", 1) + clockValue
	if !strings.Contains(changed, clockOff) || !strings.Contains(changed, "\"syscall\"") {
		return fmt.Errorf("%s is not as this suite knows it: adapt clockCall", source)
	}
	ours, overlay := filepath.Join(s.dir, "time.go.txt"), filepath.Join(s.dir, "overlay.json")
	replace, err := json.Marshal(map[string]any{"Replace": map[string]string{source: ours}})
	if err := errors.Join(err, os.WriteFile(ours, []byte(changed), 0o600), os.WriteFile(overlay, replace, 0o600)); err != nil {
		return err
	}
	return s.build(ctx, s.skewed, "-overlay", overlay)
}

// projectRoot is the folder with go.mod, from here upwards.
func projectRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, "go.mod")); err == nil {
			return at, nil
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("no go.mod in %s or above it: run this inside the project", dir)
		}
	}
}

func freePort(ctx context.Context) (string, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, errors.Join(err, l.Close())
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// until waits for something, and gives how long that took.
func until(ctx context.Context, what string, limit time.Duration, done func(ctx context.Context) (bool, error)) (time.Duration, error) {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var last error
	for {
		ok, err := done(ctx)
		if err == nil && ok {
			return time.Since(began), nil
		}
		if err != nil {
			last = err
		}
		if pause(ctx, 50*time.Millisecond) != nil {
			return time.Since(began), errors.Join(fmt.Errorf("waited %s in vain for: %s", limit, what), last)
		}
	}
}
