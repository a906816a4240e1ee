// SPDX-License-Identifier: Apache-2.0

package config

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// Keys are the daemon's own secrets.
type Keys struct {
	JWT  fleet.Secret // signs login tokens
	Seal fleet.Secret // fingerprints and seals secrets of the fleet
}

const (
	keyHint      = "make one with `openssl rand -hex 32` and give all processes the same"
	shortestSeal = 16 // bytes
)

// FindKeys gives the keys: from JWT_SECRET and PULP_MANAGER_SECRET_KEY, else with the
// embedded database from files in its folder, which the first start makes. With
// PostgreSQL several processes share them, so there they must be given. Errors are Invalid.
func FindKeys(d Database, s Sources) (Keys, error) {
	jwt, err := keyFrom(d, s, EnvJWTSecret, "jwt_secret")
	if err != nil {
		return Keys{}, err
	}
	seal, err := keyFrom(d, s, EnvSecretKey, "secret_key")
	if err != nil {
		return Keys{}, err
	}
	if len(seal.Reveal()) < shortestSeal {
		return Keys{}, fault.New(fault.Invalid, "%s is shorter than %d characters", EnvSecretKey, shortestSeal).WithHint(keyHint)
	}
	return Keys{JWT: jwt, Seal: seal}, nil
}

func keyFrom(d Database, s Sources, env, file string) (fleet.Secret, error) {
	if value := s.set(env); value != "" {
		return fleet.NewSecret(value), nil
	}
	if !d.Embedded() {
		return fleet.Secret{}, fault.New(fault.Invalid, "%s is not set, which processes on PostgreSQL share", env).WithHint(keyHint)
	}
	path := filepath.Join(d.DataDir, file)
	key, err := readKey(path)
	if !fault.Is(err, fault.NotFound) {
		return key, err
	}
	if err := makeKey(path); err != nil {
		return fleet.Secret{}, fault.Wrap(fault.Invalid, err, "key file %s cannot be made: %v", path, reason(err)).
			WithHint("let the user that pulp-manager runs as write there, or set %s", env)
	}
	// Another process may have been first: what is in the file counts.
	return readKey(path)
}

func readKey(path string) (fleet.Secret, error) {
	info, err := os.Stat(path)
	if err == nil && info.Mode().Perm()&0o007 != 0 {
		return fleet.Secret{}, fault.New(fault.Invalid, "key file %s is open to every user of this machine (mode %04o)", path, info.Mode().Perm()).
			WithHint("chmod 600 %s; if somebody may have read it, delete it: logins and sealed secrets are then made anew", path)
	}
	key, secretErr := fromFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fleet.Secret{}, fault.Wrap(fault.Invalid, err, "key file %s cannot be read: %v", path, reason(err)).
			WithHint("--data-dir must be a folder that the user that pulp-manager runs as may read and write")
	}
	return key, secretErr
}

// makeKey writes a new key so that the file is there whole or not at all. That it is there
// already is no error.
func makeKey(path string) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*") // mode 0600, never an existing file
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(strings.ToLower(rand.Text()+rand.Text()) + "\n")
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}
