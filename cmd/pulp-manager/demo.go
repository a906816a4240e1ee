// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/pulp/pulp-manager/client"
	"github.com/pulp/pulp-manager/internal/fault"
)

// demoDrain is how long the demo's daemon hands back work when it is stopped.
const demoDrain = 10 * time.Second

// demoOptions are what the demo's flags say.
type demoOptions struct {
	options   // of the daemon that the demo runs
	primary   string
	secondary string
	simulated bool
	once      bool
	every     time.Duration
}

// demoCommand shows the whole way of a package: from definitions to what a client of the
// secondary reads.
func demoCommand() *cobra.Command {
	o := &demoOptions{options: options{logFormat: "text", drain: demoDrain}}
	c := &cobra.Command{
		Use: "demo", Short: "Show a sync from definitions to what clients of a secondary read", Args: cobra.NoArgs,
		Long: "Runs the daemon; by its API registers the definitions on the primary, syncs the primary, and syncs the secondary from it. " +
			"Then it reads both as clients do and tells how they compare, again whenever that changes, until it is stopped.\n\n" +
			"`make demo` installs and starts real Pulp servers for it; --simulated makes its own in memory.",
		RunE: func(c *cobra.Command, _ []string) error {
			if o.simulated && !c.Flags().Changed("listen") {
				o.listen = "127.0.0.1:0" // it must run anywhere
			}
			return o.run(c.Context(), c.OutOrStdout())
		},
	}
	o.configFlags(c)
	f := c.Flags()
	f.StringVar(&o.primary, "primary", "", "name of the server that the definitions are registered on")
	f.StringVar(&o.secondary, "secondary", "", "name of the server that mirrors it")
	f.StringVar(&o.listen, "listen", "127.0.0.1:8080", "address of the REST API (with --simulated: a free port)")
	f.StringVar(&o.metricsListen, "metrics-listen", "", "address of the Prometheus metrics; empty: none")
	f.StringVar(&o.logLevel, "log-level", "warn", "debug, info, warn or error")
	f.BoolVar(&o.simulated, "simulated", false, "use two Pulp servers and an upstream in memory, with a configuration of their own")
	f.BoolVar(&o.once, "once", false, "print the table and end: exit code 0 if every repository is the same on both and green")
	f.DurationVar(&o.every, "every", 3*time.Second, "how often it is read again what clients see")
	return c
}

// run runs the demo until it is over, ctx ends or the terminal is closed.
func (o demoOptions) run(ctx context.Context, out io.Writer) error {
	if err := o.check(); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGHUP)
	defer stop()
	if o.simulated {
		s, err := simulate()
		if err != nil {
			return err
		}
		defer s.close()
		s.configure(&o)
	}
	login, err := o.prepareLogin()
	if err != nil {
		return err
	}
	d, err := openDaemon(ctx, o.options, roles{api: true, worker: true, scheduler: true})
	if err != nil {
		return err
	}
	return (&demo{options: o, login: login, daemon: d, out: out, live: isTerminal(out)}).run(ctx)
}

// check refuses flags that do not go together.
func (o demoOptions) check() error {
	given := map[string]string{
		"--config": o.sources.ConfigPath, "--sync-config": o.sources.SyncPath, "--data-dir": o.sources.DataDir,
		"--primary": o.primary, "--secondary": o.secondary,
	}
	if o.sources.DatabaseURL != "" {
		given["--data-dir"] = o.sources.DatabaseURL
	}
	var missing, extra []string
	for _, flag := range []string{"--config", "--sync-config", "--data-dir", "--primary", "--secondary"} {
		if given[flag] == "" {
			missing = append(missing, flag)
		} else {
			extra = append(extra, flag)
		}
	}
	switch {
	case o.simulated && len(extra) > 0:
		return fault.New(fault.Invalid, "--simulated makes its own servers and configuration: it does not go with %s", strings.Join(extra, ", "))
	case !o.simulated && len(missing) > 0:
		return fault.New(fault.Invalid, "the demo needs %s: it does not touch servers that nobody named for it", strings.Join(missing, ", ")).
			WithHint("`make demo` in the source tree starts two real Pulp servers and calls this with all of them; `pulp-manager demo --simulated` needs nothing")
	case !o.simulated && o.primary == o.secondary:
		return fault.New(fault.Invalid, "--primary and --secondary are the same server")
	case o.every <= 0:
		return fault.New(fault.Invalid, "--every must be more than 0, not %s", o.every)
	}
	return nil
}

// demo is one run of the demo.
type demo struct {
	options demoOptions
	login   demoLogin
	daemon  *daemon
	out     io.Writer
	live    bool // a person looks at the output

	address   string // of the API
	api       *client.Client
	primary   demoServer
	secondary demoServer
	wanted    []demoRepository
}

// run runs the daemon and shows what it does. It returns when the daemon has stopped.
func (m *demo) run(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	ready, served := make(chan string, 1), make(chan error, 1)
	m.daemon.onReady = func(address string) { ready <- address }
	go func() {
		err := m.daemon.serve(ctx, roles{api: true, worker: true, scheduler: true})
		stop(err)
		served <- err
	}()
	err := context.Canceled
	select {
	case m.address = <-ready:
		err = m.show(ctx)
	case <-ctx.Done():
	}
	stop(nil)
	if m.live {
		m.printf("stopping\n")
	}
	if why := <-served; why != nil {
		return why // and everything else followed from it
	}
	if errors.Is(err, context.Canceled) {
		return fault.Wrap(fault.Internal, err, "the demo was stopped before its end")
	}
	return clientFault(err)
}

// show goes through the demo's steps, then tells what clients read.
func (m *demo) show(ctx context.Context) (err error) {
	if m.api, err = m.login.client(ctx, "http://"+m.address, client.WithPolling(50*time.Millisecond, 250*time.Millisecond, 10*time.Second)); err != nil {
		return err
	}
	defer m.api.Close()
	if err := m.look(ctx); err != nil {
		return err
	}
	if err := m.steps(ctx); err != nil {
		return err
	}
	return m.watch(ctx)
}

func (m *demo) printf(format string, args ...any) { _, _ = fmt.Fprintf(m.out, format, args...) }
