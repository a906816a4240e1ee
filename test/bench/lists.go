// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/pulp/pulp-manager/internal/api"
	"github.com/pulp/pulp-manager/internal/auth"
	"github.com/pulp/pulp-manager/internal/job/catalog"
	"github.com/pulp/pulp-manager/internal/store"
)

const (
	listConnections = 8
	listRequests    = 400              // of each class, at most
	listTime        = 12 * time.Second // for each class, at most
)

// listClass are requests that have a goal together. {server} stands for the id of a server, another one each time.
type listClass struct {
	name    string
	goal    float64 // milliseconds; 0: none
	targets []string
}

var listClasses = []listClass{
	{"indexed filters within a server", 50, []string{
		"/v1/pulp_servers/{server}/repos", "/v1/pulp_servers/{server}/repos?name=ext-debian-3", "/v1/pulp_servers/{server}/repos?name__in=ext-debian-3,ext-rocky-1,int-files-20",
		"/v1/pulp_servers/{server}/repos?repo_type=deb", "/v1/pulp_servers/{server}/repos?repo_sync_health=red", "/v1/pulp_servers/{server}/repos?repo_id=17",
		"/v1/pulp_servers/{server}/repos?repo_type=rpm&repo_sync_health=amber", "/v1/pulp_servers/{server}/repos?sort_by=name&page=40", "/v1/pulp_servers/{server}/repos?page_size=0",
		"/v1/repos/?pulp_server_id={server}&repo_type=deb", "/v1/repos/?pulp_server_name=pulp{server}.example.com&repo_sync_health=red",
		"/v1/tasks/?pulp_server_id={server}&sort_by=id&order_by=desc", "/v1/tasks/?pulp_server_id={server}&state=failed",
	}},
	{"patterns within a server", 0, []string{
		"/v1/pulp_servers/{server}/repos?name__match=debian-1", "/v1/pulp_servers/{server}/repos?name__like=ext-%25-1%25", "/v1/pulp_servers/{server}/repos?name__match=(debian|rocky)-[0-9]%2B5$",
	}},
	{"indexed filters on tasks", 50, []string{
		"/v1/tasks/", "/v1/tasks/?state=failed&sort_by=id&order_by=desc", "/v1/tasks/?task_type=repo_group_sync", "/v1/tasks/?parent_task_id={server}01",
		"/v1/tasks/?sort_by=date_queued&order_by=desc", "/v1/tasks/?worker_name=worker-1&page=100",
	}},
	{"unfiltered totals over all repositories", 500, []string{"/v1/repos/?page_size=0", "/v1/repos/", "/v1/repos/?page=300"}},
	{"name__match over all repositories", 500, []string{"/v1/repos/?name__match=debian-1", "/v1/repos/?name__match=^EXT", "/v1/repos/?name__match=e", "/v1/repos/?name__match=nothing"}},
	{"name__like over all repositories", 500, []string{"/v1/repos/?name__like=%25debian-1%25", "/v1/repos/?name__like=ext%25", "/v1/repos/?name__like=%25nothing%25"}},
	{"filters over all repositories", 500, []string{
		"/v1/repos/?repo_sync_health=red", "/v1/repos/?repo_type=deb", "/v1/repos/?name=ext-debian-3", "/v1/repos/?pulp_server_name__match=pulp1",
	}},
	{"OpenAPI and documentation pages", 20, []string{"/openapi.json", "/openapi-3.0.json", "/docs", "/redoc"}},
}

// lists measures the lists of a large fleet: the real API over a real connection, on SQLite and on a PostgreSQL where one is given.
func lists(ctx context.Context, o options, r *result) error {
	dir := o.keep
	if dir == "" {
		made, err := os.MkdirTemp("", "pulp-manager-bench-")
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(made) }()
		dir = made
	}
	databases := []struct{ name, url string }{{"SQLite", ""}}
	if o.postgres != "" {
		databases = append(databases, struct{ name, url string }{"PostgreSQL", o.postgres})
	}
	for _, database := range databases {
		for _, shared := range []bool{true, false} {
			what := fmt.Sprintf("%s, %d names", database.name, listRepositories)
			if !shared {
				what = fmt.Sprintf("%s, %d names", database.name, listServers*listRepositories)
			}
			at := filepath.Join(dir, fmt.Sprintf("lists-%v", shared))
			began := time.Now()
			s, err := listStore(ctx, at, database.url, shared)
			if err != nil {
				return err
			}
			say("%s: loaded in %s", what, time.Since(began).Round(time.Second))
			err = errors.Join(listsOf(ctx, s, what, shared, r), s.Close())
			if err := errors.Join(err, os.RemoveAll(at)); err != nil {
				return err
			}
		}
	}
	return nil
}

// listsOf measures all classes on one store.
func listsOf(ctx context.Context, s *store.Store, what string, shared bool, r *result) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: api.New(api.Options{
		Servers: s, Repositories: s, Tasks: s, Queue: s, Schedules: s, EngineJobs: s, Jobs: catalog.All(catalog.Settings{}),
		Logger: slog.New(slog.DiscardHandler), Loopback: true, Access: auth.Everyone(), Audit: s,
	})}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	defer func() { _ = errors.Join(server.Close(), <-served) }() // it says that it was closed
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: listConnections, MaxConnsPerHost: listConnections}}
	defer client.CloseIdleConnections()
	for _, class := range listClasses {
		before := ownProcessorTime()
		took, err := measureLists(ctx, client, "http://"+listener.Addr().String(), class.targets)
		if err != nil {
			return err
		}
		all := slices.Concat(mapsValues(took)...)
		spent := float64((ownProcessorTime() - before).Microseconds()) / 1000 / float64(len(all))
		goal := figure{Name: class.name + ", " + what + ", p95", Measured: percentile(all, 95), Unit: "ms", Goal: class.goal, Note: fmt.Sprintf("%.1f ms of processor time each, of one core, client and database in the process included", spent)}
		// Goals are about a fleet whose servers mirror each other, so that names are shared.
		goal.Free = class.goal == 0 || !shared && strings.HasPrefix(class.name, "name__")
		r.add(goal)
		each := map[string]string{}
		for target, times := range took {
			each[target] = fmt.Sprintf("p50 %.1f ms, p95 %.1f ms, most %.1f ms, %d requests", percentile(times, 50), percentile(times, 95), percentile(times, 100), len(times))
		}
		r.Details[class.name+", "+what] = each
	}
	return nil
}

// measureLists sends a class's requests in turn over all connections, and gives how long each took, in milliseconds.
func measureLists(ctx context.Context, client *http.Client, base string, targets []string) (map[string][]float64, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var mu sync.Mutex
	var failed error
	took := map[string][]float64{}
	var sent atomic.Int64
	began := time.Now()
	var connections sync.WaitGroup
	for range listConnections {
		connections.Go(func() {
			for {
				n := int(sent.Add(1)) - 1
				if n >= max(listRequests, 8*len(targets)) || n >= 8*len(targets) && time.Since(began) > listTime || ctx.Err() != nil {
					return
				}
				target := targets[n%len(targets)]
				start := time.Now()
				err := fetchList(ctx, client, base+strings.ReplaceAll(target, "{server}", fmt.Sprint(1+n%listServers)))
				spent := float64(time.Since(start).Microseconds()) / 1000
				mu.Lock()
				if err != nil && failed == nil {
					failed = err
					cancel()
				}
				took[target] = append(took[target], spent)
				mu.Unlock()
			}
		})
	}
	connections.Wait()
	return took, failed
}

// fetchList asks for one page and reads it.
func fetchList(ctx context.Context, client *http.Client, address string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: answered %s: %.300s", address, answer.Status, text)
	}
	return err
}

// ownProcessorTime is the processor time that this process has used so far. Other work on the machine does not count.
func ownProcessorTime() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func mapsValues(m map[string][]float64) [][]float64 {
	all := make([][]float64, 0, len(m))
	for _, v := range m {
		all = append(all, v)
	}
	return all
}

// percentile gives the value below which so many per cent are.
func percentile(values []float64, p int) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(len(sorted)*p/100, len(sorted)-1)]
}
