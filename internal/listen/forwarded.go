// SPDX-License-Identifier: Apache-2.0

package listen

import "strings"

// forwarded reads a header Forwarded (RFC 7239): elements between commas, each of pairs name=value between
// semicolons; a value may be quoted. One that is not well-formed says nothing.
func forwarded(text string) []hop {
	var hops []hop
	var now hop
	rest := text
	for {
		name, value, after, ok := pairOf(strings.TrimLeft(rest, " \t"))
		if !ok {
			return nil
		}
		switch strings.ToLower(name) {
		case "for":
			now.client = node(value)
		case "proto":
			now.proto = value
		}
		rest = strings.TrimLeft(after, " \t")
		switch {
		case rest == "":
			return append(hops, now)
		case rest[0] == ',':
			hops, now = append(hops, now), hop{}
		case rest[0] != ';':
			return nil
		}
		rest = rest[1:]
	}
}

// pairOf reads name=value or name="value" at the start of a text.
func pairOf(text string) (name, value, rest string, ok bool) {
	name, rest, ok = strings.Cut(text, "=")
	if !ok || name == "" || strings.ContainsAny(name, " \t;,\"") {
		return "", "", "", false
	}
	if !strings.HasPrefix(rest, `"`) {
		end := strings.IndexAny(rest, " \t;,\"")
		if end < 0 {
			end = len(rest)
		}
		return name, rest[:end], rest[end:], end > 0
	}
	var quoted strings.Builder
	for i := 1; i < len(rest); i++ {
		switch {
		case rest[i] == '"':
			return name, quoted.String(), rest[i+1:], true
		case rest[i] == '\\' && i+1 < len(rest):
			i++
			quoted.WriteByte(rest[i])
		default:
			quoted.WriteByte(rest[i])
		}
	}
	return "", "", "", false
}
