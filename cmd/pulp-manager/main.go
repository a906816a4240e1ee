// SPDX-License-Identifier: Apache-2.0

// Command pulp-manager manages a fleet of Pulp 3 servers: it registers, syncs, mirrors and
// publishes their repositories, and tells how each of them is.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/pulp/pulp-manager/internal/fault"
)

// version is stamped by the linker.
var version = "dev"

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "pulp-manager:", shown(err))
		if hint := fault.Hint(err); hint != "" {
			fmt.Fprintln(os.Stderr, "  what to do:", hint)
		}
		os.Exit(exitCode(err))
	}
}

// run runs a command line until it is done or the process is asked to stop.
func run(args []string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	command := rootCommand()
	command.SetArgs(args)
	return command.ExecuteContext(ctx)
}
