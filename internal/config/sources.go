// SPDX-License-Identifier: Apache-2.0

package config

import (
	"os"
	"strings"
	"time"
)

// Paths of the configuration where neither a flag nor the environment names another.
const (
	DefaultConfigPath = "/etc/pulp_manager/config.ini"
	DefaultSyncPath   = "/etc/pulp_manager/pulp_config.yml"
)

// Names of environment variables that are read.
const (
	EnvConfigPath  = "PULP_MANAGER_CONFIG_PATH"
	EnvSyncPath    = "PULP_SYNC_CONFIG_PATH"
	EnvCAFile      = "PULP_MANAGER_CA_FILE"
	EnvSkipSync    = "PULP_MANAGER_SKIP_PARSER_CONFIG"
	EnvLocal       = "Is_local"
	EnvDatabaseURL = "DATABASE_URL"
	EnvJWTSecret   = "JWT_SECRET"
	EnvSecretKey   = "PULP_MANAGER_SECRET_KEY"
)

// Sources says where the configuration is read from. The fields are what flags
// say; they win over the environment, which wins over the default paths. The zero
// value reads the environment of the process and the default paths.
type Sources struct {
	ConfigPath  string // --config
	SyncPath    string // --sync-config
	DatabaseURL string // --database-url
	DataDir     string // --data-dir

	Env func(name string) (string, bool) // nil: the environment of the process
	Now func() time.Time                 // nil: time.Now

	root string // put before default paths, for tests
}

func (s Sources) env(name string) (string, bool) {
	if s.Env == nil {
		return os.LookupEnv(name)
	}
	return s.Env(name)
}

// set gives a variable that is there and not empty.
func (s Sources) set(name string) string {
	value, _ := s.env(name)
	return strings.TrimSpace(value)
}

// Variable gives an environment variable; empty where it is not set.
func (s Sources) Variable(name string) string { return s.set(name) }

func (s Sources) now() time.Time {
	if s.Now == nil {
		return time.Now()
	}
	return s.Now()
}

// configPath gives the path of config.ini, and whether somebody named it: then it must be there.
func (s Sources) configPath() (path string, named bool) {
	return choose(s.ConfigPath, s.set(EnvConfigPath), s.root+DefaultConfigPath)
}

// syncPath gives the path of pulp_config.yml, and whether somebody named it.
func (s Sources) syncPath() (path string, named bool) {
	return choose(s.SyncPath, s.set(EnvSyncPath), s.root+DefaultSyncPath)
}

func choose(flag, env, fallback string) (string, bool) {
	switch {
	case flag != "":
		return flag, true
	case env != "":
		return env, true
	}
	return fallback, false
}

// skipSync tells whether pulp_config.yml is left alone: the variable's presence decides, whatever it says.
func (s Sources) skipSync() bool {
	_, skip := s.env(EnvSkipSync)
	return skip
}

// local tells whether Is_local is true, in any case.
func (s Sources) local() bool { return strings.EqualFold(s.set(EnvLocal), "true") }
