// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"log/slog"
	"os"
	"reflect"
	"sync"

	"github.com/pulp/pulp-manager/internal/config"
	"github.com/pulp/pulp-manager/internal/ldap"
)

// caBundle is the environment variable that the Python version took the directory's CA from.
const caBundle = "REQUESTS_CA_BUNDLE"

// ldapConfig makes what package ldap needs of the settings. It reads the files with certificates: `ldap_ca_file`, which alone is
// trusted then, else what REQUESTS_CA_BUNDLE and `[ca] root_ca_file_path` name, beside the system's. Errors are Invalid.
func ldapConfig(settings config.Settings) (ldap.Config, error) {
	s := settings.Auth.LDAP
	cfg := ldap.Config{
		Servers: s.Servers, UseSSL: s.UseSSL, StartTLS: s.StartTLS, Plaintext: s.Plaintext, OnlyCA: s.CAFile != "",
		BaseDN: s.BaseDN, DefaultDomain: s.DefaultDomain, BindName: s.BindName, UserFilter: s.UserFilter,
		NestedGroups: s.NestedGroups, Timeout: s.Timeout,
	}
	files := []string{s.CAFile}
	if s.CAFile == "" {
		files = []string{os.Getenv(caBundle), settings.CA.RootFile}
	}
	var all [][]byte
	for _, file := range files {
		text, err := config.CA{RootFile: file}.PEM()
		if err != nil {
			return ldap.Config{}, err
		}
		if len(text) > 0 {
			all = append(all, text)
		}
	}
	cfg.CA = bytes.Join(all, []byte("\n"))
	return cfg, nil
}

// ldapDirectory holds the directory by the settings in force. It lives as long as they and the CA files do, so that it
// remembers which of its servers answer.
type ldapDirectory struct {
	mu     sync.Mutex
	config ldap.Config // of dir
	dir    *ldap.Directory
}

// get gives the directory; Invalid where the settings are not such that it can be used.
func (d *ldapDirectory) get(settings config.Settings, logger *slog.Logger) (*ldap.Directory, error) {
	cfg, err := ldapConfig(settings)
	if err != nil {
		return nil, err
	}
	cfg.Logger = logger
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.dir != nil && reflect.DeepEqual(d.config, cfg) {
		return d.dir, nil
	}
	dir, err := ldap.New(cfg)
	if err != nil {
		return nil, err
	}
	d.config, d.dir = cfg, dir
	return dir, nil
}
