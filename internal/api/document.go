// SPDX-License-Identifier: Apache-2.0

package api

import (
	"fmt"
	"net/http"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// newDocument starts the OpenAPI document.
func newDocument(version string) *huma.OpenAPI {
	if version == "" {
		version = "development"
	}
	return &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title: "Pulp Manager", Version: version,
			Description: "Keeps repositories on a fleet of Pulp servers registered and in sync.\n\n" +
				"Dates in answers are UTC, in seconds, without a zone. Filters take dates with or without time and zone " +
				"(UTC where there is none), or seconds since 1970. Unknown query parameters and body fields are refused.",
		},
		Components: &huma.Components{Schemas: huma.NewMapRegistry("#/components/schemas/", schemaName), SecuritySchemes: map[string]*huma.SecurityScheme{
			bearerScheme: {
				Type: "http", Scheme: "bearer", BearerFormat: "JWT",
				Description: "The `access_token` that `POST /v1/auth/login` gives. In a browser the session of /login does as well.",
			},
		}},
		Tags: []*huma.Tag{
			{Name: tagAuth, Description: "Who one is."},
			{Name: tagServers, Description: "Pulp servers, what is on them, and jobs to do there."},
			{Name: tagTasks, Description: "Recorded runs of jobs."},
			{Name: tagSchedules, Description: "Recurring jobs."},
			{Name: tagJobs, Description: "What the engine that runs tasks has in its queue, in the words of the original's queue."},
			{Name: tagAudit, Description: "Who changed what."},
			{Name: tagDatabase, Description: "How large the database is."},
			{Name: tagHealth, Description: "State of the daemon."},
		},
	}
}

// bearerScheme names how tokens are sent.
const bearerScheme = "bearer"

// ownPackage is where types have names of their own in the document. The body of a
// job is named after its package, because all are called the same there.
var ownPackage = reflect.TypeFor[Problem]().PkgPath()

// schemaName names a type in the document.
func schemaName(t reflect.Type, hint string) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	name := huma.DefaultSchemaNamer(t, hint)
	if p := t.PkgPath(); p != "" && p != ownPackage {
		name = huma.DefaultSchemaNamer(t, hint)
		prefix := []rune(path.Base(p))
		return string(prefix[0]-'a'+'A') + string(prefix[1:]) + name
	}
	return name
}

// pathParam finds the parameters of a path.
var pathParam = regexp.MustCompile(`\{(\w+)\}`)

// textParams are the path parameters that are no ids but texts, with an example.
var textParams = map[string]string{"name": "default", "job_id": "7", "profile": "heap"}

// describe makes the document's description of a route.
func (a *api) describe(rt route) huma.Operation {
	op := huma.Operation{
		OperationID: rt.id, Method: rt.method, Path: rt.path, Summary: rt.summary, Description: rt.description, Tags: []string{rt.tag},
		Responses: a.responses(rt),
	}
	for _, found := range pathParam.FindAllStringSubmatch(rt.path, -1) {
		param := &huma.Param{Name: found[1], In: "path", Required: true, Example: 1, Description: aboutPathParam(found[1], rt.path), Schema: &huma.Schema{Type: huma.TypeInteger, Format: "int64"}}
		if example, text := textParams[param.Name]; text {
			param.Example, param.Schema = example, &huma.Schema{Type: huma.TypeString}
		}
		op.Parameters = append(op.Parameters, param)
	}
	for _, p := range rt.params {
		op.Parameters = append(op.Parameters, p.describe())
	}
	if rt.access != everyone {
		op.Security = []map[string][]string{{bearerScheme: {}}}
	}
	if rt.list != nil {
		op.Parameters = append(op.Parameters, a.listParams(rt.list)...)
	}
	if rt.body != nil {
		op.RequestBody = &huma.RequestBody{
			Required: true,
			Content:  map[string]*huma.MediaType{"application/json": {Schema: rt.body.ref, Example: exampleBody(rt.body.schema)}},
		}
	}
	return op
}

// aboutPathParam says what an id in a path is of.
func aboutPathParam(name, path string) string {
	switch {
	case name == "repo_id":
		return "Id of the repository's name over all servers: the field `repo_id` of its object."
	case name == "name":
		return "Name of the queue."
	case name == "profile":
		return "Name of the profile."
	case name != "id":
		return "Id of the " + strings.TrimSuffix(strings.ReplaceAll(name, "_", " "), " id") + "."
	case strings.HasPrefix(path, "/v1/tasks/"):
		return "Id of the task."
	case strings.HasPrefix(path, "/v1/schedules/"):
		return "Id of the schedule."
	}
	return "Id of the server."
}

// responses describes a route's answers.
func (a *api) responses(rt route) map[string]*huma.Response {
	status := rt.status
	if status == 0 {
		status = http.StatusOK
	}
	answer := a.schemaOf(rt.example)
	all := map[string]*huma.Response{
		strconv.Itoa(status): {
			Description: http.StatusText(status),
			Content:     map[string]*huma.MediaType{"application/json": {Schema: answer, Example: rt.example}},
		},
	}
	if rt.stream {
		all[strconv.Itoa(status)].Content = map[string]*huma.MediaType{eventStream: {Schema: answer, Example: rt.example}}
	}
	if rt.binary {
		all[strconv.Itoa(status)].Content = map[string]*huma.MediaType{
			"application/octet-stream": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}, Example: "(bytes)"},
			"text/plain":               {Schema: &huma.Schema{Type: huma.TypeString}, Example: "(text)"},
		}
	}
	errors := []int{http.StatusUnprocessableEntity, http.StatusInternalServerError, http.StatusServiceUnavailable}
	errors = append(errors, rt.errors...)
	if rt.access != everyone {
		errors = append(errors, http.StatusUnauthorized, http.StatusForbidden)
	}
	if rt.body != nil {
		errors = append(errors, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	}
	slices.Sort(errors)
	for _, status := range slices.Compact(errors) {
		all[strconv.Itoa(status)] = a.errorResponse(status)
	}
	if rt.list != nil { // written by the server below the API, before it knows a route
		all[strconv.Itoa(http.StatusRequestURITooLong)] = a.errorResponse(http.StatusRequestURITooLong)
		all[strconv.Itoa(http.StatusRequestHeaderFieldsTooLarge)] = &huma.Response{
			Description: "The address is too long, such as with very many values.",
			Content:     map[string]*huma.MediaType{"text/plain": {Schema: &huma.Schema{Type: huma.TypeString}, Example: "431 Request Header Fields Too Large"}},
		}
	}
	if _, ok := rt.example.(statuser); ok { // its 503 has the body of its 200
		all[strconv.Itoa(http.StatusServiceUnavailable)].Content["application/json"] = &huma.MediaType{Schema: answer, Example: Readiness{
			Status: "unavailable", Checks: []Check{{Name: "database", Problem: "cannot be reached"}},
		}}
	}
	return all
}

// schemaOf describes the type of a value.
func (a *api) schemaOf(value any) *huma.Schema {
	typ := reflect.TypeOf(value)
	return a.document.Components.Schemas.Schema(typ, true, typ.Name())
}

// problemExamples are what error answers say.
var problemExamples = map[int]Problem{
	http.StatusBadRequest:            {Detail: "task cannot be moved to canceled when it is in completed"},
	http.StatusUnauthorized:          {Detail: "this needs a login", Hint: "POST /v1/auth/login gives a token; send it as `Authorization: Bearer TOKEN`"},
	http.StatusForbidden:             {Detail: "this needs the role admin, and bob is reader"},
	http.StatusTooManyRequests:       {Detail: "too many failed logins: wait 30s"},
	http.StatusNotFound:              {Detail: "there is no server 7"},
	http.StatusConflict:              {Detail: "the task was canceled"},
	http.StatusRequestURITooLong:     {Detail: "the address is longer than 48 KiB", Hint: "ask for less at once"},
	http.StatusRequestEntityTooLarge: {Detail: "the body is larger than 1 MiB"},
	http.StatusUnsupportedMediaType:  {Detail: "the body must be application/json, not text/plain"},
	http.StatusUnprocessableEntity: {
		Detail: `query.page must be an integer, not "x"`,
		Errors: []FieldProblem{{"query.page", `must be an integer, not "x"`}},
	},
	http.StatusInternalServerError: {Detail: "internal error"},
	http.StatusServiceUnavailable:  {Detail: "the database cannot be reached"},
	http.StatusBadGateway:          {Detail: "Pulp server pulp1.example.com: read repository: connection refused"},
}

// errorResponse describes an error answer.
func (a *api) errorResponse(status int) *huma.Response {
	example := problemExamples[status]
	example.RequestID = "K5D7QZ3J2X6W4PTB"
	return &huma.Response{
		Description: http.StatusText(status),
		Content:     map[string]*huma.MediaType{"application/json": {Schema: a.schemaOf(Problem{}), Example: example}},
	}
}

// listParams describes the query parameters of a list.
func (a *api) listParams(l *listing) []*huma.Param {
	integer := func(least, most, standard int) *huma.Schema {
		low, high := float64(least), float64(most)
		return &huma.Schema{Type: huma.TypeInteger, Minimum: &low, Maximum: &high, Default: standard}
	}
	size, largest := l.sizes(a.PageSize, a.MaxPageSize)
	params := []*huma.Param{
		{Name: "page", In: "query", Description: "Page to show, from 1.", Schema: integer(1, maxPage, 1)},
		{Name: "page_size", In: "query", Description: "Rows a page; 0 asks for the total only.", Schema: integer(0, largest, size)},
		{Name: "sort_by", In: "query", Description: "Field to sort by; without it, by id.", Schema: choiceSchema(l.names())},
		{Name: "order_by", In: "query", Description: "Direction.", Schema: choiceSchema([]string{"asc", "desc"})},
	}
	for _, f := range l.fields {
		if f.sortOnly {
			continue
		}
		for _, op := range suffixes[f.kind] {
			params = append(params, &huma.Param{
				Name: paramName(f.name, op), In: "query", Description: fmt.Sprintf("Keeps rows: %s %s.", f.doc, comparisons[op]),
				Schema: f.schema(op), Explode: explode(op),
			})
		}
	}
	return params
}

// comparisons says what each suffix means.
var comparisons = map[fleet.Op]string{
	fleet.Equal:   "is this",
	fleet.Like:    "is like this, with % for any text and _ for any character",
	fleet.Match:   "is found by this regular expression, in any case",
	fleet.In:      "is one of these, separated by commas",
	fleet.Less:    "is less than this",
	fleet.AtMost:  "is this or less",
	fleet.Greater: "is more than this",
	fleet.AtLeast: "is this or more",
}

// schema describes the values that a comparison takes.
func (f listField) schema(op fleet.Op) *huma.Schema {
	switch op {
	case fleet.Like:
		return &huma.Schema{Type: huma.TypeString}
	case fleet.Match:
		s := &huma.Schema{Type: huma.TypeString}
		documentPattern(s)
		return s
	case fleet.In:
		least := 1
		if f.kind == textValue {
			least = 0
		}
		return listSchema(f.schema(fleet.Equal), least)
	}
	switch f.kind {
	case choiceValue:
		return choiceSchema(f.values)
	case numberValue:
		return &huma.Schema{Type: huma.TypeInteger, Format: "int64"}
	case boolValue:
		return &huma.Schema{Type: huma.TypeBoolean}
	case momentValue:
		return &huma.Schema{Type: huma.TypeString, Pattern: momentPattern, Examples: []any{"2026-11-23T09:14:46"}}
	}
	return &huma.Schema{Type: huma.TypeString}
}

// explode is false where a parameter holds several values, separated by commas; else it is not said.
func explode(op fleet.Op) *bool {
	if op == fleet.In {
		return new(bool)
	}
	return nil
}

func choiceSchema(values []string) *huma.Schema {
	s := &huma.Schema{Type: huma.TypeString}
	for _, v := range values {
		s.Enum = append(s.Enum, v)
	}
	return s
}

// exampleBody makes a body from the examples of its fields: the required ones, and
// those that have one.
func exampleBody(s *huma.Schema) map[string]any {
	example := map[string]any{}
	for name, field := range s.Properties {
		switch {
		case len(field.Examples) > 0:
			example[name] = field.Examples[0]
		case field.Default != nil:
			example[name] = field.Default
		case slices.Contains(s.Required, name):
			example[name] = map[string]any{huma.TypeInteger: 1, huma.TypeBoolean: true, huma.TypeString: "text"}[field.Type]
		}
	}
	return example
}
