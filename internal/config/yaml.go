// SPDX-License-Identifier: Apache-2.0

package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// parseYAML reads the one document of a YAML file. It gives nil, and reports why, where it cannot.
func parseYAML(text []byte, r *report) *yaml.Node {
	loader, err := yaml.NewLoader(bytes.NewReader(text))
	if err != nil {
		r.errorf(0, "", "the file cannot be read: %v", err)
		return nil
	}
	var doc yaml.Node
	switch err := loader.Load(&doc); {
	case errors.Is(err, io.EOF) || err == nil && len(doc.Content) == 0:
		r.errorf(0, "write at least the keys pulp_servers, credentials and repo_groups", "the file is empty")
		return nil
	case err != nil:
		reportYAML(err, r)
		return nil
	}
	var second yaml.Node
	if err := loader.Load(&second); err == nil {
		r.errorf(second.Line, "remove the line ---", "the file has a second document")
		return nil
	} else if !errors.Is(err, io.EOF) {
		reportYAML(err, r)
		return nil
	}
	return doc.Content[0]
}

func reportYAML(err error, r *report) {
	line, msg := 0, strings.TrimPrefix(err.Error(), "yaml: ")
	if load := (*yaml.LoadError)(nil); errors.As(err, &load) {
		line, msg = load.Mark.Line, load.Message
	}
	r.errorf(line, "look at the indentation, colons and quotes there", "not YAML: %s", msg)
}

// entry is a key of a YAML map and its value.
type entry struct {
	key   string
	line  int
	value *yaml.Node
}

// maxEntries bounds what aliases and merges can blow a small file up to.
const maxEntries = 100000

// yamlReader walks a YAML document and reports what is wrong with it.
type yamlReader struct {
	*report
	entries int
}

// entries gives a map's entries in order, aliases and merged maps (<<) resolved. What is not a
// map, and keys that are there twice, are reported.
func (y *yamlReader) mapping(n *yaml.Node, where string) []entry {
	n = resolve(n)
	if n == nil || n.Kind != yaml.MappingNode {
		y.errorf(lineOf(n), `write "key: value" lines below it, or {} for none`, "%s must be a map, not %s", where, kindOf(n))
		return nil
	}
	return y.collect(n, where, 0)
}

func (y *yamlReader) collect(n *yaml.Node, where string, depth int) []entry {
	var own, merged []entry
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if y.entries++; y.entries > maxEntries || depth > 20 {
			if y.entries == maxEntries+1 || depth == 21 {
				y.errorf(k.Line, "write it out without so many aliases", "%s is too large", where)
			}
			return own
		}
		if k.Kind == yaml.ScalarNode && k.Tag == "!!merge" {
			for _, from := range sequence(resolve(v)) {
				if from = resolve(from); from == nil || from.Kind != yaml.MappingNode {
					y.errorf(v.Line, "", "%s: << must name a map", where)
					continue
				}
				merged = append(merged, y.collect(from, where, depth+1)...)
			}
			continue
		}
		if k = resolve(k); k == nil || k.Kind != yaml.ScalarNode || k.Tag == "!!null" {
			y.errorf(lineOf(n.Content[i]), "", "%s has a key that is not text", where)
			continue
		}
		if j := indexOf(own, k.Value); j >= 0 {
			y.errorf(n.Content[i].Line, fmt.Sprintf("keep one; the first is in line %d", own[j].line), "%s: %s is there twice", where, k.Value)
			continue
		}
		own = append(own, entry{key: k.Value, line: n.Content[i].Line, value: v})
	}
	for _, e := range merged {
		if indexOf(own, e.key) < 0 {
			own = append(own, e)
		}
	}
	return own
}

func indexOf(entries []entry, key string) int {
	return slices.IndexFunc(entries, func(e entry) bool { return e.key == key })
}

func sequence(n *yaml.Node) []*yaml.Node {
	if n != nil && n.Kind == yaml.SequenceNode {
		return n.Content
	}
	return []*yaml.Node{n}
}

// resolve follows aliases; nil where they lead round in a circle.
func resolve(n *yaml.Node) *yaml.Node {
	for i := 0; n != nil && n.Kind == yaml.AliasNode; i++ {
		if i > 20 {
			return nil
		}
		n = n.Alias
	}
	return n
}

func lineOf(n *yaml.Node) int {
	if n == nil {
		return 0
	}
	return n.Line
}

// kindOf says in words what a value is.
func kindOf(n *yaml.Node) string {
	switch {
	case n == nil:
		return "nothing"
	case n.Kind == yaml.MappingNode:
		return "a map"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	}
	switch n.Tag {
	case "!!null":
		return "empty"
	case "!!int", "!!float":
		return "the number " + n.Value
	case "!!bool":
		return n.Value
	}
	return "text"
}

// object is a map whose keys are known.
type object struct {
	reader *yamlReader
	where  string
	line   int
	values map[string]string
	lines  map[string]int
	nodes  map[string]*yaml.Node
}

// object reads a map at a level of the schema: unknown and missing keys, wrong types and bad
// values are reported. Values that are wrong are as if they were not there.
func (y *yamlReader) object(n *yaml.Node, line int, level, where string) object {
	o := object{reader: y, where: where, line: line, values: map[string]string{}, lines: map[string]int{}, nodes: map[string]*yaml.Node{}}
	keys := keysOf(level)
	for _, e := range y.mapping(n, where) {
		k, ok := findKey(keys, e.key)
		if !ok {
			y.errorf(e.line, didYouMean(e.key, namesOf(keys)), "%s: %s is not known", where, e.key)
			continue
		}
		if first, twice := o.lines[k.key]; twice {
			y.errorf(e.line, fmt.Sprintf("keep one; the first is in line %d", first), "%s: %s is there under two names", where, k.key)
			continue
		}
		o.lines[k.key] = e.line
		if e.key == k.misspelt {
			y.warnf(e.line, "write "+k.key, "%s: %s is read as %s", where, e.key, k.key)
		}
		o.take(k, e)
	}
	for _, k := range keys {
		if _, given := o.lines[k.key]; k.required && !given {
			y.errorf(line, "", "%s: %s is missing", where, k.key)
		}
	}
	return o
}

func (o object) take(k yamlKey, e entry) {
	where := o.where + ": " + k.key
	n := resolve(e.value)
	if k.check == nil {
		o.nodes[k.key] = e.value
		return
	}
	if n == nil || n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		o.reader.errorf(e.line, "", "%s must be %s, not %s", where, k.kind, kindOf(n))
		return
	}
	if k.tag != n.Tag && (k.tag2 == "" || k.tag2 != n.Tag) {
		hint := "put it in quotes"
		if k.tag == "!!int" {
			hint = "write it without quotes"
		}
		given := kindOf(n)
		if k.hidden {
			given = "what is there"
		}
		o.reader.errorf(e.line, hint, "%s must be %s, not %s", where, k.kind, given)
		return
	}
	if err := k.check(n.Value); err != nil {
		o.reader.value(e.line, where, err)
		return
	}
	o.values[k.key] = n.Value
}

// has tells whether a key is there, right or wrong.
func (o object) has(key string) bool { _, ok := o.lines[key]; return ok }

// whole gives a whole number that has been checked; 0 where there is none.
func (o object) whole(key string) int {
	n, _ := strconv.Atoi(o.values[key])
	return n
}
