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
	"strings"
	"syscall"
	"time"

	"github.com/pulp/pulp-manager/client"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// daemon is a process of a release.
type daemon struct {
	release release
	role    string
	log     string
	client  *client.Client // nil: it serves no API
	command *exec.Cmd
	ended   chan error
}

// setting is where a process finds its configuration and its database.
type setting struct{ dir, postgres string }

func (s setting) flags() []string {
	flags := []string{"--config", filepath.Join(s.dir, "config.ini"), "--sync-config", filepath.Join(s.dir, "pulp_config.yml")}
	if s.postgres != "" {
		return append(flags, "--database-url", s.postgres)
	}
	return append(flags, "--data-dir", filepath.Join(s.dir, "data"))
}

// environment is this process's without what configures a daemon.
func environment() []string {
	var kept []string
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, "DB_") && !strings.HasPrefix(name, "PULP_") && name != "DATABASE_URL" {
			kept = append(kept, entry)
		}
	}
	return append(kept, "Is_local=true", "JWT_SECRET=only-for-the-test-of-upgrades-0123456789", "PULP_MANAGER_SECRET_KEY=only-for-the-test-of-upgrades")
}

// errRefused says that a process did not want to start; its text is what it said.
var errRefused = errors.New("refused to start")

// start starts a process and waits until it is ready.
func start(ctx context.Context, r release, s setting, role string) (*daemon, error) {
	d := &daemon{release: r, role: role, ended: make(chan error, 1)}
	log, err := os.CreateTemp(s.dir, role+"-"+r.name+"-*.log")
	if err != nil {
		return nil, err
	}
	defer log.Close()
	d.log = log.Name()
	args := append([]string{role, "--metrics-listen", ""}, s.flags()...)
	url := ""
	if role == "serve" || role == "api" {
		port, err := freePort(ctx)
		if err != nil {
			return nil, err
		}
		url = "http://127.0.0.1:" + port
		args = append(args, "--listen", "127.0.0.1:"+port)
		if d.client, err = client.New(url, client.WithPolling(50*time.Millisecond, 200*time.Millisecond, time.Minute)); err != nil {
			return nil, err
		}
	}
	d.command = exec.CommandContext(context.WithoutCancel(ctx), r.binary, args...)
	d.command.Env, d.command.Stdout, d.command.Stderr = environment(), log, log
	if err := d.command.Start(); err != nil {
		return nil, err
	}
	go func() { d.ended <- d.command.Wait() }()
	err = until(ctx, role+" of "+r.name+" to be ready", func() (bool, error) {
		select {
		case err := <-d.ended:
			d.ended <- err
			return false, fmt.Errorf("%s of %s %w: %s", role, r.name, errRefused, d.said())
		default:
		}
		if url != "" {
			return answers(ctx, url+"/readyz"), nil
		}
		return strings.Contains(d.said(), "msg=ready"), nil
	})
	if err != nil && !errors.Is(err, errRefused) {
		err = errors.Join(err, d.stop())
	}
	return d, err
}

func answers(ctx context.Context, url string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	_ = answer.Body.Close()
	return answer.StatusCode == http.StatusOK
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

// said is all that the process has logged.
func (d *daemon) said() string {
	text, err := os.ReadFile(d.log)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// stop ends the process as a service manager does.
func (d *daemon) stop() error {
	if err := d.command.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return d.wait(30 * time.Second)
}

// kill ends it as a power cut does.
func (d *daemon) kill() error {
	if err := d.command.Process.Kill(); err != nil {
		return err
	}
	_ = d.wait(10 * time.Second)
	return nil
}

func (d *daemon) wait(limit time.Duration) error {
	select {
	case err := <-d.ended:
		return err
	case <-time.After(limit):
		return errors.Join(fmt.Errorf("%s of %s did not end in %s", d.role, d.release.name, limit), d.command.Process.Kill())
	}
}

// ask asks for a job on a server.
func (d *daemon) ask(ctx context.Context, server *pulpfake.Server, path string, body any) (client.Task, error) {
	servers, err := client.All(ctx, d.client.Servers, nil)
	if err != nil {
		return client.Task{}, err
	}
	for _, s := range servers {
		if s.Name == name(server) {
			return d.client.Ask(ctx, s.ID, path, body)
		}
	}
	return client.Task{}, fmt.Errorf("there is no server %s", name(server))
}

// whole asks for a job and waits until it has completed.
func (d *daemon) whole(ctx context.Context, server *pulpfake.Server, path string, body any) error {
	task, err := d.ask(ctx, server, path, body)
	if err != nil {
		return err
	}
	done, err := d.client.WaitTask(ctx, task.ID, nil)
	if err == nil && done.State != client.StateCompleted {
		err = fmt.Errorf("%s of %s is %s: %s", path, d.release.name, done.State, done.Error.Msg)
	}
	return err
}

// until waits for something that another process brings about.
func until(ctx context.Context, what string, done func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, 90*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("waited in vain for %s", what)
		}
	}
}
