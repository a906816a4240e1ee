// SPDX-License-Identifier: Apache-2.0

package pulp

import (
	"encoding/json"
	"fmt"
	"html"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxHTMLWords = 300
	maxWords     = 1000
)

// readRefusal turns the body of a refusal into one line, and into messages by
// field when it has any.
func readRefusal(contentType string, body []byte) (string, map[string][]string) {
	text := strings.TrimSpace(string(body))
	if strings.Contains(contentType, "html") || strings.HasPrefix(text, "<") {
		return htmlWords(text), nil
	}
	var value any
	if json.Unmarshal(body, &value) != nil {
		return shorten(oneLine(text), maxHTMLWords), nil
	}
	if object, ok := value.(map[string]any); ok && Fields(object).Href() != "" {
		return "it is already " + Fields(object).text("state"), nil // a final task that was to be canceled
	}
	fields := map[string][]string{}
	flatten(fields, "", value)
	return fieldWords(fields), fields
}

// flatten collects the messages in value under the name of their field.
func flatten(into map[string][]string, name string, value any) {
	switch v := value.(type) {
	case nil:
	case string:
		into[name] = append(into[name], v)
	case map[string]any:
		for key, inner := range v {
			if key == "traceback" {
				continue
			}
			flatten(into, joinField(name, key), inner)
		}
	case []any:
		for i, inner := range v {
			if _, nested := inner.(map[string]any); nested && len(v) > 1 {
				flatten(into, joinField(name, fmt.Sprint(i)), inner)
				continue
			}
			flatten(into, name, inner)
		}
	default:
		into[name] = append(into[name], fmt.Sprint(v))
	}
}

// joinField names a nested field. Keys that Pulp uses for messages about the
// whole request, and a field nested in itself, add nothing.
func joinField(name, key string) string {
	switch {
	case key == "detail" || key == "errors" || key == "non_field_errors" || key == name:
		return name
	case name == "":
		return key
	}
	return name + "." + key
}

func fieldWords(fields map[string][]string) string {
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names)
	var parts []string
	for _, name := range names {
		for _, message := range fields[name] {
			if name != "" {
				message = name + ": " + message
			}
			parts = append(parts, oneLine(message))
		}
	}
	return shorten(strings.Join(parts, "; "), maxWords)
}

// htmlWords gives the title of a page and the beginning of its text.
func htmlWords(page string) string {
	title := oneLine(html.UnescapeString(between(page, "<title", "</title>")))
	body := between(page, "<body", "</body>")
	if body == "" {
		body = page
	}
	text := oneLine(html.UnescapeString(withoutTags(body)))
	if !strings.HasPrefix(text, title) {
		text = strings.TrimSpace(title + " " + text)
	}
	return shorten(text, maxHTMLWords)
}

// between gives what is between an opening tag, whatever its attributes, and its end.
func between(page, open, end string) string {
	lower := strings.ToLower(page)
	start := strings.Index(lower, open)
	if start < 0 || len(lower) != len(page) {
		return ""
	}
	inner := strings.Index(lower[start:], ">")
	if inner < 0 {
		return ""
	}
	start += inner + 1
	if stop := strings.Index(lower[start:], end); stop >= 0 {
		return page[start : start+stop]
	}
	return page[start:]
}

func withoutTags(page string) string {
	for _, tag := range []string{"style", "script", "title"} {
		for range 8 {
			inner := between(page, "<"+tag, "</"+tag+">")
			if inner == "" {
				break
			}
			page = strings.Replace(page, inner, "", 1)
		}
	}
	var out strings.Builder
	inTag := false
	for _, r := range page {
		switch {
		case r == '<':
			inTag = true
			out.WriteByte(' ')
		case r == '>' && inTag:
			inTag = false
		case !inTag:
			out.WriteRune(r)
		}
	}
	return out.String()
}

// oneLine replaces runs of white space and control characters by one blank.
func oneLine(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r)
	}), " ")
}

// shorten cuts text to at most limit bytes, between characters.
func shorten(text string, limit int) string {
	if len(text) <= limit {
		return strings.ToValidUTF8(text, "?")
	}
	cut := limit - len("…")
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return strings.ToValidUTF8(text[:cut], "?") + "…"
}
