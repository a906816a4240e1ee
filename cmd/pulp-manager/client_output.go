// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"regexp"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v4"

	"github.com/pulp/pulp-manager/internal/fault"
)

// The formats of what a verb prints.
const (
	asTable = "table"
	asJSON  = "json"
	asYAML  = "yaml"
)

var formats = []string{asTable, asJSON, asYAML}

// outputFlags are the flags that say how a verb prints.
type outputFlags struct {
	format string
	json   bool
	quiet  bool
}

func (o *outputFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&o.format, "output", "o", asTable, "table, json or yaml; the last two have the API's fields, and nothing else goes to standard output")
	f.BoolVarP(&o.quiet, "quiet", "q", false, "no progress and no advice; of a queued task only its id")
	f.BoolVar(&o.json, "json", false, "the same as --output json")
	_ = f.MarkHidden("json") // it is there
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp))
}

// check refuses formats that there are not. The error is Invalid.
func (o *outputFlags) check(cmd *cobra.Command) error {
	if o.json {
		if cmd.Flags().Changed("output") && o.format != asJSON {
			return usageFault(cmd, "--json does not go with --output %s", o.format)
		}
		o.format = asJSON
	}
	for _, known := range formats {
		if o.format == known {
			return nil
		}
	}
	return usageFault(cmd, "--output %q is not table, json or yaml", o.format)
}

// machine tells whether a program reads the output: then it is one document, and nothing else.
func (c *clientCommand) machine() bool { return c.format != asTable }

// show prints a value as JSON or YAML.
func (c *clientCommand) show(value any) error {
	if c.format == asYAML {
		return printYAML(c.OutOrStdout(), value)
	}
	return printJSON(c.OutOrStdout(), value)
}

// printJSON prints a value as indented JSON.
func printJSON(out io.Writer, value any) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}

// printYAML prints a value as YAML, with the names and in the order of its JSON.
func printYAML(out io.Writer, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	node, err := yamlOf(decoder)
	if err != nil {
		return err
	}
	encoder := yaml.NewEncoder(out)
	encoder.SetIndent(2)
	return errors.Join(encoder.Encode(node), encoder.Close())
}

// dated are texts that older readers of YAML take for dates.
var dated = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}`)

// yamlOf makes a node of the next JSON value.
func yamlOf(decoder *json.Decoder) (*yaml.Node, error) {
	token, err := decoder.Token()
	if err != nil {
		return nil, err
	}
	scalar := func(tag, text string) (*yaml.Node, error) {
		node := &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: text}
		if tag == "!!str" && dated.MatchString(text) {
			node.Style = yaml.DoubleQuotedStyle
		}
		return node, nil
	}
	switch v := token.(type) {
	case nil:
		return scalar("!!null", "null")
	case bool:
		if v {
			return scalar("!!bool", "true")
		}
		return scalar("!!bool", "false")
	case json.Number:
		if _, err := v.Int64(); err == nil {
			return scalar("!!int", v.String())
		}
		return scalar("!!float", v.String())
	case string:
		return scalar("!!str", v)
	case json.Delim:
		return yamlList(decoder, v)
	}
	return nil, fault.New(fault.Internal, "JSON has a %T", token)
}

// yamlList makes a node of an object or an array that has just begun.
func yamlList(decoder *json.Decoder, begun json.Delim) (*yaml.Node, error) {
	list := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
	if begun == '{' {
		list.Kind, list.Tag = yaml.MappingNode, "!!map"
	}
	for decoder.More() { // keys and values of an object are tokens in turn
		node, err := yamlOf(decoder)
		if err != nil {
			return nil, err
		}
		list.Content = append(list.Content, node)
	}
	if len(list.Content) == 0 {
		list.Style = yaml.FlowStyle
	}
	_, err := decoder.Token()
	return list, err
}
