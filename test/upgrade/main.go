// SPDX-License-Identifier: Apache-2.0

// Command upgrade shows that a running fleet can go to the next release and back: an older release, this one, and one that
// is newer still (this one, on tables with more in them) take over from each other in the middle of a sync.
//
//	UPGRADE_FROM      commit or tag of the older release (default: the newest tag, else the commit in defaultFrom)
//	UPGRADE_POSTGRES  URL of an empty PostgreSQL database, for processes of two releases side by side (default: that part is left out)
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// defaultFrom is the last commit before releases began to say which of them may work on a database.
const defaultFrom = "074cb17"

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "upgrade: FAILED:", err)
		os.Exit(1)
	}
	fmt.Println("upgrade: all passed")
}

func run() (err error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, 15*time.Minute)
	defer cancel()
	root, err := output(ctx, "", "git", "rev-parse", "--show-toplevel")
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "pulp-manager-upgrade-")
	if err != nil {
		return err
	}
	defer func() {
		if err == nil {
			_ = os.RemoveAll(dir)
		} else {
			fmt.Fprintln(os.Stderr, "upgrade: logs are in", dir)
		}
	}()
	from := os.Getenv("UPGRADE_FROM")
	if from == "" {
		if from, err = output(ctx, root, "git", "describe", "--tags", "--abbrev=0"); err != nil {
			from = defaultFrom
		}
	}
	older, err := buildAt(ctx, root, from, dir)
	if err != nil {
		return err
	}
	newer := release{name: "this", binary: filepath.Join(dir, "this")}
	if err := build(ctx, root, newer.binary); err != nil {
		return err
	}
	newer.tolerant = true
	parts := []struct {
		name string
		run  func(context.Context, string, release, release) error
	}{{"one machine", oneMachine}, {"one machine, a newer release's tables", newerTables}}
	if url := os.Getenv("UPGRADE_POSTGRES"); url != "" {
		parts = append(parts, struct {
			name string
			run  func(context.Context, string, release, release) error
		}{"side by side on PostgreSQL", func(ctx context.Context, dir string, older, newer release) error {
			return sideBySide(ctx, dir, url, older, newer)
		}})
	}
	for i, part := range parts {
		at := filepath.Join(dir, fmt.Sprint(i))
		if err := os.Mkdir(at, 0o700); err != nil {
			return err
		}
		fmt.Printf("upgrade: %s\n", part.name)
		if err := part.run(ctx, at, older, newer); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	return nil
}

// release is a built release.
type release struct {
	name, binary string
	tolerant     bool // of columns that it does not know, so it can go on beside a newer one
}

// buildAt builds a release from the history.
func buildAt(ctx context.Context, root, commit, dir string) (release, error) {
	r := release{name: commit, binary: filepath.Join(dir, "older")}
	source := filepath.Join(dir, "source")
	if err := os.Mkdir(source, 0o700); err != nil {
		return r, err
	}
	archive := filepath.Join(dir, "source.tar")
	if _, err := output(ctx, root, "git", "archive", "-o", archive, commit); err != nil {
		return r, err
	}
	if _, err := output(ctx, source, "tar", "-xf", archive); err != nil {
		return r, err
	}
	text, err := output(ctx, source, "sh", "-c", "cat internal/store/*.go")
	if err != nil {
		return r, err
	}
	r.tolerant = strings.Contains(text, "WithDiscardUnknownColumns")
	return r, build(ctx, source, r.binary)
}

func build(ctx context.Context, source, binary string) error {
	_, err := output(ctx, source, "env", "CGO_ENABLED=0", "go", "build", "-o", binary, "./cmd/pulp-manager")
	return err
}

func output(ctx context.Context, dir, name string, args ...string) (string, error) {
	command := exec.CommandContext(ctx, name, args...)
	command.Dir = dir
	text, err := command.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		err = fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, exit.Stderr)
	}
	return strings.TrimSpace(string(text)), err
}
