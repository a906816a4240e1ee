// SPDX-License-Identifier: Apache-2.0

package pulpfake

import (
	"cmp"
	"net/http"
	"net/url"
	"sort"
	"strconv"
	"strings"
)

// row is one element of a list; get is one of its fields.
type row struct {
	get  func(field string) any
	item any // what special filters look at
}

// special answers filters that are not simply about a field: done is false for one it does not know.
type special func(item any, filter, value string) (match, done bool, refusal *reply)

var always = map[string]bool{
	"fields": true, "exclude_fields": true, "limit": true, "offset": true, "page_size": true, "minimal": true,
	"ordering": true, "format": true,
}

// filterTerm is one query parameter that filters.
type filterTerm struct {
	name, field, op string
	kind            string
	value           string
	parsed          any
}

// list filters, orders and pages rows, which are given oldest first and listed newest first.
func (c *call) list(path string, rows []row, sp special) reply {
	op := schema.Ops["GET "+path+"/"]
	terms, refusal := c.terms(op)
	if refusal != nil {
		return *refusal
	}
	kept := make([]row, 0, len(rows))
	for i := len(rows) - 1; i >= 0; i-- {
		match, refusal := matches(rows[i], terms, sp)
		if refusal != nil {
			return *refusal
		}
		if match {
			kept = append(kept, rows[i])
		}
	}
	if len(rows) == 0 { // a bad value is refused even when there is nothing to filter
		if _, refusal := matches(row{get: func(string) any { return nil }}, terms, sp); refusal != nil {
			return *refusal
		}
	}
	if by := c.r.URL.Query().Get("ordering"); by != "" {
		if refusal := order(kept, by, op.Query["ordering"]); refusal != nil {
			return *refusal
		}
	}
	return c.page(path, op, kept)
}

// terms checks the query parameters: unknown ones are refused together, in the order they came.
func (c *call) terms(op schemaOp) ([]filterTerm, *reply) {
	var unknown []any
	var terms []filterTerm
	seen := map[string]bool{}
	for _, pair := range strings.Split(c.r.URL.RawQuery, "&") {
		name, _, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		if err != nil || name == "" || always[name] || seen[name] {
			continue
		}
		seen[name] = true
		kind, known := op.Query[name]
		if !known {
			unknown = append(unknown, "Invalid Filter: '"+name+"'")
			continue
		}
		t := filterTerm{name: name, kind: kind, value: c.r.URL.Query().Get(name)}
		t.field, t.op, _ = strings.Cut(name, "__")
		if t.value == "" {
			continue
		}
		if refusal := t.parse(); refusal != nil {
			return nil, refusal
		}
		terms = append(terms, t)
	}
	if unknown != nil {
		rep := bad(obj{"errors": unknown})
		return nil, &rep
	}
	return terms, nil
}

func (t *filterTerm) parse() *reply {
	refuse := func(body any) *reply { rep := bad(body); return &rep }
	values := strings.Split(t.value, ",")
	switch t.name {
	case "pulp_href__in":
		for _, v := range values {
			if path, _, isHref := splitHref(v); !isHref || strings.HasSuffix(path, "/versions") {
				return refuse([]any{"URI not valid: " + v}) // a version's href has no id in it
			}
		}
	case "prn__in":
		for _, v := range values {
			if !strings.HasPrefix(v, "prn:") {
				return refuse([]any{"Not a valid PRN: " + v + ", must start with 'prn:'"})
			}
		}
	}
	switch strings.TrimPrefix(t.kind, "[]") {
	case "uuid":
		for _, v := range values {
			if !uuidPattern.MatchString(v) && !hex32.MatchString(v) {
				return refuse(obj{t.name: []any{"Enter a valid UUID."}})
			}
		}
	case "integer", "number":
		for _, v := range values {
			if _, err := strconv.ParseFloat(v, 64); err != nil {
				return refuse(obj{t.name: []any{"Enter a number."}})
			}
		}
	case "date-time":
		for _, v := range values {
			at, isTime := parseTime(v)
			if !isTime {
				return refuse(obj{t.name: []any{"Enter a valid date/time."}})
			}
			t.parsed = at
		}
	}
	if t.name == "state" && !contains(taskStates, t.value) {
		return refuse(obj{"state": []any{"Select a valid choice. " + t.value + " is not one of the available choices."}})
	}
	return nil
}

var taskStates = []string{
	stateWaiting, "skipped", stateRunning, stateCompleted, stateFailed, stateCanceled, stateCanceling,
}

func matches(r row, terms []filterTerm, sp special) (bool, *reply) {
	for _, t := range terms {
		if sp != nil {
			if match, done, refusal := sp(r.item, t.name, t.value); refusal != nil || done {
				if refusal != nil || !match {
					return false, refusal
				}
				continue
			}
		}
		match, known := t.match(r.get)
		if !known {
			rep := detail(http.StatusNotImplemented, "pulpfake: the filter "+t.name+" is not imitated")
			return false, &rep
		}
		if !match {
			return false, nil
		}
	}
	return true, nil
}

// order sorts by a comma list of fields.
func order(rows []row, by, choices string) *reply {
	allowed := strings.Split(choices, "|")
	keys := strings.Split(by, ",")
	for _, k := range keys {
		if !contains(allowed, strings.TrimPrefix(k, "-")) {
			rep := bad(obj{"ordering": []any{"Select a valid choice. " + k + " is not one of the available choices."}})
			return &rep
		}
	}
	sort.SliceStable(rows, func(i, j int) bool {
		for _, k := range keys {
			field, down := strings.CutPrefix(k, "-")
			if field == "pk" || field == "pulp_id" {
				field = "pulp_href"
			}
			if n := compare(rows[i].get(field), rows[j].get(field)); n != 0 {
				return (n < 0) != down
			}
		}
		return false
	})
	return nil
}

func compare(a, b any) int {
	if x, isNumber := number(a); isNumber {
		if y, isNumber := number(b); isNumber {
			return cmp.Compare(x, y)
		}
	}
	return cmp.Compare(text(a), text(b))
}

// page cuts one page out of rows and adds links to its neighbours.
func (c *call) page(path string, op schemaOp, rows []row) reply {
	q := c.r.URL.Query()
	limit, err := strconv.Atoi(q.Get("limit"))
	if err != nil || limit <= 0 {
		limit = 100
	}
	offset, err := strconv.Atoi(q.Get("offset"))
	if err != nil || offset < 0 {
		offset = 0
	}
	res := obj{"count": len(rows), "next": nil, "previous": nil}
	if offset+limit < len(rows) {
		res["next"] = c.link(limit, offset+limit)
	}
	if offset > 0 {
		res["previous"] = c.link(limit, offset-limit)
	}
	results := []any{}
	for i := offset; i < len(rows) && i < offset+limit; i++ {
		results = append(results, c.selected(c.minimal(path, op.Answer), rows[i].get))
	}
	res["results"] = results
	return ok(res)
}

func (c *call) link(limit, offset int) string {
	scheme := "http"
	if c.r.TLS != nil || c.r.Header.Get("X-Forwarded-Proto") == "https" {
		scheme = "https"
	}
	q := c.r.URL.Query()
	q.Set("limit", strconv.Itoa(limit))
	q.Set("offset", strconv.Itoa(offset))
	if offset <= 0 {
		q.Del("offset")
	}
	return scheme + "://" + c.r.Host + c.r.URL.Path + "?" + q.Encode()
}

var minimalTask = []string{
	"pulp_href", "prn", "pulp_created", "pulp_last_updated", "pulp_api_version", "name", "state", "unblocked_at", "started_at",
	"finished_at", "worker",
}

func (c *call) minimal(path string, fields []string) []string {
	if path == "tasks" && c.r.URL.Query().Get("minimal") == "true" {
		return minimalTask
	}
	return fields
}

// selected applies fields= and exclude_fields=; unknown names are no error.
func (c *call) selected(all []string, get func(string) any) obj {
	q := c.r.URL.Query()
	want, drop := listParam(q["fields"]), listParam(q["exclude_fields"])
	res := obj{}
	for _, f := range all {
		if (len(want) > 0 && !want[f]) || drop[f] {
			continue
		}
		res[f] = get(f)
	}
	return res
}

func listParam(values []string) map[string]bool {
	res := map[string]bool{}
	for _, v := range values {
		for _, f := range strings.Split(v, ",") {
			if f != "" {
				res[f] = true
			}
		}
	}
	return res
}
