// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/pulp/pulp-manager/internal/auth"
	"github.com/pulp/pulp-manager/internal/config"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// userOptions are what the flags of `user` say.
type userOptions struct {
	options
	file          string
	role          string
	passwordStdin bool
}

// userCommand changes the users file on this machine. A daemon reads the file again by itself.
func userCommand() *cobra.Command {
	parent := &cobra.Command{
		Use: "user", Short: "Change who can log in with `[auth] method = static`",
		Long: "Changes the users file on this machine: --users-file, [auth] users_file of config.ini, or `users` in the data directory. " +
			"Run it as the user that pulp-manager runs as, or as root. A daemon that runs takes the change up by itself; logins of users that were changed end.",
	}
	o := &userOptions{}
	add := &cobra.Command{
		Use: "add NAME --role admin|reader", Short: "Add a user", Args: userName, RunE: func(c *cobra.Command, args []string) error {
			role, err := auth.ParseRole(o.role)
			if err != nil {
				return fault.Wrap(fault.Invalid, err, "--role %q is not admin or reader", o.role)
			}
			return o.change(c, true, "added", args[0], func(path string, password fleet.Secret) error {
				return auth.AddUser(path, args[0], role, password)
			})
		},
	}
	add.Flags().StringVar(&o.role, "role", "", "admin, who may change things, or reader")
	passwd := &cobra.Command{
		Use: "passwd NAME", Short: "Give a user another password", Args: userName, RunE: func(c *cobra.Command, args []string) error {
			return o.change(c, true, "changed", args[0], func(path string, password fleet.Secret) error {
				return auth.SetPassword(path, args[0], password)
			})
		},
	}
	remove := &cobra.Command{Use: "remove NAME", Short: "Remove a user", Args: userName, RunE: func(c *cobra.Command, args []string) error {
		return o.change(c, false, "removed", args[0], func(path string, _ fleet.Secret) error { return auth.RemoveUser(path, args[0]) })
	}}
	list := &cobra.Command{Use: "list", Short: "List the users", Args: cobra.NoArgs, RunE: o.list}
	for _, c := range []*cobra.Command{add, passwd} {
		c.Flags().BoolVar(&o.passwordStdin, "password-stdin", false, "read the password from the first line of standard input")
	}
	for _, c := range []*cobra.Command{add, passwd, remove, list} {
		c.Flags().StringVar(&o.file, "users-file", "", "the users file (default [auth] users_file, or `users` in the data directory)")
		c.Flags().StringVar(&o.sources.ConfigPath, "config", "", "config.ini (default $"+config.EnvConfigPath+" or "+config.DefaultConfigPath+")")
		c.Flags().StringVar(&o.sources.DataDir, "data-dir", "", "data directory of the daemon (default $XDG_STATE_HOME/pulp-manager)")
	}
	parent.AddCommand(add, remove, list, passwd)
	return parent
}

func userName(c *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fault.New(fault.Invalid, "%s needs the name of one user", c.CommandPath()).WithHint("%s", c.UseLine())
	}
	return auth.CheckUserName(args[0])
}

func (o *userOptions) path() (string, error) {
	if o.file != "" {
		return o.file, nil
	}
	return config.FindUsersFile(o.sources)
}

// change changes the users file, with a password where one is needed, and says so.
func (o *userOptions) change(c *cobra.Command, needsPassword bool, done, name string, with func(path string, password fleet.Secret) error) error {
	path, err := o.path()
	if err != nil {
		return err
	}
	var password fleet.Secret
	if needsPassword {
		if password, err = o.password(c); err != nil {
			return err
		}
	}
	if err := with(path, password); err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.OutOrStdout(), "user %s %s in %s\n", clean(name), done, path)
	return err
}

func (o *userOptions) list(c *cobra.Command, _ []string) error {
	path, err := o.path()
	if err != nil {
		return err
	}
	users, err := auth.FindUsers(path)
	if err != nil {
		return err
	}
	rows := [][]string{}
	for _, u := range users {
		rows = append(rows, []string{u.Name, string(u.Role), u.Hash()})
	}
	return table(c.OutOrStdout(), []string{"NAME", "ROLE", "HASH"}, rows)
}

// password asks for a new password, twice, or reads it where it is piped.
func (o *userOptions) password(c *cobra.Command) (fleet.Secret, error) {
	if o.passwordStdin {
		line, err := bufio.NewReader(io.LimitReader(c.InOrStdin(), 64<<10)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return fleet.Secret{}, fault.Wrap(fault.Invalid, err, "the password cannot be read from standard input")
		}
		return fleet.NewSecret(strings.TrimRight(line, "\r\n")), nil
	}
	in, ok := c.InOrStdin().(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return fleet.Secret{}, fault.New(fault.Invalid, "there is no terminal to ask for the password at").WithHint("pipe it in, with --password-stdin")
	}
	var typed [2]string
	for i, prompt := range []string{"password: ", "the same again: "} {
		_, _ = fmt.Fprint(c.ErrOrStderr(), prompt)
		text, err := term.ReadPassword(int(in.Fd()))
		_, _ = fmt.Fprintln(c.ErrOrStderr())
		if err != nil {
			return fleet.Secret{}, fault.Wrap(fault.Invalid, err, "the password cannot be read")
		}
		typed[i] = string(text)
		if err := auth.CheckPassword(fleet.NewSecret(typed[0])); err != nil {
			return fleet.Secret{}, err
		}
	}
	if typed[0] != typed[1] {
		return fleet.Secret{}, fault.New(fault.Invalid, "the two passwords differ")
	}
	return fleet.NewSecret(typed[0]), nil
}
