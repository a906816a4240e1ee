// SPDX-License-Identifier: Apache-2.0

package definition

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// Read reads a folder of definitions. Both lists are in the order of the files' paths,
// whatever the file system's is. Definitions that give the same name, or the same
// base path, are problems, all of them: none is used.
func Read(ctx context.Context, dir string, rules Rules) ([]fleet.Definition, []fleet.DefinitionProblem, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, nil, fault.Wrap(fault.Invalid, err, "folder %s with repository definitions cannot be read: %v", dir, reason(err)).
			WithHint("correct local_repo_config_dir or git_repo_config_dir, or let the user that pulp-manager runs as read it")
	}
	defer root.Close()
	r := reader{root: root, rules: rules, globals: map[string]global{}}
	err = fs.WalkDir(root.FS(), ".", func(path string, entry fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return r.visit(path, entry, err)
	})
	if err != nil {
		return nil, nil, err
	}
	r.refuseDuplicates("the name", func(f file) string { return f.Name })
	r.refuseDuplicates("the base path", func(f file) string { return f.basePath })
	var found []fleet.Definition
	for _, f := range r.found {
		found = append(found, f.Definition)
	}
	slices.SortFunc(r.problems, func(a, b fleet.DefinitionProblem) int { return cmp.Compare(a.Source, b.Source) })
	return found, r.problems, nil
}

// reader reads one folder once.
type reader struct {
	root     *os.Root
	rules    Rules
	globals  map[string]global // by folder
	found    []file
	problems []fleet.DefinitionProblem
}

// file is a definition that can be used so far.
type file struct {
	fleet.Definition
	basePath string
}

const (
	globalName = "global.json"
	suffix     = ".json"
)

// visit looks at one file or folder. It gives an error only where nothing can be read.
func (r *reader) visit(path string, entry fs.DirEntry, err error) error {
	switch {
	case path == "." && err != nil:
		return fault.Wrap(fault.Invalid, err, "folder %s with repository definitions cannot be read: %v", r.root.Name(), reason(err)).
			WithHint("it must be a folder that the user that pulp-manager runs as may read")
	case path != "." && strings.HasPrefix(entry.Name(), "."):
		if entry.IsDir() {
			return fs.SkipDir
		}
	case err != nil:
		r.problem(path, fault.Wrap(fault.Invalid, err, "it cannot be read: %v", reason(err)).WithHint("let the user that pulp-manager runs as read it"))
	// The original left out every name with "global.json" in it.
	case !entry.IsDir() && strings.HasSuffix(path, suffix) && !strings.Contains(entry.Name(), globalName):
		r.read(path)
	}
	return nil
}

func (r *reader) read(path string) {
	text, ok, err := r.text(path)
	if err == nil && ok {
		var f file
		if f, err = r.define(path, text); err == nil {
			r.found = append(r.found, f)
		}
	}
	if err != nil {
		r.problem(path, err)
	}
}

func (r *reader) problem(path string, err error) {
	r.problems = append(r.problems, fleet.DefinitionProblem{Source: path, Err: err})
}

// refuseDuplicates takes out definitions that agree in something that must be their own.
func (r *reader) refuseDuplicates(what string, of func(file) string) {
	sources := map[string][]string{}
	for _, f := range r.found {
		sources[of(f)] = append(sources[of(f)], f.Source)
	}
	r.found = slices.DeleteFunc(r.found, func(f file) bool {
		same := sources[of(f)]
		if len(same) < 2 {
			return false
		}
		others := slices.DeleteFunc(slices.Clone(same), func(s string) bool { return s == f.Source })
		r.problem(f.Source, fault.New(fault.Invalid, "%s %s is also in %s", what, of(f), list(others)).WithHint("keep one of them"))
		return true
	})
}

// list names a few things and counts the rest.
func list(all []string) string {
	const most = 3
	if len(all) <= most {
		return strings.Join(all, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(all[:most], ", "), len(all)-most)
}

// reason gives the system's words without the path, which is said already.
func reason(err error) error {
	if e := (*fs.PathError)(nil); errors.As(err, &e) {
		return e.Err
	}
	return err
}
