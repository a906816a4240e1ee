// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/pulp/pulp-manager/client"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

const (
	repositories = 40
	concurrency  = 4
	// pulpTask is how long a Pulp task takes, so that a sync of all takes some seconds and can be interrupted.
	pulpTask = 200 * time.Millisecond
)

// fleet is two simulated Pulp servers that outlive the releases.
type fleet struct {
	primary, secondary *pulpfake.Server
	stop               []func()
}

func name(s *pulpfake.Server) string { return strings.TrimPrefix(s.Base(), "http://") }

// newFleet starts the servers and writes the configuration into a folder.
func newFleet(dir string) (_ *fleet, err error) {
	f := &fleet{}
	defer func() {
		if err != nil {
			f.close()
		}
	}()
	upstream := pulpfake.NewUpstream()
	feeds, stop, err := upstream.Listen("127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	f.stop = append(f.stop, stop)
	upstream.Add("file", pulpfake.Spec{Kind: pulpfake.FileTree, Packages: []pulpfake.Package{{Name: "one.txt", Body: "one"}}})
	for i, server := range []**pulpfake.Server{&f.primary, &f.secondary} {
		*server = pulpfake.New(pulpfake.Options{
			Name: fmt.Sprint("pulp", i), Seed: uint64(i + 1), Workers: 2 * concurrency,
			TaskDuration: func(string, string) time.Duration { return pulpTask },
		})
		f.stop = append(f.stop, (*server).Close)
		if _, err := (*server).Listen("127.0.0.1:0"); err != nil {
			return nil, err
		}
	}
	files := map[string]string{
		"config.ini":                     fmt.Sprintf(ini, filepath.Join(dir, "definitions")),
		"pulp_config.yml":                fmt.Sprintf(yml, name(f.primary), name(f.secondary)),
		"definitions/remote/global.json": `{"owner": "test", "proxy": null}`,
	}
	for i := range repositories {
		definition, err := json.Marshal(map[string]any{
			"name": fmt.Sprintf("file-%02d", i), "content_repo_type": "file", "description": "x", "base_url": "x", "url": feeds + "/file/PULP_MANIFEST",
		})
		if err != nil {
			return nil, err
		}
		files[fmt.Sprintf("definitions/remote/file/file-%02d.json", i)] = string(definition)
	}
	for at, text := range files {
		path := filepath.Join(dir, at)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			return nil, err
		}
	}
	return f, nil
}

func (f *fleet) close() {
	for i := len(f.stop) - 1; i >= 0; i-- {
		f.stop[i]()
	}
}

const ini = `[pulp]
local_repo_config_dir = %s
password = password
use_https_for_sync = false
full_sync_interval = 0

[auth]
method = none
`

const yml = `pulp_servers:
  "%[1]s":
    credentials: local
    repo_groups:
      external: {max_concurrent_syncs: 4, max_runtime: 1h}
  "%[2]s":
    credentials: local
    repo_groups:
      external: {max_concurrent_syncs: 4, max_runtime: 1h, pulp_primary: "%[1]s"}
credentials:
  local: {username: admin, vault_service_account_mount: service-accounts}
repo_groups:
  external: {regex_include: ^ext-}
`

// furnish registers the repositories on the primary and syncs them there.
func (f *fleet) furnish(ctx context.Context, d *daemon) error {
	if err := d.whole(ctx, f.primary, "register_repos", map[string]any{"max_runtime": "1h"}); err != nil {
		return err
	}
	return d.whole(ctx, f.primary, "sync_repos", syncBody(""))
}

func syncBody(source string) map[string]any {
	body := map[string]any{"max_runtime": "1h", "max_concurrent_syncs": concurrency, "regex_include": "^ext-"}
	if source != "" {
		body["source_pulp_server_name"] = source
	}
	return body
}

// midSync is a sync of the secondary that is under way.
type midSync struct {
	fleet *fleet
	task  int64
	began time.Time
}

// begin asks for a sync of the secondary and waits until a part of it is done.
func (f *fleet) begin(ctx context.Context, d *daemon) (midSync, error) {
	s := midSync{fleet: f, began: time.Now()}
	task, err := d.ask(ctx, f.secondary, "sync_repos", syncBody(name(f.primary)))
	if err != nil {
		return s, err
	}
	s.task = task.ID
	return s, until(ctx, "a part of the sync", func() (bool, error) {
		return f.synced(s.began) >= repositories/4, nil
	})
}

// synced counts the syncs that the secondary ended since then.
func (f *fleet) synced(since time.Time) (n int) {
	for _, t := range f.secondary.TasksStarted("synchronize") {
		if t.Created.After(since) && t.State == "completed" {
			n++
		}
	}
	return n
}

// end waits until the sync is over and tells what is wrong: it must have completed, all of it, with each repository synced once.
func (s midSync) end(ctx context.Context, d *daemon) error {
	done, err := d.client.WaitTask(ctx, s.task, nil)
	if err != nil {
		return err
	}
	if done.State != client.StateCompleted {
		return fmt.Errorf("task %d is %s: %s", s.task, done.State, done.Error.Msg)
	}
	children, err := d.client.Children(ctx, s.task)
	if err != nil {
		return err
	}
	if len(children) != repositories {
		return fmt.Errorf("task %d has %d children, not %d", s.task, len(children), repositories)
	}
	for _, child := range children {
		if child.State != client.StateCompleted {
			return fmt.Errorf("%s is %s", child.Name, child.State)
		}
	}
	synced := map[string]int{}
	for _, t := range s.fleet.secondary.TasksStarted("synchronize") {
		if t.Created.After(s.began) {
			synced[t.Subject]++
		}
	}
	for repository, n := range synced {
		if n != 1 {
			return fmt.Errorf("%s was synced %d times", repository, n)
		}
	}
	if len(synced) != repositories {
		return fmt.Errorf("%d repositories were synced, not %d", len(synced), repositories)
	}
	return errors.Join(s.fleet.primary.Check(), s.fleet.secondary.Check())
}
