// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// completions gives what a shell is told about the last word.
func completions(t *testing.T, words ...string) []string {
	t.Helper()
	out, _, err := runBoth(t.Context(), append([]string{"__complete"}, words...))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	return lines[:len(lines)-1] // the last is a directive
}

func TestCompletion(t *testing.T) {
	d := startDaemon(t)
	if _, err := d.run(t, "sync", "1"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.run(t, "register", "1"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.run(t, "cancel", "2"); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PULP_MANAGER_URL", d.url)
	servers := []string{"primary.example.com", "secondary.example.com"}
	for words, want := range map[string][]string{
		"repos ": servers, "servers ": servers, "sync ": servers, "sync --source-pulp-server-name ": servers, "tasks --server ": servers, "schedules ": append([]string{
			"pause\tKeep a schedule from running", "resume\tLet a paused schedule run again", "run\tRun a schedule now", "show\tShow a schedule and its next runs",
		}, servers...),
		"content find primary.example.com ": {"ext-debian", "int-tools"}, "content find nope ": nil, "content find primary.example.com int-tools ": nil,
		"cancel ": {"1\tqueued: repo sync primary.example.com"}, "tasks ": {"log\tShow what happened to a task", "retry\tDo what is unfinished of a task", "2\tcanceled: primary.example.com repo registration", "1\tqueued: repo sync primary.example.com"},
		"repos --health ": {"green", "amber", "red"}, "repos --type r": {"rpm"}, "tasks --state can": {"canceled"}, "tasks --type repo_re": {"repo_removal"},
		"servers --output ": {"table", "json", "yaml"}, "completion ": {"bash", "zsh", "fish"},
	} {
		typed := strings.Fields(words)
		if strings.HasSuffix(words, " ") {
			typed = append(typed, "")
		}
		got := completions(t, typed...)
		if typed[len(typed)-1] != "" { // a daemon that answers with all is fine: the shell takes those that fit
			got = slices.DeleteFunc(got, func(s string) bool { return !strings.HasPrefix(s, typed[len(typed)-1]) })
		}
		if !slices.Equal(got, want) && len(got)+len(want) > 0 {
			t.Errorf("%q: %q, want %q", words, got, want)
		}
	}
}

// Nothing is completed, nor said, and nobody waits long, where the daemon is away, wants a login or does not answer.
func TestCompletionIsSilent(t *testing.T) {
	release := make(chan struct{})
	login := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }))
	defer login.Close()
	hangs := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}))
	defer hangs.Close()
	defer close(release)
	for what, address := range map[string]string{"away": "http://127.0.0.1:1", "login": login.URL, "hangs": hangs.URL, "no address": "nope"} {
		began := time.Now()
		out, _, err := runBoth(t.Context(), []string{"__complete", "sync", "--url", address, ""})
		if err != nil || strings.TrimSpace(strings.Split(out, "\n")[0]) != ":4" {
			t.Errorf("%s: %v %q", what, err, out)
		}
		if took := time.Since(began); took > completionTime+3*time.Second {
			t.Errorf("%s: took %s", what, took)
		}
	}
}

func TestCompletionScripts(t *testing.T) {
	for shell, part := range map[string]string{"bash": "__start_pulp-manager", "zsh": "#compdef pulp-manager", "fish": "complete -c pulp-manager"} {
		if out, _, err := runBoth(t.Context(), []string{"completion", shell}); err != nil || !strings.Contains(out, part) {
			t.Errorf("%s: %v, %d bytes", shell, err, len(out))
		}
	}
}
