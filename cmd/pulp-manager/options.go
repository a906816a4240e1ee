// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
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
	tlsCert       string
	tlsKey        string
	logFormat     string
	logLevel      string
	level         *slog.LevelVar // of the logger
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
	f.StringVar(&o.logFormat, "log-format", "text", "text, json, or original: JSON with the Python version's keys")
	f.StringVar(&o.logLevel, "log-level", "", "debug, info, warn or error (default: [logging] level, which counts at once when it changes)")
	f.StringVar(&o.metricsListen, "metrics-listen", "127.0.0.1:9300", "address of the Prometheus metrics; empty: none")
	f.DurationVar(&o.drain, "drain", 20*time.Second, "how long a stop waits for work to be handed back")
}

// listenFlags adds the flags of a process that serves the API.
func (o *options) listenFlags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&o.listen, "listen", "127.0.0.1:8080", "address of the REST API")
	f.StringVar(&o.tlsCert, "tls-cert", "", "PEM file with the certificate and its chain (default: [http] tls_certificate_file)")
	f.StringVar(&o.tlsKey, "tls-key", "", "PEM file with the certificate's key (default: [http] tls_key_file)")
}

// logger makes the logger that the flags ask for. Without --log-level its level is that of the configuration, which may change.
func (o *options) logger() (*slog.Logger, error) {
	o.level = &slog.LevelVar{}
	var level slog.Level
	if err := level.UnmarshalText([]byte(cmp.Or(o.logLevel, "info"))); err != nil {
		return nil, fault.New(fault.Invalid, "--log-level %q is not debug, info, warn or error", o.logLevel)
	}
	o.level.Set(level)
	handler := o.handler(os.Stderr, o.level)
	if handler == nil {
		return nil, fault.New(fault.Invalid, "--log-format %q is not text, json or original", o.logFormat)
	}
	return slog.New(handler), nil
}
