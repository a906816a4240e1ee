// SPDX-License-Identifier: Apache-2.0

// Package config reads config.ini, pulp_config.yml and the environment, as the
// original has them plus new optional keys, and says everything that is wrong with
// them at once.
//
// docs/configuration.md is made from the tables in fields.go and yaml_keys.go.
package config

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

//go:generate go test -run TestDocument -update .

// maxFile bounds a configuration file, bytes.
const maxFile = 4 << 20

// Config is a configuration without errors.
type Config struct {
	Settings Settings
	// Fleet is what pulp_config.yml says. It counts only where HasFleet.
	Fleet fleet.Configuration
	// HasFleet tells that pulp_config.yml is there and not to be skipped. Where it is
	// false the servers in the store stay as they are.
	HasFleet bool
	// Hash is over the contents of both files.
	Hash string
	// Problems are warnings only.
	Problems Problems

	ConfigPath, SyncPath string // that were read
	from                 origin
	sync                 syncConfig
	read                 time.Time // when it was read
}

// Load reads the configuration. Files at the default paths may be missing: then
// there are default settings, and no fleet. The error is Problems.Err: Invalid, with
// every problem on a line of its own.
func Load(s Sources) (*Config, error) {
	c, problems := load(s)
	if err := problems.Err(); err != nil {
		return nil, err
	}
	return c, nil
}

// Check gives all problems of the configuration and of the choice of a database, warnings too.
func Check(s Sources) Problems {
	c, problems := load(s)
	s.database(&problems)
	r := &report{file: c.ConfigPath}
	checkPairFiles(c.Settings.HTTP, c.from, r)
	problems = append(problems, r.problems...)
	return problems.sorted()
}

func load(s Sources) (*Config, Problems) {
	c := &Config{}
	var problems Problems
	path, named := s.configPath()
	r := &report{file: path}
	ini, _ := readFile(path, named, "default settings are used", r)
	c.ConfigPath = path
	c.Settings, c.from = readSettings(parseINI(string(ini), r), r)
	problems = append(problems, r.problems...)

	c.Settings.Local = s.local()
	if file := s.set(EnvCAFile); file != "" {
		c.Settings.CA.RootFile = file
		path = EnvCAFile
	}
	r = &report{file: path}
	if _, err := c.Settings.CA.PEM(); err != nil {
		r.fault(c.from[id("ca", "root_ca_file_path")], "[ca] root_ca_file_path", err)
	}
	problems = append(problems, r.problems...)

	path, named = s.syncPath()
	c.SyncPath = path
	r = &report{file: path}
	var yml []byte
	if s.skipSync() {
		r.warnf(0, "unset it to use the file", "%s is set: servers, groups and schedules stay as they are", EnvSkipSync)
	} else if yml, c.HasFleet = readFile(path, named, "servers, groups and schedules stay as they are", r); c.HasFleet {
		c.sync = readSyncConfig(yml, c.Settings, r)
	}
	problems = append(problems, r.problems...).sorted()
	if problems.Fatal() {
		return c, problems
	}
	var err error
	if c.Fleet, err = c.sync.fleet(c.Settings); err != nil {
		r = &report{file: path}
		r.fault(0, "schedules", err)
		return c, append(problems, r.problems...)
	}
	c.read = s.now()
	c.Hash = hash(ini, yml)
	c.Fleet.Hash = c.Hash
	c.Problems = problems
	return c, problems
}

// readFile reads a configuration file. One that is not there is an error where somebody named
// it, else a warning.
func readFile(path string, named bool, otherwise string, r *report) ([]byte, bool) {
	f, err := os.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !named:
		r.warnf(0, "", "the file is not there: %s", otherwise)
		return nil, false
	case errors.Is(err, fs.ErrNotExist):
		r.errorf(0, "correct the path", "the file is not there")
		return nil, false
	case err != nil:
		r.errorf(0, "let the user that pulp-manager runs as read it", "the file cannot be opened: %v", reason(err))
		return nil, false
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	switch {
	case err != nil:
		r.errorf(0, "", "the file cannot be read: %v", reason(err))
		return nil, false
	case len(content) > maxFile:
		r.errorf(0, "", "the file is larger than %d MiB", maxFile>>20)
		return nil, false
	}
	return content, true
}

// reason gives the system's words without the path, which is said already.
func reason(err error) error {
	if e := (*fs.PathError)(nil); errors.As(err, &e) {
		return e.Err
	}
	return err
}

// hash tells two configurations apart. The prefix grows when the same files come to mean something else.
func hash(files ...[]byte) string {
	h := sha256.New()
	fmt.Fprint(h, "1")
	for _, f := range files {
		fmt.Fprintf(h, "\x00%d\x00", len(f))
		h.Write(f)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// PEM reads the root certificates; nil where none are configured. The error is Invalid.
// They are read anew each time, so a new certificate needs no reload.
func (c CA) PEM() ([]byte, error) {
	if c.RootFile == "" {
		return nil, nil
	}
	text, err := os.ReadFile(c.RootFile)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "file %s with root certificates cannot be read: %v", c.RootFile, reason(err)).
			WithHint("correct the path, or let the user that pulp-manager runs as read it")
	}
	if !x509.NewCertPool().AppendCertsFromPEM(text) {
		return nil, fault.New(fault.Invalid, "file %s holds no certificate in PEM form", c.RootFile).
			WithHint("it must have a part that begins with -----BEGIN CERTIFICATE-----")
	}
	return text, nil
}
