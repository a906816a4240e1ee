// SPDX-License-Identifier: Apache-2.0

package content

import (
	"strings"

	"github.com/pulp/pulp-manager/internal/fault"
)

// words reads a list of words: a text with blanks between them. Runs of blanks become one,
// because Pulp keeps them and would differ for ever.
func words(value any) (any, error) {
	text, ok := value.(string)
	if !ok {
		return nil, fault.New(fault.Invalid, "must be a text of words with blanks between them, not %T", value)
	}
	fields := strings.Fields(text)
	if len(fields) == 0 {
		return nil, fault.New(fault.Invalid, "must not be empty")
	}
	seen := map[string]bool{}
	for _, f := range fields {
		if seen[f] {
			return nil, fault.New(fault.Invalid, "names %q twice", f)
		}
		seen[f] = true
	}
	return strings.Join(fields, " "), nil
}

// armored reads a public key as OpenPGP prints it.
func armored(value any) (any, error) {
	key, ok := value.(string)
	if !ok || !strings.Contains(key, "-----BEGIN PGP PUBLIC KEY BLOCK-----") {
		return nil, fault.New(fault.Invalid, "must be a public key that begins with -----BEGIN PGP PUBLIC KEY BLOCK-----")
	}
	return strings.TrimSpace(key), nil
}

// policies are when Pulp downloads a package's file.
var policies = map[string]bool{"immediate": true, "on_demand": true, "streamed": true}

// policy is an option of every type with a remote.
var policy = Option{
	Name: "policy", Doc: "When Pulp downloads packages: immediate, on_demand or streamed. Default immediate.",
	Check: func(value any) (any, error) {
		text, ok := value.(string)
		if !ok || !policies[text] {
			return nil, fault.New(fault.Invalid, "must be immediate, on_demand or streamed, not %v", value)
		}
		return text, nil
	},
}

// setPolicy puts the download policy of options into a remote's fields.
func setPolicy(fields, options map[string]any) map[string]any {
	fields["policy"] = "immediate"
	if p, ok := options["policy"]; ok {
		fields["policy"] = p
	}
	return fields
}

// text gives a field as a text; empty where it is null or absent.
func text(fields map[string]any, name string) string {
	s, _ := fields[name].(string)
	return s
}

// contentFeed is the address of what a distribution serves through Pulp's content app.
func contentFeed(address, basePath string) string { return address + "/pulp/content/" + basePath + "/" }
