// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v4"

	"github.com/pulp/pulp-manager/client"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/job/catalog"
)

// simulated is a daemon with workers on two Pulp servers in memory.
type simulated struct {
	url, primary, secondary string
	options                 demoOptions
	stop                    func()
}

// startSimulated starts one. Nothing is registered on its servers yet.
func startSimulated(t *testing.T) *simulated {
	t.Helper()
	t.Setenv("TMPDIR", t.TempDir())
	s, err := simulate()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	o := demoOptions{options: options{logFormat: "text", logLevel: "error", drain: 5 * time.Second, listen: "127.0.0.1:0"}}
	s.configure(&o)
	login, err := o.prepareLogin()
	if err != nil {
		t.Fatal(err)
	}
	url, stop := serveDemo(t, o)
	c, err := client.New(url)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	logged, err := c.Login(t.Context(), login.user, login.password.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(envToken, logged.Token)
	return &simulated{url: url, primary: s.primary, secondary: s.secondary, options: o, stop: stop}
}

// serveDemo runs a daemon until it is stopped, at the latest when the test ends.
func serveDemo(t *testing.T, o demoOptions) (url string, stop func()) {
	t.Helper()
	all := roles{api: true, worker: true, scheduler: true}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	d, err := openDaemon(ctx, o.options, all)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	ready, served := make(chan string, 1), make(chan error, 1)
	d.onReady = func(address string) { ready <- address }
	go func() { served <- d.serve(ctx, all) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	select {
	case address := <-ready:
		return "http://" + address, stop
	case <-time.After(30 * time.Second):
		t.Fatal("the daemon does not get ready")
		return "", nil
	}
}

// lists stands in for the routes that others build: it answers them, and hands on all else.
func (s *simulated) lists(t *testing.T) string {
	t.Helper()
	daemon, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(daemon)
	answers := map[string]string{
		"/v1/schedules/": `{"items":[{"id":7,"pulp_server_id":1,"pulp_server_name":"a","repo_group_id":2,"repo_group_name":"external","task_type":"repo_group_sync","cron":"0 4 * * *",
			"next_run":"2026-11-29T04:00:00Z","last_run":null,"last_task_id":null,"last_outcome":null,"max_runtime":"6h"}],"total":1,"page":1,"page_size":500}`,
		"/v1/audit/": `{"items":[{"id":9,"date":"2026-11-28T09:00:00Z","user":"alice","role":"admin","address":"192.0.2.1","action":"sync_repos","method":"POST",
			"path":"/v1/pulp_servers/1/sync_repos","status":201,"pulp_server_id":1,"task_id":5,"request_id":"r1","detail":""}],"total":3,"page":1,"page_size":20}`,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if answer, ok := answers[r.URL.Path]; ok {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, answer)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// Every verb, in every format, on a fleet that works: a table has what it must; JSON and YAML are one document on standard
// output with the same in both, and what is told meanwhile goes to standard error.
func TestEveryVerb(t *testing.T) {
	s := startSimulated(t)
	t.Setenv("PULP_MANAGER_URL", s.lists(t))
	run := func(t *testing.T, args ...string) (stdout, stderr string) {
		t.Helper()
		stdout, stderr, err := runBoth(t.Context(), args)
		if err != nil {
			t.Fatalf("%s: %v (%s)", strings.Join(args, " "), err, fault.Hint(err))
		}
		return stdout, stderr
	}
	if out, _ := run(t, "register", s.primary, "--dry-run", "--wait"); !strings.Contains(out, "create  ext-demo-deb") || !strings.Contains(out, "remote url: ") || !strings.Contains(out, "dry run: nothing was changed") {
		t.Errorf("a registration that makes all:\n%s", out)
	}
	run(t, "register", s.primary, "--wait")
	run(t, "sync", s.primary, "--wait")
	run(t, "sync", s.secondary, "--source", s.primary, "--wait")
	var units []client.ContentUnit
	if out, _ := run(t, "content", "find", s.primary, "ext-demo-deb", "--name", "alpha", "-o", "json"); json.Unmarshal([]byte(out), &units) != nil || len(units) == 0 {
		t.Fatalf("content find: %s", out)
	}
	verbs := map[string][]string{
		"servers":                {"REGISTRATION", s.primary, s.secondary, "green"},
		"servers " + s.primary:   {"USER", "admin"},
		"repos":                  {"SERVER", s.secondary, "ext-demo-rpm"},
		"repos " + s.primary:     {"FEED", "ext-demo-file"},
		"groups":                 {"SERVER", s.primary, "external"},
		"groups " + s.secondary:  {"AT A TIME", "external"},
		"tasks":                  {"QUEUED", "repo_group_sync"},
		"tasks 3":                {"STAGE", "sync repos", "WHY"},
		"schedules":              {"NEXT", "2026-11-29 04:00:00Z", "external"},
		"schedules " + s.primary: {"CRON", "0 4 * * *"},
		"audit":                  {"USER", "alice", "and 2 more"},
		"processes":              {"LAST SEEN", "api worker scheduler", "alive"},
		"cancel --dry-run 1":     nil, // it is over
		"tasks 3 --watch":        {"completed: repo sync"},
		"sync --dry-run --wait " + s.secondary + " --source " + s.primary:                 {"unchanged  ext-demo-deb", "dry run"},
		"sync --dry-run --wait --force " + s.primary + " --include deb":                   {"sync    ext-demo-deb", "nothing is taken out"},
		"register --dry-run --wait " + s.primary:                                          {"unchanged  ext-demo-rpm", "as wanted"},
		"adopt --dry-run --wait " + s.primary:                                             {"ACTION", "dry run"},
		"snapshot --dry-run --wait --snapshot-prefix x " + s.primary:                      {"create  snap-x-ext-demo-deb", "version 1 of ext-demo-deb"},
		"remove --wait --include rpm " + s.secondary:                                      {"remove  ext-demo-rpm", "distribution ext-demo-rpm: removed"},
		"content find " + s.primary + " ext-demo-deb --name alpha":                        {"SHA256", "alpha 1.0"},
		"content remove --dry-run --wait " + s.primary + " ext-demo-deb " + units[0].Href: {"remove content  ext-demo-deb", "package alpha 1.0"},
	}
	t.Run("all", func(t *testing.T) { // which waits for them
		for args, wants := range verbs {
			t.Run(args, func(t *testing.T) {
				t.Parallel()
				words := strings.Fields(args)
				if wants == nil {
					if _, _, err := runBoth(t.Context(), words); exitCode(err) != client.ExitInvalid {
						t.Errorf("exit %d: %v", exitCode(err), err)
					}
					return
				}
				out, told := run(t, words...)
				for _, want := range wants {
					if !strings.Contains(out, want) {
						t.Errorf("%q is not in:\n%s", want, out)
					}
				}
				if told != "" {
					t.Errorf("told besides: %s", told)
				}
				asJSON, _ := run(t, append(words, "-o", "json")...)
				asYAML, told := run(t, append(words, "--output=yaml")...)
				if waits := strings.Contains(args, "--wa"); waits != strings.Contains(told, "task ") {
					t.Errorf("told: %q", told)
				}
				if strings.Contains(args, "--wa") {
					return // two tasks
				}
				var one, other any
				if err := json.Unmarshal([]byte(asJSON), &one); err != nil {
					t.Fatalf("%v:\n%s", err, asJSON)
				}
				if err := yaml.Unmarshal([]byte(asYAML), &other); err != nil {
					t.Fatalf("%v:\n%s", err, asYAML)
				}
				again, err := json.Marshal(other)
				if err != nil || json.Unmarshal(again, &other) != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(one, other); diff != "" {
					t.Errorf("YAML is another thing than JSON (-JSON +YAML):\n%s", diff)
				}
			})
		}
	})
	t.Run("quiet", func(t *testing.T) {
		if out, told := run(t, "sync", s.primary, "-q", "--dry-run", "--wait=false"); strings.TrimLeft(out, "0123456789") != "\n" || told != "" {
			t.Errorf("a queued task: %q %q", out, told)
		}
		if out, told := run(t, "sync", s.primary, "-q", "--wait", "--include", "rpm"); out+told != "" {
			t.Errorf("a task that is waited for: %q %q", out, told)
		}
	})
	t.Run("mistakes", func(t *testing.T) {
		for args, exit := range map[string]int{
			"repos nope": client.ExitNotFound, "sync nope": client.ExitNotFound, "sync --include ( " + s.primary: client.ExitInvalid,
			"register --wait --dry-run " + s.secondary: client.ExitFailed, // it has no signing service
			"servers --url http://127.0.0.1:1":         client.ExitUnavailable,
		} {
			out, told, err := runBoth(t.Context(), strings.Fields(args+" -o json"))
			if exitCode(err) != exit {
				t.Errorf("%s: exit %d, want %d: %v", args, exitCode(err), exit, err)
			}
			if exit != client.ExitFailed && out+told != "" {
				t.Errorf("%s prints %q %q", args, out, told)
			}
		}
	})
}

// Each verb has examples, and they can be typed.
func TestExamples(t *testing.T) {
	root := rootCommand()
	var each func(cmd *cobra.Command)
	tried := 0
	each = func(cmd *cobra.Command) {
		for _, sub := range cmd.Commands() {
			each(sub)
		}
		if cmd.Flags().Lookup("output") == nil {
			return
		}
		if cmd.Example == "" {
			t.Errorf("%s has no example", cmd.CommandPath())
		}
		for line := range strings.Lines(cmd.Example) {
			line, _, _ = strings.Cut(line, " #")
			words := strings.Fields(strings.ReplaceAll(line, "'", ""))
			found, rest, err := rootCommand().Find(words[1:])
			if err != nil || found.CommandPath() != cmd.CommandPath() {
				t.Errorf("%q is about %q: %v", line, found.CommandPath(), err)
				continue
			}
			if err := found.ParseFlags(rest); err != nil {
				t.Errorf("%q: %v", line, err)
			}
			if err := found.ValidateArgs(found.Flags().Args()); err != nil {
				t.Errorf("%q: %v", line, err)
			}
			tried++
		}
	}
	each(root)
	if tried < 2*len(catalog.All(catalog.Settings{})) {
		t.Errorf("only %d examples", tried)
	}
}

// The exit code says what kind of error an answer was, whatever the verb.
func TestExitCodes(t *testing.T) {
	for status, want := range map[int]int{
		400: client.ExitInvalid, 401: client.ExitForbidden, 403: client.ExitForbidden, 404: client.ExitNotFound, 409: client.ExitConflict,
		413: client.ExitInvalid, 415: client.ExitInvalid, 422: client.ExitInvalid, 429: client.ExitUnavailable, 500: client.ExitFailed, 502: client.ExitUnavailable, 503: client.ExitUnavailable,
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, `{"detail":"so it is","hint":"do that","request_id":"r1"}`)
		}))
		for _, args := range []string{"servers", "repos", "groups a", "tasks", "tasks 1", "schedules", "audit", "processes", "cancel 1", "sync 1", "content find 1 1 --name x"} {
			_, _, err := runBoth(t.Context(), append(strings.Fields(args), "--url", server.URL))
			if exitCode(err) != want {
				t.Errorf("%s, answered %d: exit %d, want %d: %v", args, status, exitCode(err), want, err)
			}
		}
		server.Close()
	}
	var told strings.Builder
	complain(&told, fault.New(fault.Conflict, "so it is").WithHint("do that"))
	if diff := cmp.Diff("pulp-manager: so it is\n  what to do: do that\n", told.String()); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}
