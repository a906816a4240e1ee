// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/pulp/pulp-manager/client"
	"github.com/pulp/pulp-manager/internal/fault"
)

// loginCommands are the verbs about who one is.
func loginCommands() []*cobra.Command {
	return []*cobra.Command{loginCommand(), logoutCommand(), whoamiCommand()}
}

// loginCommand asks for a token and keeps it. The token itself is never shown.
func loginCommand() *cobra.Command {
	var username string
	var fromStdin bool
	cmd := verb("login", "Log in to the daemon", nil, func(ctx context.Context, c *clientCommand, _ []string) error {
		username, password, err := askCredentials(c, username, fromStdin)
		if err != nil {
			return err
		}
		stored, err := readCredentials() // before there is a login that could not be kept
		if err != nil {
			return err
		}
		login, err := c.api.Login(ctx, username, password)
		if err != nil {
			return err
		}
		stored[stored.key(c.url)] = credential{Token: login.Token, Username: username, Expires: login.Expires.Time}
		if err := stored.write(); err != nil {
			return err
		}
		if c.json {
			return printJSON(c.OutOrStdout(), map[string]any{"username": username, "role": login.Role, "expires": login.Expires})
		}
		c.printf("logged in to %s as %s (%s) until %s\n", clean(c.url), clean(username), clean(login.Role), login.Expires.Local().Format("2006-01-02 15:04 MST"))
		if os.Getenv(envToken) != "" {
			c.printf("%s is set and goes before this login\n", envToken)
		}
		return nil
	})
	cmd.Long = "Logs in with a name and a password, which are asked for on a terminal. The token is kept for this address in\n" +
		"$XDG_CONFIG_HOME/pulp-manager/credentials.json, readable by you alone, and sent by all verbs. " + envToken + " goes before it."
	cmd.Flags().StringVar(&username, "username", "", "name to log in with")
	cmd.Flags().BoolVar(&fromStdin, "password-stdin", false, "read the password from standard input, one line")
	return cmd
}

// askCredentials gets a name and a password from the flags, the terminal or standard input.
func askCredentials(c *clientCommand, username string, fromStdin bool) (name, password string, err error) {
	in, isFile := c.InOrStdin().(*os.File)
	person := isFile && term.IsTerminal(int(in.Fd()))
	if username == "" {
		if fromStdin || !person {
			return "", "", usageFault(c.Command, "--username must be given where nobody can be asked")
		}
		c.printf("Name: ")
		if username, err = readLine(in); err != nil {
			return "", "", err
		}
	}
	switch {
	case fromStdin:
		password, err = readLine(c.InOrStdin())
	case person:
		c.printf("Password: ")
		var typed []byte
		typed, err = term.ReadPassword(int(in.Fd()))
		c.printf("\n")
		password = string(typed)
	default:
		return "", "", usageFault(c.Command, "there is no terminal to ask for the password on; give it with --password-stdin")
	}
	if err == nil && password == "" {
		err = fault.New(fault.Invalid, "the password is empty")
	}
	return username, password, err
}

// readLine reads one line without its end. Only what a name or password may be long is read.
func readLine(from io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(from, 4096)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fault.Wrap(fault.Invalid, err, "nothing could be read: %v", err)
	}
	return strings.TrimRight(line, "\r\n"), nil
}

// logoutCommand ends the login and forgets it.
func logoutCommand() *cobra.Command {
	return verb("logout", "Log out of the daemon", nil, func(ctx context.Context, c *clientCommand, _ []string) error {
		stored, err := readCredentials()
		if err != nil {
			return err
		}
		ended, err := c.api.Logout(ctx)
		var refused *client.Error
		if errors.As(err, &refused) && refused.Status == http.StatusUnauthorized {
			ended, err = false, nil // it is over already
		}
		if err != nil {
			return err
		}
		if _, ok := stored[stored.key(c.url)]; ok && os.Getenv(envToken) == "" {
			delete(stored, stored.key(c.url))
			if err := stored.write(); err != nil {
				return err
			}
		}
		switch {
		case c.json:
			return printJSON(c.OutOrStdout(), map[string]bool{"logged_out": ended})
		case ended:
			c.printf("logged out of %s\n", clean(c.url))
		default:
			c.printf("nobody was logged in to %s\n", clean(c.url))
		}
		return nil
	})
}

// whoamiCommand tells who one is to the daemon.
func whoamiCommand() *cobra.Command {
	return verb("whoami", "Tell who one is to the daemon, and what one may do", nil, func(ctx context.Context, c *clientCommand, _ []string) error {
		me, err := c.api.Me(ctx)
		switch {
		case err != nil:
			return err
		case c.json:
			return printJSON(c.OutOrStdout(), me)
		case me.Username == nil:
			c.printf("not logged in; without a login one is %s\n", clean(me.Role))
			return nil
		}
		c.printf("%s (%s) until %s\n", clean(*me.Username), clean(me.Role), me.Expires.Local().Format("2006-01-02 15:04 MST"))
		if len(me.Groups) > 0 {
			c.printf("groups: %s\n", clean(strings.Join(me.Groups, ", ")))
		}
		return nil
	})
}
