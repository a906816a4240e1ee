// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/pulp/pulp-manager/client"
)

// daemon is the built binary, run as a process of its own.
type daemon struct {
	dir    string // configuration, data, log
	url    string
	meters string        // URL of its metrics; empty: none
	ready  time.Duration // from the process's start to the first 200 of /readyz
	client *client.Client

	command *exec.Cmd
	log     *os.File
}

// build makes the binary as it is shipped and gives its path.
func build(ctx context.Context, root, dir string) (string, error) {
	binary := filepath.Join(dir, "pulp-manager")
	command := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, "./cmd/pulp-manager")
	command.Dir, command.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if text, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the daemon: %w\n%s", err, text)
	}
	return binary, nil
}

// workspace makes the folder for a measurement, with the binary in it, and gives the way to remove it.
func workspace(ctx context.Context, o options, name string) (dir, binary string, remove func(), err error) {
	remove = func() {}
	if o.keep != "" {
		dir = filepath.Join(o.keep, name)
		if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o700)); err != nil {
			return "", "", nil, err
		}
	} else {
		if dir, err = os.MkdirTemp("", "pulp-manager-bench-"); err != nil {
			return "", "", nil, err
		}
		remove = func() { _ = os.RemoveAll(dir) }
	}
	binary, err = build(ctx, o.root, dir)
	return dir, binary, remove, err
}

// serve starts the daemon on the configuration in a folder and waits until it is ready.
func serve(ctx context.Context, binary, dir string) (*daemon, error) {
	return serveWith(ctx, binary, dir, "")
}

// serveWith is serve with an address for metrics; empty: none.
func serveWith(ctx context.Context, binary, dir, metrics string) (*daemon, error) {
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	listen := "127.0.0.1:" + port
	d := &daemon{dir: dir, url: "http://" + listen}
	if d.client, err = client.New(d.url, client.WithPolling(25*time.Millisecond, 50*time.Millisecond, time.Minute)); err != nil {
		return nil, err
	}
	if d.log, err = os.OpenFile(filepath.Join(dir, "daemon.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
		return nil, err
	}
	d.command = exec.CommandContext(context.WithoutCancel(ctx), binary, "serve", "--config", filepath.Join(dir, "config.ini"), "--sync-config", filepath.Join(dir, "pulp_config.yml"),
		"--data-dir", filepath.Join(dir, "data"), "--listen", listen, "--metrics-listen", metrics)
	if metrics != "" {
		d.meters = "http://" + metrics + "/metrics"
	}
	d.command.Env = environment()
	d.command.Stdout, d.command.Stderr = d.log, d.log
	began := time.Now()
	if err := d.command.Start(); err != nil {
		return nil, err
	}
	if err := d.awaitReady(ctx, began); err != nil {
		return nil, errors.Join(err, d.stop())
	}
	return d, nil
}

// environment is this process's without what configures the daemon.
func environment() []string {
	var kept []string
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, "DB_") || strings.HasPrefix(name, "PULP_") || name == "DATABASE_URL" || name == "Is_local" {
			continue
		}
		kept = append(kept, entry)
	}
	return append(kept, "Is_local=true")
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

func (d *daemon) awaitReady(ctx context.Context, began time.Time) error {
	limit, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		request, err := http.NewRequestWithContext(limit, http.MethodGet, d.url+"/readyz", nil)
		if err != nil {
			return err
		}
		if answer, err := http.DefaultClient.Do(request); err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				d.ready = time.Since(began)
				return nil
			}
		}
		if err := pause(limit, 2*time.Millisecond); err != nil {
			return fmt.Errorf("the daemon did not become ready in 30 s: see %s", d.log.Name())
		}
	}
}

// stop ends the daemon as a service manager does.
func (d *daemon) stop() error {
	defer func() { _ = d.log.Close() }()
	d.client.Close()
	if err := d.command.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- d.command.Wait() }()
	select {
	case err := <-ended:
		return err
	case <-time.After(25 * time.Second):
		return errors.Join(errors.New("the daemon did not end in 25 s"), d.command.Process.Kill(), <-ended)
	}
}

// ask asks for a job on a server, waits until it is over, and gives the seconds that took. A task that does not complete is an
// error: its time would mean nothing.
func (d *daemon) ask(ctx context.Context, server, path string, body any) (float64, error) {
	servers, err := client.All(ctx, d.client.Servers, nil)
	if err != nil {
		return 0, err
	}
	for _, s := range servers {
		if s.Name != server {
			continue
		}
		began := time.Now()
		task, err := d.client.Ask(ctx, s.ID, path, body)
		if err != nil {
			return 0, err
		}
		done, err := d.client.WaitTask(ctx, task.ID, nil)
		took := time.Since(began).Seconds()
		if err == nil && done.State != client.StateCompleted {
			err = fmt.Errorf("%s on %s is %s: %s", path, server, done.State, done.Error.Msg)
		}
		return took, err
	}
	return 0, fmt.Errorf("the daemon does not know server %s", server)
}

func (d *daemon) register(ctx context.Context, server string) (float64, error) {
	return d.ask(ctx, server, "register_repos", map[string]any{"max_runtime": "1h"})
}

func (d *daemon) sync(ctx context.Context, server string, concurrency int) (float64, error) {
	return d.ask(ctx, server, "sync_repos", map[string]any{"max_runtime": "1h", "max_concurrent_syncs": concurrency, "regex_include": "^ext-"})
}

// memory gives the daemon's resident memory now and at its most, in MB of 10⁶ bytes, as the kernel counts it.
func (d *daemon) memory() (now, most float64) {
	path := fmt.Sprintf("/proc/%d/status", d.command.Process.Pid)
	kilo := func(name string) float64 {
		value, err := strconv.ParseFloat(strings.TrimSuffix(field(path, name), " kB"), 64)
		if err != nil {
			return 0
		}
		return value * 1024 / 1e6
	}
	return kilo("VmRSS"), kilo("VmHWM")
}

// processor gives the processor time the daemon has used so far.
func (d *daemon) processor() (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", d.command.Process.Pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(text)[strings.LastIndex(string(text), ")")+1:])
	user, err1 := strconv.Atoi(fields[11])
	system, err2 := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond, errors.Join(err1, err2) // the kernel's clock tick is 10 ms
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
