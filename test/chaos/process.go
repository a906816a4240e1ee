// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process is the built binary in one of its roles, started again and again.
type process struct {
	name string
	args []string
	env  []string
	log  string
	died func(p *process, life time.Duration, err error) // told when it ends though nobody killed it

	mu      sync.Mutex
	command *exec.Cmd
	wanted  bool // whether it is to run
	ended   chan struct{}
}

// start begins a life of the process, unless it lives already.
func (p *process) start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.command != nil {
		return nil
	}
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	command := exec.CommandContext(context.Background(), p.args[0], p.args[1:]...)
	command.Env, command.Stdout, command.Stderr = p.env, log, log
	if err := command.Start(); err != nil {
		return err
	}
	ended, began := make(chan struct{}), time.Now()
	p.command, p.wanted, p.ended = command, true, ended
	go func() {
		err := command.Wait()
		p.mu.Lock()
		unexpected := p.wanted
		p.command = nil
		p.mu.Unlock()
		close(ended)
		if unexpected {
			p.died(p, time.Since(began), err)
		}
	}()
	return nil
}

// signal sends a signal, if the process lives, and tells whether it does.
func (p *process) signal(s os.Signal) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.command != nil && p.command.Process.Signal(s) == nil
}

// end ends the process with a signal, waits until it is gone, and tells whether it lived.
func (p *process) end(s syscall.Signal, limit time.Duration) bool {
	p.mu.Lock()
	p.wanted = false
	command, ended := p.command, p.ended
	p.mu.Unlock()
	if command == nil {
		return false
	}
	_ = command.Process.Signal(s)
	select {
	case <-ended:
	case <-time.After(limit):
		_ = command.Process.Kill()
		<-ended
	}
	return true
}

// kill ends the process with SIGKILL.
func (p *process) kill() bool { return p.end(syscall.SIGKILL, time.Minute) }

// cluster is all processes of ours: one that does everything, or each role apart on PostgreSQL.
type cluster struct {
	url       string
	processes []*process
	broken    func(format string, args ...any)
}

// newCluster tells what to run; nothing runs yet.
func newCluster(binary, dir, databaseURL, listen string, broken func(string, ...any)) *cluster {
	c := &cluster{url: "http://" + listen, broken: broken}
	common := []string{"--config", filepath.Join(dir, "config.ini"), "--sync-config", filepath.Join(dir, "pulp_config.yml"), "--metrics-listen", ""}
	add := func(name string, args ...string) {
		c.processes = append(c.processes, &process{
			name: name, args: append(append([]string{binary}, args...), common...), log: filepath.Join(dir, name+".log"), env: environment(databaseURL),
			died: c.died,
		})
	}
	if databaseURL == "" {
		add("serve", "serve", "--data-dir", filepath.Join(dir, "data"), "--listen", listen)
		return c
	}
	add("scheduler-1", "scheduler")
	add("scheduler-2", "scheduler")
	add("worker-1", "worker")
	add("worker-2", "worker")
	add("api", "api", "--listen", listen)
	return c
}

// notReady is how long a start may take, and unavailable what it exits with where the database does not answer then.
const (
	notReady    = 5 * time.Second
	unavailable = 6
)

// died starts a process again that ended by itself, as a service manager does. That is in order only where the database did not
// answer as it started.
func (c *cluster) died(p *process, life time.Duration, err error) {
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != unavailable || life > notReady {
		c.broken("%s ended by itself after %s: %v (see its log)", p.name, life.Round(time.Second), err)
	}
	_ = pause(context.Background(), time.Second)
	p.mu.Lock()
	wanted := p.wanted
	p.mu.Unlock()
	if wanted {
		_ = p.start()
	}
}

func (c *cluster) start() error {
	var errs []error
	for _, p := range c.processes {
		errs = append(errs, p.start())
	}
	return errors.Join(errs...)
}

// stop ends all processes as a service manager does.
func (c *cluster) stop() {
	var all sync.WaitGroup
	for _, p := range c.processes {
		all.Go(func() { p.end(syscall.SIGTERM, 30*time.Second) })
	}
	all.Wait()
}

// environment is this process's without what configures the daemon.
func environment(databaseURL string) []string {
	var kept []string
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, "DB_") || strings.HasPrefix(name, "PULP_") || name == "DATABASE_URL" || name == "Is_local" {
			continue
		}
		kept = append(kept, entry)
	}
	kept = append(kept, "Is_local=true")
	if databaseURL != "" {
		kept = append(kept, "DATABASE_URL="+databaseURL, "JWT_SECRET=chaos-chaos-chaos-chaos-chaos-chaos", "PULP_MANAGER_SECRET_KEY=chaos-chaos-chaos-chaos-chaos-chaos")
	}
	return kept
}

// build makes the binary and gives its path.
func build(ctx context.Context, dir string) (string, error) {
	root, err := projectRoot()
	if err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "pulp-manager")
	command := exec.CommandContext(ctx, "go", "build", "-o", binary, "./cmd/pulp-manager")
	command.Dir, command.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if text, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the daemon: %w\n%s", err, text)
	}
	return binary, nil
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

// freeAddress gives an address on loopback that nobody uses.
func freeAddress(ctx context.Context) (string, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
