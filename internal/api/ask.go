// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"strings"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job"
)

// askRoutes makes a route for every job that can be asked for.
func (a *api) askRoutes() []route {
	var routes []route
	for _, definition := range a.Jobs {
		if definition.Ask == nil {
			continue
		}
		routes = append(routes, a.askRoute(definition, *definition.Ask))
	}
	return routes
}

// askRoute makes the route of one job.
func (a *api) askRoute(definition job.Definition, ask job.Ask) route {
	b := a.bodyOf(reflect.Zero(ask.Body).Interface())
	task := exampleTask
	task.Kind = string(definition.Kind)
	description := definition.Summary + "\n\nThe answer is the queued task."
	if len(definition.Stages) > 0 {
		description += " Its stages: " + strings.Join(definition.Stages, " → ") + "."
	}
	if ask.OnRepository {
		description = aboutRepositoryID + " " + description
	}
	return route{
		method: http.MethodPost, path: ask.Route(), id: strings.ReplaceAll(ask.Path, "_", "-"), tag: tagServers, access: admins,
		summary: ask.Summary, description: description, body: b, status: http.StatusCreated, example: task,
		errors: []int{http.StatusBadRequest, http.StatusNotFound, http.StatusConflict},
		handle: func(ctx context.Context, r *request) (any, error) {
			server, err := a.server(ctx, r)
			if err != nil {
				return nil, err
			}
			var repository fleet.Repository
			if ask.OnRepository {
				if repository, err = a.present(ctx, r, server); err != nil {
					return nil, err
				}
			}
			if err := a.checkRules(ctx, r.fields); err != nil {
				return nil, err
			}
			task, err := ask.NewTask(server, repository, r.body)
			if err != nil {
				return nil, err
			}
			queued, err := a.Queue.Enqueue(ctx, task)
			if err != nil {
				return nil, err
			}
			return showTask(queued)
		},
	}
}

// rule is a check of a body's field, by its JSON name, whatever the job.
type rule struct {
	field string
	check func(ctx context.Context, a *api, value any) error
}

// rules are the checks that need the store, or another status than 422.
var rules = []rule{
	{"max_concurrent_syncs", checkPositive},
	{"source_pulp_server_name", checkServerName},
	{"regex_include", checkPattern("regex_include")},
	{"regex_exclude", checkPattern("regex_exclude")},
}

// checkRules checks the fields that are given.
func (a *api) checkRules(ctx context.Context, fields map[string]any) error {
	for _, rule := range rules {
		if value, given := fields[rule.field]; given && value != nil {
			if err := rule.check(ctx, a, value); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkPositive refuses numbers below one, with 400 as the original (legacy section 3.4).
func checkPositive(_ context.Context, _ *api, value any) error {
	if n, ok := value.(float64); ok && n <= 0 {
		return &answerError{
			status: http.StatusBadRequest, detail: "max_concurrent_syncs cannot be less than or equal to 0",
			problems: []FieldProblem{{"body.max_concurrent_syncs", fmt.Sprintf("must be 1 or more, not %v", n)}},
		}
	}
	return nil
}

// checkPattern refuses what is no regular expression, naming the field.
func checkPattern(field string) func(context.Context, *api, any) error {
	return func(_ context.Context, _ *api, value any) error {
		text, _ := value.(string)
		if _, err := fleet.CompilePattern(text); err != nil {
			return invalid(FieldProblem{"body." + field, fault.Message(err)})
		}
		return nil
	}
}

// checkServerName refuses a source that is no server of the fleet; the original
// queued a task that failed later.
func checkServerName(ctx context.Context, a *api, value any) error {
	name, _ := value.(string)
	_, err := a.Servers.ServerByName(ctx, fleet.ServerName(name))
	if fault.Is(err, fault.NotFound) {
		return invalid(FieldProblem{"body.source_pulp_server_name", "is no server of the configuration: " + quote(name)})
	}
	return err
}
