// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"encoding/json"
	"log/slog"
)

// Secret is a text that no log, error, answer or database row ever shows.
// Reveal is the only way to its value.
type Secret struct{ value string }

// NewSecret wraps a secret text.
func NewSecret(value string) Secret { return Secret{value} }

// Reveal gives the text itself, for the request that needs it.
func (s Secret) Reveal() string { return s.value }

// Empty tells whether there is no text.
func (s Secret) Empty() bool { return s.value == "" }

const hidden = "[secret]"

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
//	file:/path                 the first line of a file
//	vault:MOUNT/PATH#FIELD     a field of a secret in Vault or OpenBao
type SecretRef string

// SecretSource says which property of a remote a secret fills (`vault_load_secrets`
// of a definition, legacy section 1.9.2).
type SecretSource struct {
	Property string // remote's field: client_key, password …
	Mount    string // KV mount
	Path     string
	Field    string
}
