// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
)

// Secret is a text that no log, error, answer or database row ever shows.
// Reveal is the only way to its value.
//
// The text is behind a pointer: where a Secret is a field that is not exported, package
// fmt cannot call its methods and prints what it holds. So == does not compare texts.
type Secret struct{ value *string }

// NewSecret wraps a secret text. An empty one gives the zero Secret.
func NewSecret(value string) Secret {
	if value == "" {
		return Secret{}
	}
	return Secret{&value}
}

// Reveal gives the text itself, for the request that needs it.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// Empty tells whether there is no text.
func (s Secret) Empty() bool { return s.value == nil }

const hidden = "[secret]"

// Format hides the text whatever the verb: those for numbers would show it.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// String, GoString, MarshalText, MarshalJSON and LogValue keep the text from being printed.
func (Secret) String() string { return hidden }

// GoString hides the text from %#v.
func (Secret) GoString() string { return hidden }

// MarshalText hides the text from text encoders.
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// MarshalJSON hides the text from JSON.
func (Secret) MarshalJSON() ([]byte, error) { return json.Marshal(hidden) }

// LogValue hides the text from structured logs.
func (Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// SecretRef names where a secret is kept; the reference itself is no secret.
//
//	env:NAME                   an environment variable
//	file:/path                 the first line of a file; all of it where that begins "-----BEGIN "
//	vault:MOUNT/PATH#FIELD     a field of a secret in Vault or OpenBao
type SecretRef string

// SecretSource says which property of a remote a secret fills, and where it is kept: in Vault by mount,
// path and field (`vault_load_secrets` of a definition, legacy section 1.9.2), or by a reference.
type SecretSource struct {
	Property string    // remote's field: client_key, password …
	Ref      SecretRef // empty: Mount, Path and Field say
	Mount    string    // KV mount
	Path     string
	Field    string
}
