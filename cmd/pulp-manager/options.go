// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/pulp/pulp-manager/internal/config"
	"github.com/pulp/pulp-manager/internal/fault"
)

// options are what the daemon's flags say.
type options struct {
	sources       config.Sources
	listen        string
	metricsListen string
	logFormat     string
	logLevel      string
	allowRemovals bool
	drain         time.Duration
	notices       io.Writer // for what a person sees and the log must not hold; nil: standard error
}

// configFlags adds the flags that say where configuration and data are.
func (o *options) configFlags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&o.sources.ConfigPath, "config", "", "config.ini (default $"+config.EnvConfigPath+" or "+config.DefaultConfigPath+")")
	f.StringVar(&o.sources.SyncPath, "sync-config", "", "pulp_config.yml (default $"+config.EnvSyncPath+" or "+config.DefaultSyncPath+")")
	f.StringVar(&o.sources.DataDir, "data-dir", "", "folder of the embedded database (default $XDG_STATE_HOME/pulp-manager)")
	f.StringVar(&o.sources.DatabaseURL, "database-url", "", "PostgreSQL to use instead of the embedded database (default $"+config.EnvDatabaseURL+")")
}

// daemonFlags adds the flags of a process that stays.
func (o *options) daemonFlags(c *cobra.Command) {
	o.configFlags(c)
	f := c.Flags()
	f.StringVar(&o.logFormat, "log-format", "text", "text or json")
	f.StringVar(&o.logLevel, "log-level", "info", "debug, info, warn or error")
	f.StringVar(&o.metricsListen, "metrics-listen", "127.0.0.1:9300", "address of the Prometheus metrics; empty: none")
	f.DurationVar(&o.drain, "drain", 20*time.Second, "how long a stop waits for work to be handed back")
}

// logger makes the logger that the flags ask for.
func (o *options) logger() (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(o.logLevel)); err != nil {
		return nil, fault.New(fault.Invalid, "--log-level %q is not debug, info, warn or error", o.logLevel)
	}
	opts := &slog.HandlerOptions{Level: level}
	switch o.logFormat {
	case "json":
		return slog.New(slog.NewJSONHandler(os.Stderr, opts)), nil
	case "text":
		return slog.New(slog.NewTextHandler(os.Stderr, opts)), nil
	}
	return nil, fault.New(fault.Invalid, "--log-format %q is not text or json", o.logFormat)
}
