// SPDX-License-Identifier: Apache-2.0

package definition

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/pulp/pulp-manager/internal/fault"
)

// maxFile bounds a definition's file, bytes.
const maxFile = 1 << 20

// text reads a file, which may be a link to another in the folder. It is false where
// the path is a link to a folder.
func (r *reader) text(name string) ([]byte, bool, error) {
	info, err := r.root.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, false, fault.Wrap(fault.Invalid, err, "it is a link to a file that is not there")
	case err != nil:
		return nil, false, fault.Wrap(fault.Invalid, err, "it cannot be opened: %v", reason(err)).
			WithHint("a link must not lead out of the folder of definitions")
	case info.IsDir():
		return nil, false, nil
	case !info.Mode().IsRegular():
		return nil, false, fault.New(fault.Invalid, "it is not a file")
	case info.Size() > maxFile:
		return nil, false, fault.New(fault.Invalid, "it is larger than %d MiB", maxFile>>20).WithHint("a file describes one repository")
	}
	f, err := r.root.Open(name)
	if err != nil {
		return nil, false, fault.Wrap(fault.Invalid, err, "it cannot be opened: %v", reason(err)).WithHint("let the user that pulp-manager runs as read it")
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return nil, false, fault.Wrap(fault.Invalid, err, "it cannot be read: %v", reason(err))
	}
	return text, true, nil
}

// object reads a text that must be one JSON object.
func object(text []byte) (map[string]any, error) {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	switch {
	case len(bytes.TrimSpace(text)) == 0:
		return nil, fault.New(fault.Invalid, "it is empty")
	case !utf8.Valid(text):
		return nil, fault.New(fault.Invalid, "it is not UTF-8 text")
	}
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "it is not JSON%s: %v", lineOf(text, err), err)
	}
	keys, ok := value.(map[string]any)
	if !ok {
		return nil, fault.New(fault.Invalid, "it is not a JSON object").WithHint(`it must look like {"name": …}`)
	}
	return keys, nil
}

func lineOf(text []byte, err error) string {
	e := (*json.SyntaxError)(nil)
	if !errors.As(err, &e) || e.Offset > int64(len(text)) {
		return ""
	}
	return " in line " + itoa(1+bytes.Count(text[:e.Offset], []byte("\n")))
}

// global is what a global.json says.
type global struct {
	values  map[string]any
	options []string // keys that only types know
	prefix  string   // pulp.package_prefix
	err     error
}

// The trees that have a global.json.
const (
	remoteTree   = "remote"
	internalTree = "internal"
)

// tree tells in which tree a file is, by the folders it is in; empty: neither. In both, it is
// remote (D76: only what is below the definitions' folder counts).
func tree(name string) string {
	folders := strings.Split(path.Dir(name), "/")
	for _, tree := range []string{remoteTree, internalTree} {
		if slices.Contains(folders, tree) {
			return tree
		}
	}
	return ""
}

// globalFor gives the values that apply to a file: those of the global.json in the first folder
// of its path that is called like its tree.
func (r *reader) globalFor(name string) global {
	in := tree(name)
	if in == "" {
		return global{}
	}
	folders := strings.Split(path.Dir(name), "/")
	at := path.Join(append(slices.Clone(folders[:1+slices.Index(folders, in)]), globalName)...)
	g, known := r.globals[at]
	if !known {
		g = r.readGlobal(at)
		r.globals[at] = g
	}
	return g
}

// readGlobal reads a global.json; one that is not there says nothing. What is wrong with it
// is reported once for itself, and to each definition that needs it.
func (r *reader) readGlobal(name string) global {
	if _, err := r.root.Lstat(name); errors.Is(err, fs.ErrNotExist) {
		return global{}
	}
	text, _, err := r.text(name)
	var g global
	if err == nil {
		if g.values, err = object(text); err == nil {
			err = r.checkGlobal(&g)
		}
	}
	if err != nil {
		r.problem(name, err)
		return global{err: fault.New(fault.Invalid, "%s, which gives values for it, cannot be used", name).WithHint("correct that file")}
	}
	return g
}

// checkGlobal takes the global's own keys out of its values and refuses what no definition
// could have.
func (r *reader) checkGlobal(g *global) error {
	if pulp, there := g.values["pulp"]; there {
		keys, ok := pulp.(map[string]any)
		if !ok && pulp != nil {
			return wrongType("pulp", "an object", pulp)
		}
		if prefix := keys["package_prefix"]; prefix != nil {
			if g.prefix, ok = prefix.(string); !ok {
				return wrongType("pulp.package_prefix", "text", prefix)
			}
		}
		delete(g.values, "pulp")
	}
	for _, key := range slices.Sorted(maps.Keys(g.values)) {
		switch {
		case key == "name" || key == "url":
			return fault.New(fault.Invalid, "key %q cannot be the same for all repositories", key).WithHint("move it to the definitions")
		case common[key] || ignored[key]:
		case !r.anyTypeTakes(key, g.values[key]):
			return fault.New(fault.Invalid, "key %q is not known, or no repository type takes %v", key, g.values[key])
		default:
			g.options = append(g.options, key)
		}
	}
	return nil
}

func (r *reader) anyTypeTakes(key string, value any) bool {
	for _, t := range r.rules.Types.Known() {
		if _, err := r.rules.Types.Check(t, map[string]any{key: value}); err == nil || value == nil {
			return true
		}
	}
	return false
}
