// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// The store knows every field that the API lets clients filter and sort by.
func TestEveryFilterOfTheAPIWorksOnTheStore(t *testing.T) {
	d := startDaemon(t)
	if _, err := d.run(t, "sync", "1"); err != nil {
		t.Fatal(err)
	}
	var document struct {
		Paths map[string]map[string]struct {
			Parameters []struct {
				Name, In string
				Schema   struct {
					Type     any
					Enum     []string
					Examples []string
					Items    struct{ Enum []string }
				}
			}
		}
	}
	if err := json.Unmarshal(fetch(t, d.url+"/openapi.json", http.StatusOK), &document); err != nil {
		t.Fatal(err)
	}
	tried := 0
	for path, operations := range document.Paths {
		for _, p := range operations["get"].Parameters {
			if p.In != "query" || path == "/v1/auth/token_lookup" { // that one is no filter
				continue
			}
			values := p.Schema.Enum
			switch {
			case len(values) > 0:
			case len(p.Schema.Examples) > 0:
				values = p.Schema.Examples[:1]
			case p.Schema.Type == "boolean":
				values = []string{"true", "false"}
			default:
				values = []string{"1"} // a number, a text, a pattern, a list
			}
			for _, value := range values {
				if strings.HasSuffix(p.Name, "__in") {
					value = "1,2"
					if known := p.Schema.Items.Enum; len(known) > 0 {
						value = strings.Join(known[:2], ",")
					}
				}
				tried++
				fetch(t, d.url+strings.NewReplacer("{id}", "1", "{repo_id}", "1", "{name}", "default", "{profile}", "heap").Replace(path)+"?"+url.Values{p.Name: {value}}.Encode(), http.StatusOK)
			}
		}
	}
	if tried < 250 {
		t.Errorf("tried only %d filters", tried)
	}
}

// fetch gets an address and checks the status of the answer.
func fetch(t *testing.T, address string, status int) []byte {
	t.Helper()
	res, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != status {
		t.Errorf("%s: answered %s: %s (%v)", address, res.Status, body, err)
	}
	return body
}

// What a filter keeps is what it says.
func TestFiltersKeepWhatTheySay(t *testing.T) {
	d := startDaemon(t)
	for query, want := range map[string][]string{
		"":                                 {"primary.example.com", "secondary.example.com"},
		"name=primary.example.com":         {"primary.example.com"},
		"name__match=^PRIM":                {"primary.example.com"},
		"name__like=%25ary.example.com":    {"primary.example.com", "secondary.example.com"},
		"name__like=prim%25":               {"primary.example.com"},
		"name__gt=primary.example.com":     {"secondary.example.com"},
		"name__in=x,secondary.example.com": {"secondary.example.com"},
		"snapshot_supported=true":          {"secondary.example.com"},
		"id__ge=2":                         {"secondary.example.com"},
		"sort_by=name&order_by=desc":       {"secondary.example.com", "primary.example.com"},
		"date_created__ge=2020-01-01":      {"primary.example.com", "secondary.example.com"},
		"date_created__lt=2020-01-01":      nil,
		"repo_sync_health_rollup=green":    nil,
	} {
		var page struct {
			Items []struct{ Name string }
			Total int
		}
		if err := json.Unmarshal(fetch(t, d.url+"/v1/pulp_servers/?"+query, http.StatusOK), &page); err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, item := range page.Items {
			names = append(names, item.Name)
		}
		if strings.Join(names, " ") != strings.Join(want, " ") || page.Total != len(want) {
			t.Errorf("%q keeps %v of %d, want %v", query, names, page.Total, want)
		}
	}
}

// A date is shown in seconds: what is shown is found by what is shown.
func TestShownDatesAreFound(t *testing.T) {
	d := startDaemon(t)
	if _, err := d.run(t, "sync", "1"); err != nil {
		t.Fatal(err)
	}
	type tasks struct {
		Items []struct {
			DateQueued string `json:"date_queued"`
		}
		Total int
	}
	get := func(query string) tasks {
		var page tasks
		if err := json.Unmarshal(fetch(t, d.url+"/v1/tasks/?"+query, http.StatusOK), &page); err != nil {
			t.Fatal(err)
		}
		return page
	}
	shown := get("").Items[0].DateQueued
	for op, want := range map[string]int{"": 1, "__ge": 1, "__le": 1, "__gt": 0, "__lt": 0} {
		if page := get("date_queued" + op + "=" + shown); page.Total != want {
			t.Errorf("date_queued%s=%s finds %d, want %d", op, shown, page.Total, want)
		}
	}
}
