// SPDX-License-Identifier: Apache-2.0

package ldapfake

import (
	"strings"

	"github.com/go-ldap/ldap/v3"
)

// Entry is one entry of the directory.
type Entry struct {
	DN         string
	Attributes map[string][]string // by name in lower case
}

// Parse reads entries from LDIF of the simplest kind: text values on one line, `#` before comments.
func Parse(ldif string) []Entry {
	var entries []Entry
	for block := range strings.SplitSeq(ldif, "\n\n") {
		e := Entry{Attributes: map[string][]string{}}
		for line := range strings.Lines(block) {
			attribute, value, found := strings.Cut(strings.TrimRight(line, "\n"), ": ")
			switch {
			case !found, strings.HasPrefix(line, "#"):
			case attribute == "dn":
				e.DN = value
			default:
				attribute = strings.ToLower(attribute)
				e.Attributes[attribute] = append(e.Attributes[attribute], value)
			}
		}
		if e.DN != "" {
			entries = append(entries, e)
		}
	}
	return entries
}

// key is equal for equal DNs.
func key(dn string) string {
	parsed, err := ldap.ParseDN(dn)
	if err != nil {
		return "?" + dn
	}
	return strings.ToLower(parsed.String())
}

// fold is equal for texts that a directory takes for equal.
func fold(text string) string { return strings.ToLower(strings.Join(strings.Fields(text), " ")) }

// below tells whether an entry is at or below a base.
func below(base string, dn string) bool {
	b, err := ldap.ParseDN(base)
	d, err2 := ldap.ParseDN(dn)
	return err == nil && err2 == nil && (b.EqualFold(d) || b.AncestorOfFold(d))
}
