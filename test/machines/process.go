// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// process is one of the daemon's, as one machine runs it.
type process struct {
	name, role string
	binary     string
	address    string   // where its API listens, if it has one
	database   string   // URL
	environ    []string // besides
	inside     []string // command that runs it, as in a namespace

	command *exec.Cmd
	ended   chan struct{}
	err     error // how it ended
	log     string
}

// boot starts a process and waits until it is ready.
func (w *world) boot(ctx context.Context, p *process) error {
	if p.binary == "" {
		p.binary = w.suite.binary
	}
	if p.database == "" {
		p.database = w.database
	}
	if p.role == "api" && p.address == "" {
		port, err := freePort(ctx)
		if err != nil {
			return err
		}
		p.address = "127.0.0.1:" + port
	}
	p.log = filepath.Join(w.dir, p.name+".log")
	before := count(p.log, "msg=ready")
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	line := append(append([]string{}, p.inside...), p.binary, p.role, "--config", filepath.Join(w.dir, "config.ini"),
		"--sync-config", filepath.Join(w.dir, "pulp_config.yml"), "--log-format", "text", "--metrics-listen", "")
	if p.address != "" {
		line = append(line, "--listen", p.address)
	}
	p.command = exec.Command(line[0], line[1:]...) //nolint:noctx // the scenario ends it
	p.command.Env = append(append(environment(), "DATABASE_URL="+p.database), p.environ...)
	p.command.Stdout, p.command.Stderr = log, log
	if err := p.command.Start(); err != nil {
		return err
	}
	p.ended = make(chan struct{})
	go func(command *exec.Cmd, ended chan struct{}) {
		p.err = command.Wait()
		close(ended)
	}(p.command, p.ended)
	w.adopt(p)
	_, err = until(ctx, p.name+" to be ready", 60*time.Second, func(context.Context) (bool, error) {
		select {
		case <-p.ended:
			return true, nil
		default:
			return count(p.log, "msg=ready") > before, nil
		}
	})
	if err == nil && !p.runs() {
		err = fmt.Errorf("%s ended as it started: %w: see %s", p.name, p.err, p.log)
	}
	return err
}

// environment is this process's without what configures the daemon.
func environment() []string {
	var kept []string
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, "DB_") && !strings.HasPrefix(name, "PULP_") && name != "DATABASE_URL" {
			kept = append(kept, entry)
		}
	}
	return append(kept, "Is_local=true", "JWT_SECRET="+strings.Repeat("0123456789abcdef", 4), "PULP_MANAGER_SECRET_KEY="+strings.Repeat("fedcba9876543210", 4))
}

func (p *process) pid() int { return p.command.Process.Pid }

func (p *process) runs() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// kill ends it as the kernel does when memory is short.
func (p *process) kill() {
	_ = p.command.Process.Kill()
	<-p.ended
}

// stop ends it as a service manager does.
func (p *process) stop() (time.Duration, error) {
	began := time.Now()
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil {
		return 0, err
	}
	select {
	case <-p.ended:
		if p.err != nil {
			return 0, fmt.Errorf("%s did not end cleanly: %w: see %s", p.name, p.err, p.log)
		}
		return time.Since(began), nil
	case <-time.After(45 * time.Second):
		p.kill()
		return 0, fmt.Errorf("%s did not end in 45 s: see %s", p.name, p.log)
	}
}

func count(path, text string) int {
	content, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	return strings.Count(string(content), text)
}

// clockOf gives the newest time that a log tells.
func clockOf(path string) time.Time {
	content, err := os.ReadFile(path)
	if err != nil {
		return time.Time{}
	}
	var last time.Time
	for line := range strings.Lines(string(content)) {
		field, _, _ := strings.Cut(strings.TrimPrefix(line, "time="), " ")
		if at, err := time.Parse(time.RFC3339Nano, field); err == nil {
			last = at
		}
	}
	return last
}
