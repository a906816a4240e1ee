// SPDX-License-Identifier: Apache-2.0

package api

import (
	"encoding/json"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job"
	"github.com/pulp/pulp-manager/internal/job/catalog"
)

// goodBodies are requests that are queued as they stand, by the job's path.
var goodBodies = map[string]map[string]any{
	"register_repos":      {"max_runtime": "1h", "regex_include": "^ext-", "regex_exclude": "^old", "dry_run": true},
	"adopt":               {"max_runtime": "1h", "regex_include": "^ext-", "regex_exclude": "^old", "dry_run": true},
	"sync_repos":          {"max_runtime": "1h", "max_concurrent_syncs": 2, "regex_include": "^ext-", "regex_exclude": "^old", "source_pulp_server_name": "pulp2.example.com", "sync_options": map[string]any{"optimize": false}, "force": true, "dry_run": true},
	"remove_repos":        {"max_runtime": "1h", "regex_include": "^snap-", "regex_exclude": "^old", "dry_run": true, "confirm": 5, "internal": false},
	"remove_repo_content": {"max_runtime": "1h", "content_href": unitHref, "force_publish": false, "dry_run": true},
	"snapshot_repos":      {"max_runtime": "1h", "snapshot_prefix": "jan", "allow_snapshot_reuse": true, "regex_include": "^ext-", "regex_exclude": "^old", "dry_run": true},
}

// Every body of every job: each field missing, null, of each other type, too long, and each pattern broken. What is
// refused is refused with 422 (400 where the original answered that), naming the field, before there is a task;
// nothing is answered with 500.
func TestEveryBody(t *testing.T) {
	wrong := map[string]any{
		"an object": map[string]any{"a": 1}, "a list": []any{"a"}, "text": "perhaps", "a number": -7.5, "true": true,
		"long text": strings.Repeat("x", 100_000), "null": nil, "empty text": "", "NUL": "a\x00b", "a huge number": 1e300,
	}
	for _, definition := range catalog.All(catalog.Settings{}) {
		if definition.Ask == nil {
			continue
		}
		declared := *definition.Ask
		t.Run(declared.Path, func(t *testing.T) {
			good, ok := goodBodies[declared.Path]
			if !ok {
				t.Fatal("it has no good body here")
			}
			post := func(body map[string]any) (answer, int) {
				t.Helper()
				m := newMemory()
				o := m.options()
				o.Jobs = []job.Definition{definition}
				m.servers[0].SnapshotSupported = true
				m.servers = append(m.servers, fleet.Server{ID: 77, Name: "pulp2.example.com"})
				path := "/v1/pulp_servers/1/"
				if declared.OnRepository {
					path += "repos/23/"
				}
				text, err := json.Marshal(body)
				if err != nil {
					t.Fatal(err)
				}
				before := len(m.tasks)
				return ask(t, New(o), http.MethodPost, path+declared.Path, string(text)), len(m.tasks) - before
			}
			if got, queued := post(good); got.status != http.StatusCreated || queued != 1 {
				t.Fatalf("the good body: %d %s", got.status, got.body)
			}
			fields := slices.Collect(maps.Keys(good))
			if n := reflect.VisibleFields(declared.Body); len(n) != len(fields) {
				t.Errorf("the good body has %d of %d fields", len(fields), len(n))
			}
			try := func(what, field string, body map[string]any, mustRefuse bool) {
				t.Helper()
				got, queued := post(body)
				refused := got.status == http.StatusUnprocessableEntity || got.status == http.StatusBadRequest
				switch {
				case got.status != http.StatusCreated && !refused:
					t.Errorf("%s: answered %d %.300s", what, got.status, got.body)
				case refused == (queued == 1) || mustRefuse && !refused:
					t.Errorf("%s: answered %d, %d tasks", what, got.status, queued)
				case refused && !strings.Contains(got.body, field):
					t.Errorf("%s: does not name %s: %.300s", what, field, got.body)
				}
			}
			for _, field := range fields {
				without := maps.Clone(good)
				delete(without, field)
				try(field+" missing", field, without, false)
				for name, value := range wrong {
					with := maps.Clone(good)
					with[field] = value
					object := name == "an object" && field != "sync_options"
					try(field+" is "+name, field, with, object || name == "a list" || name == "long text")
				}
				if strings.HasPrefix(field, "regex_") {
					with := maps.Clone(good)
					with[field] = "(a"
					try(field+" is no pattern", "(a", with, true)
					with[field] = "(a+)+(?=b)$" // may be slow, but is one: matching it is bounded
					try(field+" may be slow", field, with, false)
				}
			}
			with := maps.Clone(good)
			with["max_runtme"] = "1h"
			try("a mistyped field", "max_runtme", with, true)
		})
	}
}
