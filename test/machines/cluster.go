// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// How a PostgreSQL is stopped: as by its administrator, as by a crash, as by the kernel.
const (
	fast  = syscall.SIGINT
	crash = syscall.SIGQUIT
	dead  = syscall.SIGKILL
)

// cluster is a PostgreSQL of its own that may be stopped and killed.
type cluster struct {
	dir, bin, port string
	settings       []string // -c name=value …
	command        *exec.Cmd
	ended          chan struct{}
	log            *os.File
}

// newCluster makes a cluster and starts it.
func newCluster(ctx context.Context, dir string, settings ...string) (*cluster, error) {
	c, err := prepare(ctx, dir, settings)
	if err != nil {
		return nil, err
	}
	if err := c.tool(ctx, "initdb", "-D", c.dir, "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "-A", "trust", "--no-sync"); err != nil {
		return nil, err
	}
	return c, c.start(ctx)
}

// prepare makes the folder of a cluster.
func prepare(ctx context.Context, dir string, settings []string) (*cluster, error) {
	bins, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil || len(bins) == 0 {
		return nil, errors.New("PostgreSQL is not installed: test/machines/run installs it")
	}
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	c := &cluster{dir: dir, bin: bins[len(bins)-1], port: port, settings: settings}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if c.log, err = os.OpenFile(dir+".log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
		return nil, err
	}
	if id := owner(); id != nil {
		return c, os.Chown(dir, int(id.Uid), int(id.Gid))
	}
	return c, nil
}

// owner is the user that PostgreSQL runs as: it refuses to be root.
func owner() *syscall.Credential {
	if os.Getuid() != 0 {
		return nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil
	}
	uid, _ := strconv.ParseUint(u.Uid, 10, 32)
	gid, _ := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

func (c *cluster) program(name string, args ...string) *exec.Cmd {
	command := exec.Command(filepath.Join(c.bin, name), args...) //nolint:noctx // stop ends it, in its own way
	command.Dir, command.SysProcAttr = c.dir, &syscall.SysProcAttr{Credential: owner(), Setpgid: true}
	return command
}

func (c *cluster) tool(_ context.Context, name string, args ...string) error {
	if text, err := c.program(name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, text)
	}
	return nil
}

// start starts it and waits until it answers.
func (c *cluster) start(ctx context.Context) error {
	args := []string{"-D", c.dir, "-p", c.port, "-k", c.dir}
	for _, s := range slices.Concat([]string{"listen_addresses=127.0.0.1", "fsync=off", "full_page_writes=off", "max_connections=300", "shared_buffers=32MB"}, c.settings) {
		args = append(args, "-c", s)
	}
	c.command = c.program("postgres", args...)
	c.command.Stdout, c.command.Stderr = c.log, c.log
	if err := c.command.Start(); err != nil {
		return err
	}
	c.ended = make(chan struct{})
	go func(command *exec.Cmd, ended chan struct{}) {
		defer close(ended)
		_ = command.Wait() // it ends as it is told to, by signals
	}(c.command, c.ended)
	_, err := until(ctx, "PostgreSQL to start", 60*time.Second, func(ctx context.Context) (bool, error) {
		return true, c.sql(ctx, "SELECT 1")
	})
	if err != nil {
		text, _ := os.ReadFile(c.log.Name())
		return fmt.Errorf("%w\n%s", err, text[max(0, len(text)-2000):])
	}
	return nil
}

// stop ends it so, and waits.
func (c *cluster) stop(how syscall.Signal) {
	if c.command == nil {
		return
	}
	pid := c.command.Process.Pid
	if how == dead {
		pid = -pid // with its children: nobody is left to say goodbye
	}
	_ = syscall.Kill(pid, how)
	select {
	case <-c.ended:
	case <-time.After(30 * time.Second):
		_ = syscall.Kill(-c.command.Process.Pid, dead)
		<-c.ended
	}
	c.command = nil
}

// copyOf makes a running cluster that follows another one.
func copyOf(ctx context.Context, c *cluster, dir string) (*cluster, error) {
	standby, err := prepare(ctx, dir, []string{"hot_standby=on"})
	if err != nil {
		return nil, err
	}
	from := "host=127.0.0.1 user=postgres application_name=copy port=" + c.port
	if err := standby.tool(ctx, "pg_basebackup", "-D", dir, "-R", "-X", "stream", "-c", "fast", "--no-sync", "-d", from); err != nil {
		return nil, err
	}
	return standby, standby.start(ctx)
}

func (c *cluster) sql(ctx context.Context, statements ...string) error {
	return sqlIn(ctx, "postgres://postgres@127.0.0.1:"+c.port+"/postgres?sslmode=disable", statements...)
}

// sqlIn runs statements in a database.
func sqlIn(ctx context.Context, database string, statements ...string) error {
	conn, err := pgx.Connect(ctx, database)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	for _, s := range statements {
		if _, err := conn.Exec(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	return nil
}

// url is a database's address for this process.
func (c *cluster) url(database string) string { return at("127.0.0.1:"+c.port, database) }

// at is a database's address.
func at(address, database string) string {
	return fmt.Sprintf("postgres://postgres@%s/%s?sslmode=disable&pool_max_conns=10", address, database)
}
