// SPDX-License-Identifier: Apache-2.0

package api

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/fleet"
)

func TestFilters(t *testing.T) {
	at := func(h, m, s, micro int) time.Time { return time.Date(2026, 1, 2, h, m, s, micro*1000, time.UTC) }
	moment := func(op fleet.Op, t time.Time) fleet.Filter {
		return fleet.Filter{Field: "date_queued", Op: op, Value: t}
	}
	tests := []struct {
		query string
		want  []fleet.Filter
	}{
		{"name=a", []fleet.Filter{{Field: "name", Value: "a"}}},
		{"name=", []fleet.Filter{{Field: "name", Value: ""}}},
		{"name__like=a%25", []fleet.Filter{{Field: "name", Op: fleet.Like, Value: "a%"}}},
		{"name__match=^a|(?=b)", []fleet.Filter{{Field: "name", Op: fleet.Match, Value: "^a|(?=b)"}}},
		{"name__in=a,%20b", []fleet.Filter{{Field: "name", Op: fleet.In, Value: []any{"a", "b"}}}},
		{"name__gt=a", []fleet.Filter{{Field: "name", Op: fleet.Greater, Value: "a"}}},
		{"name__ge=a", []fleet.Filter{{Field: "name", Op: fleet.AtLeast, Value: "a"}}},
		{"name__lt=a", []fleet.Filter{{Field: "name", Op: fleet.Less, Value: "a"}}},
		{"name__le=a", []fleet.Filter{{Field: "name", Op: fleet.AtMost, Value: "a"}}},
		{"parent_task_id=0&id__gt=5", []fleet.Filter{{Field: "id", Op: fleet.Greater, Value: int64(5)}, {Field: "parent_task_id", Value: int64(0)}}},
		{"parent_task_id=7", []fleet.Filter{{Field: "parent_task_id", Value: int64(7)}}},
		{"parent_task_id__in=7,8", []fleet.Filter{{Field: "parent_task_id", Op: fleet.In, Value: []any{int64(7), int64(8)}}}},
		{"parent_task_id__lt=7", []fleet.Filter{{Field: "parent_task_id", Op: fleet.Less, Value: int64(7)}}},
		{"state=queued", []fleet.Filter{{Field: "state", Value: "queued"}}},
		{"state__in=queued,running", []fleet.Filter{{Field: "state", Op: fleet.In, Value: []any{"queued", "running"}}}},
		{"state__match=^fail", []fleet.Filter{{Field: "state", Op: fleet.Match, Value: "^fail"}}},
		{"task_type=remove_repo_content&state=failed", []fleet.Filter{{Field: "state", Value: "failed"}, {Field: "task_type", Value: "remove_repo_content"}}},
		{"date_queued__ge=2026-01-02", []fleet.Filter{moment(fleet.AtLeast, at(0, 0, 0, 0))}}, // legacy section 3.1: a date alone was an error
		{"date_queued__ge=2026-01-02T03:04", []fleet.Filter{moment(fleet.AtLeast, at(3, 4, 0, 0))}},
		{"date_queued__ge=2026-01-02T03:04:05", []fleet.Filter{moment(fleet.AtLeast, at(3, 4, 5, 0))}},
		{"date_queued__ge=2026-01-02%2003:04:05", []fleet.Filter{moment(fleet.AtLeast, at(3, 4, 5, 0))}},
		{"date_queued__ge=2026-01-02t03:04:05z", []fleet.Filter{moment(fleet.AtLeast, at(3, 4, 5, 0))}},
		{"date_queued__ge=2026-01-02T03:04:05%2B02:00", []fleet.Filter{moment(fleet.AtLeast, at(1, 4, 5, 0))}}, // the original dropped the zone
		{"date_queued__ge=2026-01-02T03:04:05+02:00", []fleet.Filter{moment(fleet.AtLeast, at(1, 4, 5, 0))}},
		{"date_queued__ge=2026-01-02T03:04:05-0200", []fleet.Filter{moment(fleet.AtLeast, at(5, 4, 5, 0))}},
		{"date_queued__ge=1767323045", []fleet.Filter{moment(fleet.AtLeast, at(3, 4, 5, 0))}},
		{"date_queued__ge=1767323045.25", []fleet.Filter{moment(fleet.AtLeast, at(3, 4, 5, 250000))}},
		{"date_queued__ge=1767323045250", []fleet.Filter{moment(fleet.AtLeast, at(3, 4, 5, 250000))}},
		// A date is shown in seconds, so what is compared with a whole second means all of it.
		{"date_queued__lt=2026-01-02T03:04:05", []fleet.Filter{moment(fleet.Less, at(3, 4, 5, 0))}},
		{"date_queued__le=2026-01-02T03:04:05", []fleet.Filter{moment(fleet.AtMost, at(3, 4, 5, 999999))}},
		{"date_queued__gt=2026-01-02T03:04:05", []fleet.Filter{moment(fleet.Greater, at(3, 4, 5, 999999))}},
		{"date_queued=2026-01-02T03:04:05", []fleet.Filter{moment(fleet.AtLeast, at(3, 4, 5, 0)), moment(fleet.AtMost, at(3, 4, 5, 999999))}},
		{"date_queued__le=2026-01-02T03:04:05.5", []fleet.Filter{moment(fleet.AtMost, at(3, 4, 5, 500000))}},
	}
	for _, test := range tests {
		t.Run(test.query, func(t *testing.T) {
			m := newMemory()
			if got := ask(t, New(m.options()), http.MethodGet, "/v1/tasks/?"+test.query, ""); got.status != http.StatusOK {
				t.Fatalf("answered %d: %s", got.status, got.body)
			}
			want := fleet.Query{Filters: test.want, Page: 1, Size: 50}
			if diff := cmp.Diff(want, m.query); diff != "" {
				t.Errorf("query (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSortingAndPaging(t *testing.T) {
	tests := []struct {
		target string
		want   fleet.Query
	}{
		{"/v1/tasks/?sort_by=date_queued&order_by=desc&page=3&page_size=7", fleet.Query{Sort: "date_queued", Desc: true, Page: 3, Size: 7}},
		{"/v1/tasks/?sort_by=id&order_by=asc&page_size=100", fleet.Query{Sort: "id", Page: 1, Size: 100}},
		{"/v1/tasks/?order_by=desc", fleet.Query{Desc: true, Page: 1, Size: 50}},
		{"/v1/pulp_servers/1/repos?sort_by=pulp_server_name", fleet.Query{Sort: "pulp_server_name", Page: 1, Size: 50}},
		{"/v1/pulp_servers/?snapshot_supported=TRUE", fleet.Query{Filters: []fleet.Filter{{Field: "snapshot_supported", Value: true}}, Page: 1, Size: 50}},
		{"/v1/pulp_servers/2/repo_groups?name=external&sort_by=name", fleet.Query{Filters: []fleet.Filter{{Field: "name", Value: "external"}}, Sort: "name", Page: 1, Size: 50}},
	}
	for _, test := range tests {
		t.Run(test.target, func(t *testing.T) {
			m := newMemory()
			if got := ask(t, New(m.options()), http.MethodGet, test.target, ""); got.status != http.StatusOK {
				t.Fatalf("answered %d: %s", got.status, got.body)
			}
			if diff := cmp.Diff(test.want, m.query); diff != "" {
				t.Errorf("query (-want +got):\n%s", diff)
			}
		})
	}
}

// All of these were a 500, or were ignored, in the original (D34, D35, D36).
func TestBadQueriesAreRefused(t *testing.T) {
	tests := []struct{ target, location, says string }{
		{"/v1/tasks/?page=0", "query.page", "between 1 and"},
		{"/v1/tasks/?page=-1", "query.page", "between 1 and"},
		{"/v1/tasks/?page=x", "query.page", "must be an integer"},
		{"/v1/tasks/?page=99999999999999999999", "query.page", "must be an integer"},
		{"/v1/tasks/?page=2000000000", "query.page", "between 1 and"},
		{"/v1/tasks/?page_size=-5", "query.page_size", "between 0 and 100"},
		{"/v1/tasks/?page_size=101", "query.page_size", "between 0 and 100"},
		{"/v1/tasks/?page_size=abc", "query.page_size", "must be an integer"},
		{"/v1/tasks/?sort_by=nope", "query.sort_by", "must be one of id, name, parent_task_id"},
		{"/v1/tasks/?order_by=sideways", "query.order_by", "must be one of asc, desc"},
		{"/v1/tasks/?state=zzz", "query.state", "must be one of queued, running"},
		{"/v1/tasks/?state__in=queued,zzz", "query.state__in", "must be one of queued, running"},
		{"/v1/tasks/?task_type=zzz", "query.task_type", "must be one of repo_sync"},
		{"/v1/tasks/?nam=x", "query.nam", "known are page, page_size, sort_by, order_by, id (__in __lt __le __gt __ge), name (__like"},
		{"/v1/tasks/?date_queued__match=x", "query.date_queued__match", "is not known here"},
		{"/v1/tasks/?date_created=2026-01-01", "query.date_created", "is not known here"},
		{"/v1/tasks/?name=a&name=b", "query.name", "is given 2 times"},
		{"/v1/tasks/?name=a%00b", "query.name", "NUL"},
		{"/v1/tasks/?name=%ff", "query.name", "UTF-8"},
		{"/v1/tasks/?name__match=(", "query.name__match", "is not a regular expression"},
		{"/v1/tasks/?parent_task_id=x", "query.parent_task_id", "must be an integer"},
		{"/v1/tasks/?date_started__ge=zz", "query.date_started__ge", "must be a date"},
		{"/v1/tasks/?date_started__ge=", "query.date_started__ge", "must be a date"},
		{"/v1/tasks/?date_started__ge=nan", "query.date_started__ge", "seconds since 1970"},
		{"/v1/tasks/?date_started__ge=1e300", "query.date_started__ge", "seconds since 1970"},
		{"/v1/tasks/?date_started__ge=2026-13-01", "query.date_started__ge", "must be a date"},
		{"/v1/tasks/?a=%zz", "query", "cannot be read"},
		{"/v1/tasks/1?page=1", "query.page", "there are no query parameters"},
		{"/v1/tasks/task_types?x=1", "query.x", "there are no query parameters"},
		{"/v1/pulp_servers/?repo_sync_health_rollup=purple", "query.repo_sync_health_rollup", "must be one of green, amber, red"},
		{"/v1/pulp_servers/?snapshot_supported=maybe", "query.snapshot_supported", "must be true or false"},
		{"/v1/pulp_servers/1/repos?repo_sync_health=purple", "query.repo_sync_health", "must be one of green, amber, red"},
	}
	h := New(newMemory().options())
	for _, test := range tests {
		t.Run(test.target, func(t *testing.T) {
			got := ask(t, h, http.MethodGet, test.target, "")
			p := got.problem(t)
			if got.status != http.StatusUnprocessableEntity || len(p.Errors) != 1 {
				t.Fatalf("answered %d: %s", got.status, got.body)
			}
			if p.Errors[0].Location != test.location || !strings.Contains(p.Errors[0].Message, test.says) {
				t.Errorf("error is %+v, want one at %s that says %q", p.Errors[0], test.location, test.says)
			}
			if !strings.Contains(p.Detail, p.Errors[0].Message) {
				t.Errorf("detail %q does not tell the error", p.Detail)
			}
		})
	}
}

func TestAllProblemsAreToldAtOnce(t *testing.T) {
	got := ask(t, New(newMemory().options()), http.MethodGet, "/v1/tasks/?page=0&state=x&nope=1", "")
	if p := got.problem(t); len(p.Errors) != 3 {
		t.Errorf("told %d of 3 problems: %s", len(p.Errors), got.body)
	}
}

// FuzzQuery: whatever is in a query string, it is refused or becomes conditions of the
// fields' own types.
func FuzzQuery(f *testing.F) {
	for _, seed := range []string{
		"", "page=2&page_size=3", "name__in=a,b,,", "date_queued=2026-01-02", "date_queued__le=1e9", "date_queued__gt=-62135596801",
		"parent_task_id__in=1,2", "state=queued", "name__match=(", "sort_by=id&order_by=desc", "name=%00", "a;b=c", "date_queued=9999-12-31T23:59:59-23:59",
	} {
		f.Add(seed)
	}
	a := &api{Options: newMemory().options(), document: newDocument("")}
	routes := slices.DeleteFunc(a.routes(), func(rt route) bool { return rt.list == nil })
	f.Fuzz(func(t *testing.T, raw string) {
		for _, rt := range routes {
			checkParsed(t, rt.list, raw)
		}
	})
}

// checkParsed checks what a list makes of a query string.
func checkParsed(t *testing.T, list *listing, raw string) {
	t.Helper()
	const largest = 100
	q, problems := list.parse(raw, 50, largest)
	if len(problems) > 0 {
		for _, p := range problems {
			if p.Location == "" || p.Message == "" {
				t.Errorf("%q: empty problem %+v", raw, p)
			}
		}
		return
	}
	if q.Page < 1 || q.Page > maxPage || q.Size < 0 || q.Size > largest {
		t.Errorf("%q: page %d of size %d", raw, q.Page, q.Size)
	}
	if q.Sort != "" && !slices.Contains(list.names(), q.Sort) {
		t.Errorf("%q: sorted by %q", raw, q.Sort)
	}
	kinds := map[string]valueKind{}
	for _, field := range list.fields {
		kinds[field.name] = field.kind
	}
	for _, filter := range q.Filters {
		checkFilter(t, raw, kinds, filter)
	}
	if values, err := url.ParseQuery(raw); err != nil || len(values) > len(q.Filters)+4 {
		t.Errorf("%q: parameters were dropped: %+v", raw, q)
	}
}

// checkFilter checks that a condition's value has its field's type.
func checkFilter(t *testing.T, raw string, kinds map[string]valueKind, filter fleet.Filter) {
	t.Helper()
	kind, known := kinds[filter.Field]
	if !known || !slices.Contains(suffixes[kind], filter.Op) {
		t.Errorf("%q: condition %+v on an unknown field", raw, filter)
	}
	values := []any{filter.Value}
	if filter.Op == fleet.In {
		values, _ = filter.Value.([]any)
		if len(values) == 0 {
			t.Errorf("%q: empty list in %+v", raw, filter)
		}
	}
	for _, value := range values {
		ok := false
		switch v := value.(type) {
		case string:
			ok = (kind == textValue || kind == choiceValue) && sane(v)
		case int64:
			ok = kind == numberValue
		case bool:
			ok = kind == boolValue
		case time.Time:
			ok = kind == momentValue && v.Location() == time.UTC && inRange(v)
		}
		if !ok {
			t.Errorf("%q: value %#v of %s", raw, value, filter.Field)
		}
	}
}
