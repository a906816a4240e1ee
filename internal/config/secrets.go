// SPDX-License-Identifier: Apache-2.0

package config

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// maxSecret bounds a secret's file, bytes.
const maxSecret = 1 << 20

// Secrets finds secrets in the environment, in files, and in Vault through another
// implementation.
type Secrets struct {
	Env   func(name string) (string, bool) // nil: the environment of the process
	Vault fleet.Secrets                    // nil: vault: references are Invalid
}

var _ fleet.Secrets = Secrets{}

// Secret gives the text behind a reference, read anew each time. Invalid is a bad
// reference or an empty secret; NotFound and Forbidden are about what it names; Vault has
// its own errors. None repeats a text that is not known to be a reference.
func (s Secrets) Secret(ctx context.Context, ref fleet.SecretRef) (fleet.Secret, error) {
	if _, err := ParseRef(string(ref)); err != nil {
		return fleet.Secret{}, fault.Wrap(fault.Invalid, err, "a secret %s", fault.Message(err)).WithHint(refHint)
	}
	kind, rest, _ := strings.Cut(string(ref), ":")
	switch kind {
	case "env":
		return s.fromEnv(rest)
	case "file":
		return fromFile(rest)
	}
	if s.Vault == nil {
		return fleet.Secret{}, fault.New(fault.Invalid, "secret %s is in Vault, but no Vault is configured", ref).
			WithHint("set [vault] vault_addr in config.ini")
	}
	return s.Vault.Secret(ctx, ref)
}

func (s Secrets) fromEnv(name string) (fleet.Secret, error) {
	value, _ := Sources{Env: s.Env}.env(name)
	if value == "" {
		return fleet.Secret{}, fault.New(fault.NotFound, "environment variable %s, which holds a secret, is not set", name).
			WithHint("set it where pulp-manager is started")
	}
	return fleet.NewSecret(value), nil
}

// fromFile reads the first line of a file.
func fromFile(path string) (fleet.Secret, error) {
	f, err := os.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fleet.Secret{}, fault.Wrap(fault.NotFound, err, "file %s, which holds a secret, is not there", path).WithHint("create it, or correct the path")
	case errors.Is(err, fs.ErrPermission):
		return fleet.Secret{}, fault.Wrap(fault.Forbidden, err, "file %s, which holds a secret, may not be read", path).
			WithHint("let the user that pulp-manager runs as read it")
	case err != nil:
		return fleet.Secret{}, fault.Wrap(fault.Invalid, err, "file %s, which holds a secret, cannot be opened: %v", path, reason(err))
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxSecret))
	if err != nil {
		return fleet.Secret{}, fault.Wrap(fault.Invalid, err, "file %s, which holds a secret, cannot be read: %v", path, reason(err))
	}
	if strings.HasPrefix(string(text), "-----BEGIN ") {
		return fleet.NewSecret(string(text)), nil
	}
	line, _, _ := strings.Cut(string(text), "\n")
	if line = strings.TrimSuffix(line, "\r"); line == "" {
		return fleet.Secret{}, fault.New(fault.Invalid, "file %s, which holds a secret, has an empty first line", path).WithHint("write the secret in its first line")
	}
	return fleet.NewSecret(line), nil
}
