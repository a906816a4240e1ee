// SPDX-License-Identifier: Apache-2.0

// Package definition reads repository definitions: a folder of JSON files, one
// repository each, becomes what is wanted. What is wrong with one file is said with
// its path and stops no other (D74).
//
// Below remote/ and internal/, wherever they are in the folder, a global.json gives
// values for all files of that tree; a file's own value wins (D73). All other
// *.json files are definitions. Files and folders whose name begins with a dot are
// left alone.
package definition

//go:generate go test -run TestDocument -update .

import (
	"context"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// Types knows the repository types (package content).
type Types interface {
	// Check gives a definition's own keys of its type in the form the type expects; Invalid.
	Check(t fleet.RepositoryType, options map[string]any) (map[string]any, error)
	// Feed gives the url of a definition with these checked options in the form its type needs; Invalid.
	Feed(t fleet.RepositoryType, url string, options map[string]any) (string, error)
	Known() []fleet.RepositoryType
}

// Rules are the settings that definitions are read by.
type Rules struct {
	Types Types
	// InternalPrefix and ExternalPrefix are put before candidate names (legacy section 1.9.3).
	InternalPrefix string
	ExternalPrefix string
	// Internal tells whether a feed is within the company: then it has no proxy. nil: none is.
	Internal func(feed string) bool
	// SecretRef checks a reference of a definition's `secrets`; Invalid. nil: none is allowed.
	SecretRef func(text string) (fleet.SecretRef, error)
	// Rename is tried on each name, so that a rule that does not work is said here.
	Rename fleet.Rename
}

// Folder is a folder of definitions on this machine.
type Folder struct {
	Dir   string
	Rules Rules
}

var _ fleet.Definitions = Folder{}

// Definitions reads the folder. The error is Invalid where the folder cannot be read at all.
func (f Folder) Definitions(ctx context.Context) ([]fleet.Definition, []fleet.DefinitionProblem, error) {
	return Read(ctx, f.Dir, f.Rules)
}

// Checkout gets a folder from elsewhere, calls use with its path, and removes it afterwards.
type Checkout func(ctx context.Context, use func(dir string) error) error

// Clone is definitions that are fetched anew each time: from Git.
type Clone struct {
	Checkout Checkout
	Rules    Rules
}

var _ fleet.Definitions = Clone{}

// Definitions fetches and reads. Errors are those of the checkout and of Read.
func (c Clone) Definitions(ctx context.Context) (found []fleet.Definition, problems []fleet.DefinitionProblem, err error) {
	err = c.Checkout(ctx, func(dir string) (err error) {
		found, problems, err = Read(ctx, dir, c.Rules)
		return err
	})
	return found, problems, err
}

// None is the place of definitions where none is configured.
type None struct{}

var _ fleet.Definitions = None{}

// Definitions says what to configure; Invalid.
func (None) Definitions(context.Context) ([]fleet.Definition, []fleet.DefinitionProblem, error) {
	return nil, nil, fault.New(fault.Invalid, "there are no repository definitions: no place for them is configured").
		WithHint("set [pulp] local_repo_config_dir or git_repo_config in config.ini")
}
