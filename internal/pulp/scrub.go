// SPDX-License-Identifier: Apache-2.0

package pulp

import (
	"bytes"
	"cmp"
	"encoding/json"
	"html"
	"net/url"
	"slices"
	"strings"
)

// secrets gives the secret values in the body.
func (r request) secrets() []string {
	var out []string
	fields, _ := r.body.(Fields)
	for key, value := range fields {
		text, _ := value.(string)
		if len(text) > 2 && (strings.Contains(key, "password") || strings.Contains(key, "token") ||
			strings.Contains(key, "secret") || strings.Contains(key, "username") || key == "client_key") {
			out = append(out, text)
		}
	}
	return append(out, headerSecrets(fields["headers"])...)
}

// headerSecrets gives the values of a remote's extra headers, which may be logins.
func headerSecrets(headers any) []string {
	raw, err := json.Marshal(headers)
	if err != nil {
		return nil
	}
	var list []struct{ Value string }
	if json.Unmarshal(raw, &list) != nil {
		return nil
	}
	var out []string
	for _, header := range list {
		if len(header.Value) > 2 {
			out = append(out, header.Value)
		}
	}
	return out
}

// shortestLine is how long a line of a secret must be to be one itself, bytes.
const shortestLine = 6

// hidden are all spellings of the secrets of a request, the longest first.
type hidden []string

// hiding gives the spellings in which an answer may repeat secrets: as they are, line by line, and as
// JSON (once and twice), HTML or a URL writes them.
func hiding(secrets []string) hidden {
	var all hidden
	for _, secret := range secrets {
		pieces := []string{secret}
		if lines := strings.Split(secret, "\n"); len(lines) > 1 {
			for _, line := range lines {
				if line = strings.TrimSpace(line); len(line) >= shortestLine {
					pieces = append(pieces, line)
				}
			}
		}
		for _, piece := range pieces {
			once := inJSON(piece)
			all = append(all, piece, once, inJSON(once), html.EscapeString(piece), url.QueryEscape(piece), url.PathEscape(piece))
		}
	}
	slices.SortFunc(all, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	return slices.Compact(all)
}

// inJSON gives a text as it stands in JSON, without the quotes.
func inJSON(text string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(text) != nil {
		return text
	}
	quoted := strings.TrimSuffix(b.String(), "\n")
	return quoted[1 : len(quoted)-1]
}

const scrubbed = "***"

func (h hidden) text(s string) string {
	for _, secret := range h {
		s = strings.ReplaceAll(s, secret, scrubbed)
	}
	return s
}

func (h hidden) bytes(body []byte) []byte {
	for _, secret := range h {
		body = bytes.ReplaceAll(body, []byte(secret), []byte(scrubbed))
	}
	return body
}

// scrub makes sure that no secret we sent comes back in an error.
func (e *Error) scrub(secrets hidden) {
	e.Detail = secrets.text(e.Detail)
	for _, messages := range e.Fields {
		for i := range messages {
			messages[i] = secrets.text(messages[i])
		}
	}
}
