// SPDX-License-Identifier: Apache-2.0

package config

import (
	"path/filepath"
	"regexp"
	"strings"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

const refHint = "name where the secret is kept: env:NAME, file:/path or vault:MOUNT/PATH#FIELD"

var (
	envRef   = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	vaultRef = regexp.MustCompile(`^[^/#\s]+(/[^/#\s]+)+#[^#\s]+$`)
)

// DefinitionSecret reads a reference that a definition uses; Invalid where definition_secrets does not allow it.
func (p Pulp) DefinitionSecret(text string) (fleet.SecretRef, error) {
	ref, err := ParseRef(text)
	if err != nil {
		return "", err
	}
	for _, allowed := range p.DefinitionSecrets {
		if strings.HasPrefix(text, allowed) && !strings.Contains(text, "..") {
			return ref, nil
		}
	}
	return "", fault.New(fault.Invalid, "is not a reference that definitions may use").
		WithHint("[pulp] definition_secrets in config.ini says which are")
}

// ParseRef reads a reference to a secret. The error is Invalid; it never repeats the text, which
// may be the secret itself.
func ParseRef(text string) (fleet.SecretRef, error) {
	kind, rest, found := strings.Cut(text, ":")
	bad := ""
	switch {
	case !found:
		bad = "is not a reference; a secret itself must not stand here"
	case kind == "env" && !envRef.MatchString(rest):
		bad = "does not name an environment variable after env:"
	case kind == "file" && !filepath.IsAbs(rest):
		bad = "does not name a file by its whole path after file:"
	case kind == "vault" && !vaultRef.MatchString(rest):
		bad = "does not name MOUNT/PATH#FIELD after vault:"
	case kind != "env" && kind != "file" && kind != "vault":
		bad = "is not a reference; a secret itself must not stand here"
	}
	if bad != "" {
		return "", fault.New(fault.Invalid, "%s", bad).WithHint(refHint)
	}
	return fleet.SecretRef(text), nil
}
