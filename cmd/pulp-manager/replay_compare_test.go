// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"mime"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// replayDifference is one thing in which our answer is not the recorded one.
type replayDifference struct {
	name           string // of the case
	at             string // status, a header, or a field of what is shown, such as stages.name
	original, ours string
}

func (d replayDifference) String() string {
	return fmt.Sprintf("%s: %s: %s → %s", d.name, d.at, d.original, d.ours)
}

// replayComparison collects the differences of one case, each once.
type replayComparison struct {
	name  string
	found []replayDifference
}

func (c *replayComparison) add(at, original, ours string) {
	d := replayDifference{c.name, at, original, ours}
	if !slices.Contains(c.found, d) {
		c.found = append(c.found, d)
	}
}

// compareReplay compares an answer with the recorded one.
func (w *replayWorld) compareReplay(c replayCase, a replayAnswer) []replayDifference {
	w.t.Helper()
	x := &replayComparison{name: c.name}
	if a.status != c.Response.Status {
		x.add("status", fmt.Sprint(c.Response.Status), fmt.Sprint(a.status))
	}
	for name, want := range c.Response.Headers {
		x.header(name, want, w.recorded(a.header.Get(name)), recordedAPI)
	}
	if a.status == c.Response.Status && c.Response.Body != nil {
		var ours any
		if err := json.Unmarshal([]byte(w.recorded(a.raw)), &ours); err != nil {
			w.t.Fatalf("%s: answered %d %q: %v", c.name, a.status, a.raw, err)
		}
		x.value("", c.Response.Body, ours)
	}
	return x.found
}

// header compares the headers that clients read. An address may be relative.
func (c *replayComparison) header(name, original, ours, host string) {
	switch name {
	case "content-type":
		original, _, _ = mime.ParseMediaType(original)
		ours, _, _ = mime.ParseMediaType(ours)
	case "location":
		if at, err := url.Parse("http://" + host + "/"); err == nil {
			if full, err := at.Parse(ours); err == nil && ours != "" {
				ours = full.String()
			}
		}
	}
	if original != ours {
		c.add("header "+name, original, ours)
	}
}

// value compares two JSON values. Items of a list are compared in their order, under one name.
func (c *replayComparison) value(at string, original, ours any) {
	if c.name == "rq-jobs-failed" && (at == "meta" || at == "status" || at == "started_at") {
		return // other jobs failed: ours refuses most of those, and has those of canceled tasks as soon as they have ended
	}
	if a, b := jsonType(original), jsonType(ours); a != b {
		c.add(at, replaySample(original), replaySample(ours))
		return
	}
	switch original := original.(type) {
	case map[string]any:
		c.object(at, original, ours.(map[string]any))
	case []any:
		ours := ours.([]any)
		if len(original) != len(ours) {
			c.add(strings.TrimPrefix(at+" (number)", " "), fmt.Sprint(len(original)), fmt.Sprint(len(ours)))
		}
		for i := range min(len(original), len(ours)) {
			c.value(at, original[i], ours[i])
		}
	case string:
		if a, b := plainText(at, original), plainText(at, ours.(string)); a != b {
			c.add(at, a, b)
		}
	case float64:
		if !isID(at) && !strings.HasSuffix(at, "_jobs") && original != ours.(float64) {
			c.add(at, fmt.Sprint(original), fmt.Sprint(ours))
		}
	case bool:
		if original != ours.(bool) {
			c.add(at, fmt.Sprint(original), fmt.Sprint(ours))
		}
	}
}

// object compares the fields of two objects.
func (c *replayComparison) object(at string, original, ours map[string]any) {
	for _, name := range slices.Sorted(maps.Keys(original)) {
		field := strings.TrimPrefix(at+"."+name, ".")
		if name == "items" {
			field = at
		}
		value, there := ours[name]
		if !there {
			c.add(field, replaySample(original[name]), "not there")
			continue
		}
		c.value(field, original[name], value)
	}
	for _, name := range slices.Sorted(maps.Keys(ours)) {
		if _, there := original[name]; !there {
			c.add(strings.TrimPrefix(at+"."+name, "."), "not there", jsonType(ours[name]))
		}
	}
}

// jsonType names a value's type.
func jsonType(value any) string {
	switch value.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case float64:
		return "number"
	case string:
		return "text"
	case []any:
		return "list"
	}
	return "object"
}

// replaySample shows a value where the types differ.
func replaySample(value any) string {
	switch value := value.(type) {
	case string, []any, map[string]any:
		return jsonType(value)
	}
	return fmt.Sprint(value)
}

// isID tells whether a field is an id, which need not be the same. Nor need numbers of jobs, *_jobs.
func isID(at string) bool {
	return at == "id" || strings.HasSuffix(at, "_id") || strings.HasSuffix(at, ".id")
}

var (
	aDate     = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$`)
	aFineDate = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$`)
	anUUID    = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	aLastDate = regexp.MustCompile(`^\d\d:\d\d:\d\d \d\d-\d\d-\d{4} UTC$`)
	aVersion  = regexp.MustCompile(`/versions/\d+/`)
)

// free are the texts that need not be the same: what people read, hosts, ids of the queue, hashes.
var free = []string{"detail", "msg", "worker_name", "worker_job_id", "parent_task_id", "id", "sha256", "pkgId", "error.msg", "error.detail"}

// plainText gives what of a text must be the same: of dates only how they are written, of addresses on Pulp all
// but ids.
func plainText(at, text string) string {
	last := at[strings.LastIndex(at, ".")+1:]
	switch {
	case slices.Contains(free, at), slices.Contains(free, last), text == "…":
		return "text"
	case aDate.MatchString(text):
		return "a date in seconds"
	case aLastDate.MatchString(text):
		return "a date of a token"
	case aFineDate.MatchString(text):
		return "a date in microseconds"
	}
	return aVersion.ReplaceAllString(anUUID.ReplaceAllString(text, "ID"), "/versions/N/")
}
