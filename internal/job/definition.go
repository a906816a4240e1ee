// SPDX-License-Identifier: Apache-2.0

// Package job is how background work is declared, staged, resumed and locked.
//
// A job is a folder below this one. It says what it is with a Definition, from
// which the route, the CLI verb and the documentation are derived, and does its work
// in straight-line code of stages (stage.go) and recorded requests to Pulp
// (pulp_task.go).
package job

import (
	"context"
	"reflect"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// Definition declares a kind of work.
type Definition struct {
	Kind    fleet.Kind
	Summary string
	Stages  []string // names in the order they begin, for the documentation
	Ask     *Ask     // nil: nobody asks for it by itself
	Run     func(ctx context.Context, r *Run) error

	Alone bool     // as a part of another task's it can also be run without that
	Keeps []string // stages whose results a retry of the task takes over; it runs the others
}

// Ask says how the job is asked for: on a server as POST /v1/pulp_servers/{id}/PATH and as
// `pulp-manager VERB SERVER`, on one of its repositories as POST
// /v1/pulp_servers/{id}/repos/{repo_id}/PATH and as `pulp-manager VERB SERVER REPO`.
type Ask struct {
	Path         string
	Verb         string // may be two words, such as "content remove"
	Summary      string
	OnRepository bool
	// Argument is the JSON name of the text that the verb takes as its last argument, not as a flag;
	// empty: none.
	Argument string
	// Body is the struct of the request's JSON body, with huma's tags (json, doc,
	// example, required, minimum …), and needed:"true" at a text that NewTask refuses to be
	// without, in words of its own. Flags of the CLI verb have the fields' names.
	Body reflect.Type
	// NewTask makes the task from a decoded body (a value of type Body); the repository is given
	// where it is asked for on one. Errors are Invalid.
	NewTask func(server fleet.Server, repository fleet.Repository, body any) (fleet.NewTask, error)
}

// Route gives the path at which it is asked for.
func (a Ask) Route() string {
	if a.OnRepository {
		return "/v1/pulp_servers/{id}/repos/{repo_id}/" + a.Path
	}
	return "/v1/pulp_servers/{id}/" + a.Path
}

// AskFor makes an Ask with a typed body.
func AskFor[T any](path, verb, summary string, newTask func(fleet.Server, T) (fleet.NewTask, error)) *Ask {
	return ask(path, verb, summary, func(server fleet.Server, _ fleet.Repository, body T) (fleet.NewTask, error) {
		return newTask(server, body)
	})
}

// AskForRepository makes an Ask on a repository with a typed body. Argument is as in Ask.
func AskForRepository[T any](path, verb, argument, summary string, newTask func(fleet.Server, fleet.Repository, T) (fleet.NewTask, error)) *Ask {
	a := ask(path, verb, summary, newTask)
	a.OnRepository, a.Argument = true, argument
	return a
}

func ask[T any](path, verb, summary string, newTask func(fleet.Server, fleet.Repository, T) (fleet.NewTask, error)) *Ask {
	return &Ask{
		Path: path, Verb: verb, Summary: summary, Body: reflect.TypeFor[T](),
		NewTask: func(server fleet.Server, repository fleet.Repository, body any) (fleet.NewTask, error) {
			typed, ok := body.(T)
			if !ok {
				return fleet.NewTask{}, fault.New(fault.Internal, "body of %s is a %T", path, body)
			}
			return newTask(server, repository, typed)
		},
	}
}

// Text gives a text that a body or arguments may leave out; empty where they do.
func Text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
