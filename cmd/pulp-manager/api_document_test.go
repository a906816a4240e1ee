// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// apiPath is the document whose commands are run.
const apiPath = "../../docs/api.md"

// The commands in docs/api.md answer what is written below them.
func TestAPIDocument(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(apiPath)
	if err != nil {
		t.Fatal(err)
	}
	w := newReplayWorld(t)
	var out strings.Builder
	commands, inside := 0, false
	for line := range strings.Lines(string(text)) {
		switch {
		case strings.HasPrefix(line, "```"):
			inside = line == "```console\n"
		case inside && strings.HasPrefix(line, "$ "):
			commands++
			out.WriteString(line + w.transcript(strings.TrimSpace(line[2:])))
			continue
		case inside:
			continue // an answer, which is written anew
		}
		out.WriteString(line)
	}
	if commands < 10 {
		t.Errorf("only %d commands", commands)
	}
	if *update {
		if err := os.WriteFile(apiPath, []byte(out.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if out.String() != string(text) {
		have, want := strings.Split(string(text), "\n"), strings.Split(out.String(), "\n")
		for i := range min(len(have), len(want)) {
			if have[i] != want[i] {
				t.Fatalf("%s, line %d: %q, but the daemon answers %q (-update writes it)", apiPath, i+1, have[i], want[i])
			}
		}
		t.Errorf("%s has %d lines, want %d (-update writes it)", apiPath, len(have), len(want))
	}
}

// curlWord finds the words of a command, quoted or not.
var curlWord = regexp.MustCompile(`'([^']*)'|"([^"]*)"|(\S+)`)

// transcript runs a curl command and gives its answer, without what differs from run to run.
func (w *replayWorld) transcript(command string) string {
	w.t.Helper()
	var words []string
	for _, found := range curlWord.FindAllStringSubmatch(command, -1) {
		words = append(words, found[1]+strings.ReplaceAll(found[2], "$TOKEN", w.texts["{admin token}"])+found[3])
	}
	method, body, target, headers := "", "", "", map[string]string{}
	for i := 1; i < len(words); i++ {
		switch words[i] {
		case "-s":
		case "-X", "--json", "-H":
			i++
			switch value := words[i]; words[i-1] {
			case "-X":
				method = value
			case "--json":
				body, headers["Content-Type"] = value, "application/json"
			default:
				name, rest, _ := strings.Cut(value, ": ")
				headers[name] = rest
			}
		default:
			address, err := url.Parse(words[i])
			if err != nil {
				w.t.Fatalf("%s: %v", command, err)
			}
			target = address.RequestURI()
		}
	}
	switch {
	case words[0] != "curl" || target == "":
		w.t.Fatalf("%q is no curl command", command)
	case method == "" && body != "":
		method = "POST"
	case method == "":
		method = "GET"
	}
	var a replayAnswer
	w.locked(func() { a = w.sendAs(method, target, headers, body) })
	if !strings.Contains(target, "/auth/login") { // which gives a token
		w.checkWords(command, a)
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, []byte(w.stable(a.raw)), "", "  "); err != nil {
		w.t.Fatalf("%s: answered %d %q: %v", command, a.status, a.raw, err)
	}
	return pretty.String() + "\n"
}

// sendAs sends a request as an admin where it does not say who asks.
func (w *replayWorld) sendAs(method, target string, headers map[string]string, body string) replayAnswer {
	if headers["Authorization"] == "" {
		headers["Authorization"] = "Bearer " + w.texts["{admin token}"]
	}
	return w.send(method, target, headers, []byte(body))
}

// stableTexts replace what differs from run to run.
var stableTexts = []struct {
	find *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d`), "2026-11-23T09:14:46"},
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`), "01a207af-db76-791e-8a2c-d77eedcec249"},
	{regexp.MustCompile(`"[0-9a-f]{64}"`), `"bc351988e9bcb401391d7b98b3a209afba9df7f23778330aaa20047f6fc9ac72"`},
	{regexp.MustCompile(`eyJ[\w.-]+`), "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl"},
	{regexp.MustCompile(`"expires_in":\d+`), `"expires_in":28800`},
	{regexp.MustCompile(`"(expires|next_run|last_run|cancel_requested|cancel_confirmed)":"[^"]*"`), `"$1":"2026-11-23T09:14:46Z"`},
	{regexp.MustCompile(`"request_id":"[^"]*"`), `"request_id":"K5D7QZ3J2X6W4PTB"`},
	{regexp.MustCompile(`"worker_name":"[^"]*"`), `"worker_name":"worker1"`},
	{regexp.MustCompile(`"worker_job_id":"[^"]*"`), `"worker_job_id":"7"`},
	{regexp.MustCompile(`("sync repos","detail":\{"msg":")[^"]*"`), `${1}0 in progress, 20/20 completed"`},
	{regexp.MustCompile(`"(task_id|id)":\d+,("task_id":\d+,)?"name":"([a-z ]+)","detail"`), `"id":9,"task_id":3,"name":"$3","detail"`},
}

// stable gives an answer with the same names in every run.
func (w *replayWorld) stable(text string) string {
	text = strings.NewReplacer(
		w.primary, "pulp1.example.com", w.secondary, "pulp2.example.com", w.upstream, "upstream.example.com",
		filepath.Join(w.dir, "definitions"), "/etc/pulp_manager/definitions",
	).Replace(text)
	for _, s := range stableTexts {
		text = s.find.ReplaceAllString(text, s.with)
	}
	return text
}
