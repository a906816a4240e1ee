// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
)

// envToken is the variable with a token, which goes before what was stored.
const envToken = "PULP_MANAGER_TOKEN"

// credentials are the logins of this user by the address of the daemon. Only the user can read the file.
type credentials map[string]credential

// credential is one login.
type credential struct {
	Token    string    `json:"token"`
	Username string    `json:"username"`
	Expires  time.Time `json:"expires"`
}

// credentialsFile is where logins are kept.
func credentialsFile() (string, error) {
	dir := os.Getenv("XDG_CONFIG_HOME")
	if !filepath.IsAbs(dir) { // as the specification says
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fault.Wrap(fault.Invalid, err, "there is no folder for logins: %v", err).WithHint("set XDG_CONFIG_HOME, or give a token in %s", envToken)
		}
		dir = filepath.Join(home, ".config")
	}
	return filepath.Join(dir, "pulp-manager", "credentials.json"), nil
}

// readCredentials reads what is stored. Nothing is no error.
func readCredentials() (credentials, error) {
	file, err := credentialsFile()
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return credentials{}, nil
	}
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "logins cannot be read: %v", err)
	}
	stored := credentials{}
	if err := json.Unmarshal(text, &stored); err != nil { // its text is not shown: it may quote a token
		return nil, fault.Wrap(fault.Invalid, err, "%s is damaged", file).WithHint("remove it, and log in again")
	}
	return stored, nil
}

// write stores the logins at once or not at all.
func (c credentials) write() error {
	file, err := credentialsFile()
	if err != nil {
		return err
	}
	if err = c.writeTo(file); err != nil {
		return fault.Wrap(fault.Invalid, err, "logins cannot be stored: %v", err).WithHint("give a token in %s instead", envToken)
	}
	return nil
}

func (c credentials) writeTo(file string) (err error) {
	text, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	temporary, err := os.CreateTemp(filepath.Dir(file), ".credentials-*") // with mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, temporary.Close(), os.Remove(temporary.Name()))
		}
	}()
	if _, err = temporary.Write(append(text, '\n')); err != nil {
		return err
	}
	if err = temporary.Sync(); err != nil {
		return err
	}
	if err = os.Rename(temporary.Name(), file); err != nil {
		return err
	}
	return temporary.Close()
}

// key is an address as logins are kept by it.
func (credentials) key(address string) string { return strings.TrimRight(address, "/") }

// tokenFor gives the token for a daemon: from the environment, else of the last login there; empty: none.
func tokenFor(address string) (string, error) {
	if token := os.Getenv(envToken); token != "" {
		return token, nil
	}
	stored, err := readCredentials()
	return stored[stored.key(address)].Token, err
}
