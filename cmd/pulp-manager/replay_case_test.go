// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// replayFolder has the recorded requests and answers: what a running original was asked and what it answered,
// without texts that people read ("…") and with placeholders for tokens and for content.
const replayFolder = "../../internal/api/testdata/original"

// replayCase is a recorded request with its answer.
type replayCase struct {
	name    string
	Request struct {
		Method  string            `json:"method"`
		Path    string            `json:"path"`
		Headers map[string]string `json:"headers"`
		Body    json.RawMessage   `json:"body"`
	} `json:"request"`
	Response struct {
		Status  int               `json:"status"`
		Headers map[string]string `json:"headers"`
		Body    any               `json:"body"`
	} `json:"response"`
}

// readReplay reads all cases.
func readReplay(t *testing.T) map[string]replayCase {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(replayFolder, "*.json"))
	if err != nil || len(files) < 100 {
		t.Fatalf("%d recorded cases, %v", len(files), err)
	}
	cases := map[string]replayCase{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		c := replayCase{name: strings.TrimSuffix(filepath.Base(file), ".json")}
		if err := json.Unmarshal(text, &c); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		cases[c.name] = c
	}
	return cases
}

// replayAnswer is an answer of ours.
type replayAnswer struct {
	status int
	header http.Header
	body   any
	raw    string
}

// sendReplay sends a request, following nothing.
func sendReplay(ctx context.Context, base, method, target string, headers map[string]string, body []byte) (replayAnswer, error) {
	r, err := http.NewRequestWithContext(ctx, method, base+target, bytes.NewReader(body))
	if err != nil {
		return replayAnswer{}, err
	}
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		r.Header.Set(name, headers[name])
	}
	if len(body) > 0 && r.Header.Get("Content-Type") == "" {
		r.Header.Set("Content-Type", "application/json")
	}
	c := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer c.CloseIdleConnections()
	response, err := c.Do(r)
	if err != nil {
		return replayAnswer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		return replayAnswer{}, err
	}
	a := replayAnswer{status: response.StatusCode, header: response.Header, raw: string(raw)}
	if len(raw) > 0 && strings.HasPrefix(response.Header.Get("Content-Type"), "application/json") {
		err = json.Unmarshal(raw, &a.body)
	}
	return a, err
}

// items gives the rows of a page.
func (a replayAnswer) items() []map[string]any {
	page, _ := a.body.(map[string]any)
	rows, _ := page["items"].([]any)
	var items []map[string]any
	for _, row := range rows {
		if item, ok := row.(map[string]any); ok {
			items = append(items, item)
		}
	}
	return items
}

// taskID gives the id of the task that is answered with; 0: none.
func (a replayAnswer) taskID() int64 {
	task, _ := a.body.(map[string]any)
	id, _ := task["id"].(float64)
	return int64(id)
}

// recordedTask finds the ids of tasks in a recorded address.
var recordedTask = regexp.MustCompile(`(/v1/tasks/|parent_task_id=)(\d+)`)

// replay sends a recorded request to our daemon.
func (w *replayWorld) replay(c replayCase) replayAnswer {
	w.t.Helper()
	target := recordedTask.ReplaceAllStringFunc(w.ours(c.Request.Path), func(found string) string {
		parts := recordedTask.FindStringSubmatch(found)
		id, _ := strconv.ParseInt(parts[2], 10, 64)
		if ours, ok := w.tasks[id]; ok {
			id = ours
		}
		return parts[1] + strconv.FormatInt(id, 10)
	})
	headers := map[string]string{}
	for name, value := range c.Request.Headers {
		headers[name] = w.ours(value)
	}
	return w.send(c.Request.Method, target, headers, []byte(w.ours(string(c.Request.Body))))
}

// recordedJob is the job of a registration in the recordings.
const recordedJob = "62d893dc-743b-4087-b5e5-fb76140b8f26"

// ours puts what there is here in place of what the recordings name.
func (w *replayWorld) ours(text string) string {
	pairs := []string{recordedPrimary, w.primary, recordedSecondary, w.secondary, recordedUpstream, w.upstream, recordedJob, w.job}
	for _, placeholder := range slices.Sorted(maps.Keys(w.texts)) {
		pairs = append(pairs, placeholder, w.texts[placeholder])
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// recorded puts the recordings' names in place of what there is here.
func (w *replayWorld) recorded(text string) string {
	pairs := []string{
		w.primary, recordedPrimary, w.secondary, recordedSecondary, w.upstream, recordedUpstream, strings.TrimPrefix(w.url, "http://"), recordedAPI,
		filepath.Join(w.dir, "definitions"), recordedFolder,
	}
	for _, placeholder := range slices.Sorted(maps.Keys(w.texts)) {
		pairs = append(pairs, w.texts[placeholder], placeholder)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}
