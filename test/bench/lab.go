// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// lab is the project's real Pulp server with one worker, nginx in front of it, and the fixture upstream.
type lab struct {
	root, name string
	url        string // of the server's nginx
	upstream   string
	access     string // nginx's log
}

// startLab starts the upstream and the server, installing Pulp where it is not.
func startLab(ctx context.Context, root, name string) (*lab, error) {
	l := &lab{root: root, name: name}
	home := os.Getenv("LAB_HOME")
	if home == "" {
		home = "/var/tmp/pulp-manager-lab"
	}
	l.access = filepath.Join(home, "servers", name, "access.log")
	if _, err := l.script(ctx, "upstream", "up"); err != nil {
		return nil, err
	}
	if _, err := l.script(ctx, "pulp", "up", name); err != nil {
		return nil, err
	}
	var err error
	if l.upstream, err = l.script(ctx, "upstream", "url"); err != nil {
		return nil, err
	}
	l.url, err = l.script(ctx, "pulp", "url", name)
	return l, err
}

// reset makes the server as new. Nothing that an earlier run brought is left, so a sync downloads again.
func (l *lab) reset(ctx context.Context) error {
	_, err := l.script(ctx, "pulp", "reset", l.name)
	return err
}

// stop stops the server; the upstream may be somebody else's too.
func (l *lab) stop(ctx context.Context) {
	if _, err := l.script(ctx, "pulp", "down", l.name); err != nil {
		say("%v", err)
	}
}

// server is the server's name in the fleet: its address.
func (l *lab) server() string { return strings.TrimPrefix(l.url, "http://") }

func (l *lab) script(ctx context.Context, name string, args ...string) (string, error) {
	command := exec.CommandContext(ctx, filepath.Join(l.root, "lab", name), args...)
	var problems strings.Builder
	command.Stderr = &problems
	text, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("lab/%s %s: %w\n%s", name, strings.Join(args, " "), err, problems.String())
	}
	return strings.TrimSpace(string(text)), nil
}
