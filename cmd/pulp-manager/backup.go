// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/pulp/pulp-manager/internal/config"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/store"
)

// keptFiles are the files of a data directory that are kept with its database: without the keys, what was made with them says
// nothing any more, and nobody could log in without the users.
var keptFiles = []string{"jwt_secret", "secret_key", "users"}

// backupCommand writes a backup while the daemon runs.
func backupCommand() *cobra.Command {
	o := &options{}
	var force bool
	c := &cobra.Command{
		Use: "backup FILE", Short: "Back up the database, while the daemon runs", Args: oneFile,
		Long: "Writes all that the database holds at one moment to FILE, which only its owner can read; `-` is standard output. Nobody has to wait meanwhile.\n\n" +
			"With the embedded database the keys and the users file of the data directory are in it: keep it like a password. With PostgreSQL the keys are " +
			"the environment's: keep them yourself.\n\n" +
			"The same file can be restored to the embedded database and to PostgreSQL, whichever it is from.",
		Example: "  pulp-manager backup /var/backups/pulp-manager.tar.gz\n  pulp-manager backup - | ssh elsewhere 'cat > pulp-manager.tar.gz'",
		RunE: func(c *cobra.Command, args []string) error {
			database, err := config.FindDatabase(o.sources)
			if err != nil {
				return err
			}
			files, err := keep(database)
			if err != nil {
				return err
			}
			say := func(format string, args ...any) { _, _ = fmt.Fprintf(c.ErrOrStderr(), format, args...) }
			total := 0
			write := func(to io.Writer) error {
				_, err := store.Backup(c.Context(), store.BackupOptions{
					DatabaseURL: database.URL.Reveal(), DataDir: database.DataDir, Release: version, Files: files, Key: keyMark(sealKey(o.sources, database, files)),
					Progress: func(table string, rows int) { total += rows; say("%s: %d rows\n", table, rows) },
				}, to)
				return err
			}
			if args[0] == "-" {
				err = write(c.OutOrStdout())
			} else {
				err = writeWhole(args[0], force, write)
			}
			if err != nil {
				return err
			}
			say("%d rows of %s are in %s\n", total, database.Show(), args[0])
			if len(files) > 0 {
				say("It holds the keys and the password hashes of this installation: keep it like a password.\n")
			} else {
				say("The keys are not in it: keep %s and %s too.\n", config.EnvSecretKey, config.EnvJWTSecret)
			}
			return nil
		},
	}
	o.configFlags(c)
	c.Flags().BoolVar(&force, "force", false, "replace FILE where it is there")
	return c
}

func oneFile(c *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fault.New(fault.Invalid, "%s needs the name of one file", c.CommandPath()).WithHint("%s", c.UseLine())
	}
	return nil
}

// keep reads the files that belong to a database.
func keep(database config.Database) (map[string][]byte, error) {
	files := map[string][]byte{}
	if !database.Embedded() {
		return files, nil
	}
	for _, name := range keptFiles {
		content, err := os.ReadFile(filepath.Join(database.DataDir, name))
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return nil, fault.Wrap(fault.Unavailable, err, "%s cannot be read, so the backup would not be whole: %v", filepath.Join(database.DataDir, name), err).
				WithHint("run it as the user that pulp-manager runs as, or as root")
		default:
			files[name] = content
		}
	}
	return files, nil
}

// sealKey gives the key that fingerprints are made with; empty: there is none.
func sealKey(s config.Sources, database config.Database, files map[string][]byte) fleet.Secret {
	if value := strings.TrimSpace(s.Variable(config.EnvSecretKey)); value != "" {
		return fleet.NewSecret(value)
	}
	if database.Embedded() {
		line, _, _ := strings.Cut(string(files["secret_key"]), "\n")
		return fleet.NewSecret(strings.TrimRight(line, "\r"))
	}
	return fleet.Secret{}
}

// keyMark tells keys apart and says nothing about them.
func keyMark(key fleet.Secret) string {
	if key.Empty() {
		return ""
	}
	mac := hmac.New(sha256.New, []byte(key.Reveal()))
	mac.Write([]byte("pulp-manager backup"))
	return hex.EncodeToString(mac.Sum(nil))[:32]
}

// writeWhole makes a file that only its owner can read, whole or not at all.
func writeWhole(path string, replace bool, write func(io.Writer) error) error {
	if _, err := os.Stat(path); err == nil && !replace {
		return fault.New(fault.Conflict, "%s is there already", path).WithHint("name another file, or replace it with --force")
	}
	cannot := func(err error) error {
		return fault.Wrap(fault.Unavailable, err, "%s cannot be written: %v", path, err).WithHint("check the path and the disk")
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return cannot(err)
	}
	defer func() { _ = os.Remove(f.Name()) }()
	if err := write(f); err != nil {
		_ = f.Close()
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return cannot(err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return cannot(err)
	}
	return nil
}

// restoring is one run of `restore`.
type restoring struct {
	options
	database config.Database
	force    bool
	check    bool
	err      io.Writer // for what a person reads
}

// restoreCommand restores a backup.
func restoreCommand() *cobra.Command {
	r := &restoring{}
	c := &cobra.Command{
		Use: "restore FILE", Short: "Restore a backup", Args: oneFile,
		Long: "Makes the database equal to a backup, of this release or an older one, and brings it up to date; `-` is standard input. All processes that use the database must be stopped. " +
			"It is done wholly or not at all.\n\n" +
			"What ran at the time of the backup is taken up by the next start as after a crash: requests to Pulp are looked for by their correlation ids, and waited for or noted as done.\n\n" +
			"With the embedded database the keys and the users file are restored too; what was there before keeps its name with .replaced behind it.",
		Example: "  pulp-manager restore /var/backups/pulp-manager.tar.gz\n  pulp-manager restore --check /var/backups/pulp-manager.tar.gz",
		RunE: func(c *cobra.Command, args []string) error {
			r.err = c.ErrOrStderr()
			from := c.InOrStdin()
			if args[0] != "-" {
				f, err := os.Open(args[0])
				if err != nil {
					return fault.Wrap(fault.NotFound, err, "%s cannot be read: %v", args[0], err).WithHint("name a file that `pulp-manager backup` wrote")
				}
				defer f.Close()
				from = f
			}
			return r.run(c.Context(), from)
		},
	}
	r.configFlags(c)
	c.Flags().BoolVar(&r.force, "force", false, "replace what is in the database, and go on without the key that the backup was made with")
	c.Flags().BoolVar(&r.check, "check", false, "only tell whether the backup is whole, and change nothing")
	return c
}

func (r *restoring) say(format string, args ...any) { _, _ = fmt.Fprintf(r.err, format, args...) }

func (r *restoring) run(ctx context.Context, from io.Reader) (err error) {
	if r.check {
		head, err := store.CheckBackup(ctx, from)
		if err == nil {
			r.say("the backup is whole: %s, of %s\n", told(head), head.Made.Format(time.RFC3339))
		}
		return err
	}
	if r.database, err = config.FindDatabase(r.sources); err != nil {
		return err
	}
	total := 0
	head, err := store.Restore(ctx, store.RestoreOptions{
		DatabaseURL: r.database.URL.Reveal(), DataDir: r.database.DataDir, Force: r.force, Accept: r.accept, Files: r.files,
		Progress: func(table string, rows int) { total += rows; r.say("%s: %d rows\n", table, rows) },
	}, from)
	if err != nil {
		return err
	}
	r.say("%d rows of %s are in %s\n", total, head.Made.Format(time.RFC3339), r.database.Show())
	if !r.database.Embedded() && len(head.Files) > 0 {
		r.say("The backup's %s are not restored: with PostgreSQL keys come from the environment, and users from [auth] users_file.\n", strings.Join(head.Files, ", "))
	}
	return nil
}

func told(head store.BackupHead) string {
	return fmt.Sprintf("release %s, %s, tables of version %d", head.Release, head.Dialect, head.Version)
}

// accept makes sure that the key will be the one that fingerprints in the backup were made with.
func (r *restoring) accept(head store.BackupHead) error {
	r.say("%s, of %s\n", told(head), head.Made.Format(time.RFC3339))
	if head.Key == "" {
		return nil
	}
	files, err := keep(r.database)
	if err != nil {
		return err
	}
	key := keyMark(sealKey(r.sources, r.database, files))
	environment := r.sources.Variable(config.EnvSecretKey) != ""
	if comes := r.database.Embedded() && slices.Contains(head.Files, "secret_key"); comes && !environment && (key == "" || r.force) {
		return nil // with the backup
	}
	if key == head.Key {
		return nil
	}
	const happens = "every password and certificate on a remote counts as changed, and the next registrations and syncs send them to Pulp again"
	if r.force {
		r.say("The key is not the one that the backup was made with: %s.\n", happens)
		return nil
	}
	return fault.New(fault.Conflict, "the key is not the one that the backup was made with: with another one %s", happens).
		WithHint("set %s to the key of that installation (with the embedded database it is in files/secret_key of the backup), or go on without it with --force", config.EnvSecretKey)
}

// files puts the files of a backup into the data directory. Those that were there keep another name.
func (r *restoring) files(files map[string][]byte) error {
	if !r.database.Embedded() {
		return nil
	}
	for _, name := range keptFiles {
		content, there := files[name]
		if !there {
			continue
		}
		path := filepath.Join(r.database.DataDir, name)
		if old, err := os.ReadFile(path); err == nil {
			if bytes.Equal(old, content) {
				continue
			}
			if !r.force {
				return fault.New(fault.Conflict, "%s is there already and is another one", path).WithHint("remove it, or replace it with --force")
			}
			if err := os.Rename(path, path+".replaced"); err != nil {
				return fault.Wrap(fault.Unavailable, err, "%s cannot be replaced: %v", path, err)
			}
		}
		err := writeWhole(path, true, func(w io.Writer) error {
			_, err := w.Write(content)
			return err
		})
		if err != nil {
			return err
		}
		r.say("%s is restored\n", path)
	}
	return nil
}
