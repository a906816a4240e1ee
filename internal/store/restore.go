// SPDX-License-Identifier: Apache-2.0

package store

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
)

// mostMember bounds a member of a backup, bytes. A row is larger than backupPart only where a task's plan is.
const mostMember = 1 << 30

// RestoreOptions say where a backup is restored to.
type RestoreOptions struct {
	DatabaseURL string // of PostgreSQL; empty: SQLite in DataDir
	DataDir     string
	Force       bool // replace what is there
	// Accept looks at what the backup is before anything is done; nil: any will do.
	Accept func(BackupHead) error
	// Files takes the files that were kept with the database, just before the database is there; nil: they are left out.
	Files    func(map[string][]byte) error
	Progress func(table string, rows int)
	Logger   *slog.Logger
}

// restoreTarget is a database that is being made: nobody sees it before commit.
type restoreTarget interface {
	// columns gives the columns of a table.
	columns(ctx context.Context, table string) ([]BackupColumn, error)
	// load adds rows to a table.
	load(ctx context.Context, table string, columns []BackupColumn, rows [][]any) error
	// commit makes all of it the database, once before has no error.
	commit(ctx context.Context, tables []BackupTable, before func() error) error
	close()
}

// Restore makes a database equal to a backup, in place of what is there, wholly or not at all, and brings it up to date. What ran at
// the time of the backup is taken up as after a crash. Conflict where the database is in use, has something in it and Force is not set, or
// the backup is of a newer release; Invalid where the backup is damaged.
func Restore(ctx context.Context, o RestoreOptions, from io.Reader) (BackupHead, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	r := &restorer{options: o, rows: map[string]int{}, files: map[string][]byte{}}
	defer func() {
		if r.target != nil {
			r.target.close()
		}
	}()
	err := r.read(ctx, from, func(ctx context.Context, head BackupHead) (restoreTarget, error) {
		if o.DatabaseURL != "" {
			return openRestorePostgres(ctx, o, head)
		}
		return openRestoreSQLite(ctx, o, head)
	})
	if err != nil {
		return r.head, err
	}
	return r.head, r.target.commit(ctx, r.head.Tables, func() error {
		if o.Files == nil || len(r.files) == 0 {
			return nil
		}
		return o.Files(r.files)
	})
}

// CheckBackup reads a backup to its end and tells whether it is whole.
func CheckBackup(ctx context.Context, from io.Reader) (BackupHead, error) {
	r := &restorer{rows: map[string]int{}, files: map[string][]byte{}}
	err := r.read(ctx, from, func(context.Context, BackupHead) (restoreTarget, error) { return nowhere{}, nil })
	return r.head, err
}

// nowhere takes everything and keeps nothing.
type nowhere struct{}

func (nowhere) columns(context.Context, string) ([]BackupColumn, error)     { return nil, nil }
func (nowhere) load(context.Context, string, []BackupColumn, [][]any) error { return nil }
func (nowhere) commit(context.Context, []BackupTable, func() error) error   { return nil }
func (nowhere) close()                                                      {}

// restorer reads a backup into a target.
type restorer struct {
	options RestoreOptions
	head    BackupHead
	tables  map[string]BackupTable
	target  restoreTarget
	seen    []backupMember
	rows    map[string]int
	files   map[string][]byte
	current string // table
}

func (r *restorer) read(ctx context.Context, from io.Reader, open func(context.Context, BackupHead) (restoreTarget, error)) error {
	zip, err := gzip.NewReader(from)
	if err != nil {
		return damaged(err, "it is no backup")
	}
	archive := tar.NewReader(zip)
	if err := r.begin(archive); err != nil {
		return err
	}
	if r.target, err = open(ctx, r.head); err != nil {
		r.target = nil
		return err
	}
	if _, check := r.target.(nowhere); !check {
		if err := r.fits(ctx); err != nil {
			return err
		}
	}
	for {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		name, content, err := r.next(archive)
		if err != nil {
			return err
		}
		if name == backupManifest {
			break
		}
		if err := r.member(ctx, name, content); err != nil {
			return err
		}
	}
	// The rest has to be there too, or something was cut off or added.
	if _, err := archive.Next(); !errors.Is(err, io.EOF) {
		return damaged(err, "there is something behind its end")
	}
	if _, err := io.Copy(io.Discard, zip); err != nil {
		return damaged(err, "its end is missing")
	}
	r.progress("")
	return nil
}

// begin reads the head.
func (r *restorer) begin(archive *tar.Reader) error {
	name, content, err := r.next(archive)
	if err != nil {
		return err
	}
	if name != backupHead || json.Unmarshal(content, &r.head) != nil || r.head.Format == 0 {
		return damaged(nil, "it is no backup")
	}
	if r.head.Format > backupFormat {
		return fault.New(fault.Conflict, "the backup is of a newer release (%s)", r.head.Release).WithHint("restore it with that release")
	}
	r.tables = map[string]BackupTable{}
	for _, t := range r.head.Tables {
		r.tables[t.Name] = t
	}
	if r.options.Accept != nil {
		return r.options.Accept(r.head)
	}
	return nil
}

// fits makes sure that the target has a place for all that the backup holds.
func (r *restorer) fits(ctx context.Context) error {
	for _, table := range r.head.Tables {
		there, err := r.target.columns(ctx, table.Name)
		if err != nil {
			return err
		}
		for _, column := range table.Columns {
			if !contains(there, column) {
				return fault.New(fault.Conflict, "the backup has column %s of table %s, for which this release has no place", column.Name, table.Name).
					WithHint("restore it with the release that made it: %s", r.head.Release)
			}
		}
	}
	return nil
}

func contains(columns []BackupColumn, c BackupColumn) bool {
	for _, there := range columns {
		if there == c {
			return true
		}
	}
	return false
}

// next reads a member. The manifest is compared with what came before.
func (r *restorer) next(archive *tar.Reader) (string, []byte, error) {
	h, err := archive.Next()
	switch {
	case errors.Is(err, io.EOF):
		return "", nil, damaged(err, "its end is missing")
	case err != nil:
		return "", nil, damaged(err, "it cannot be read: %v", err)
	case h.Size > mostMember || h.Typeflag != tar.TypeReg:
		return "", nil, damaged(nil, "%s is odd", h.Name)
	}
	var content bytes.Buffer
	if _, err := io.Copy(&content, io.LimitReader(archive, mostMember)); err != nil {
		return "", nil, damaged(err, "%s cannot be read: %v", h.Name, err)
	}
	if h.Name == backupManifest {
		return h.Name, nil, r.compare(content.Bytes())
	}
	sum := sha256.Sum256(content.Bytes())
	r.seen = append(r.seen, backupMember{Name: h.Name, Size: content.Len(), SHA256: hex.EncodeToString(sum[:])})
	return h.Name, content.Bytes(), nil
}

// compare compares what was read with what the manifest says.
func (r *restorer) compare(text []byte) error {
	var want manifest
	if err := json.Unmarshal(text, &want); err != nil {
		return damaged(err, "%s cannot be read", backupManifest)
	}
	if len(want.Members) != len(r.seen) {
		return damaged(nil, "it has %d members, not %d", len(r.seen), len(want.Members))
	}
	for i, m := range want.Members {
		if m != r.seen[i] {
			return damaged(nil, "%s is not what was written", r.seen[i].Name)
		}
	}
	for table, n := range want.Rows {
		if r.rows[table] != n {
			return damaged(nil, "table %s has %d rows, not %d", table, r.rows[table], n)
		}
	}
	return nil
}

// member takes rows or a file.
func (r *restorer) member(ctx context.Context, name string, content []byte) error {
	if file, ok := strings.CutPrefix(name, backupFiles); ok && !strings.ContainsAny(file, "/\\") {
		r.files[file] = content
		return nil
	}
	path, _ := strings.CutPrefix(name, backupTables)
	table, known := r.tables[strings.Split(path, "/")[0]]
	if !known {
		return damaged(nil, "%s is odd", name)
	}
	r.progress(table.Name)
	var rows [][]any
	for line := range bytes.Lines(content) {
		row, err := restored(line, table)
		if err != nil {
			return damaged(err, "%s: %v", name, err)
		}
		rows = append(rows, row)
	}
	r.rows[table.Name] += len(rows)
	return r.target.load(ctx, table.Name, table.Columns, rows)
}

// progress tells of a table once the next one begins.
func (r *restorer) progress(table string) {
	if r.current != "" && r.current != table && r.options.Progress != nil {
		r.options.Progress(r.current, r.rows[r.current])
	}
	r.current = table
}

// restored reads a row.
func restored(line []byte, table BackupTable) ([]any, error) {
	var texts []json.RawMessage
	if err := json.Unmarshal(line, &texts); err != nil {
		return nil, err
	}
	if len(texts) != len(table.Columns) {
		return nil, fmt.Errorf("a row has %d values, not %d", len(texts), len(table.Columns))
	}
	row := make([]any, len(texts))
	for i, text := range texts {
		var err error
		if row[i], err = restoredValue(text, table.Columns[i].Kind); err != nil {
			return nil, fmt.Errorf("column %s: %w", table.Columns[i].Name, err)
		}
	}
	return row, nil
}

func restoredValue(text json.RawMessage, k kind) (any, error) {
	if string(text) == "null" {
		return nil, nil
	}
	if text[0] == '{' {
		var o odd
		err := json.Unmarshal(text, &o)
		if k == kindText {
			return string(o.Bytes), err
		}
		return o.Bytes, err
	}
	switch k {
	case kindInt:
		return as[int64](text)
	case kindReal:
		return as[float64](text)
	case kindBool:
		return as[bool](text)
	case kindTime:
		return as[time.Time](text)
	}
	return as[string](text)
}

func as[T any](text json.RawMessage) (any, error) {
	var v T
	err := json.Unmarshal(text, &v)
	return v, err
}

// damaged tells why a file is no whole backup.
func damaged(err error, format string, args ...any) error {
	return fault.Wrap(fault.Invalid, err, "the backup is damaged: %s", fmt.Sprintf(format, args...)).
		WithHint("nothing was changed; take another backup, or copy this one again")
}

// unfit tells of rows that the database refuses, such as two of one key: no backup has them that is whole.
func unfit(err error, table string) error {
	if fault.Is(err, fault.Conflict) || fault.Is(err, fault.Invalid) {
		return damaged(err, "the database refuses rows of table %s", table)
	}
	return err
}

// noProcesses is what makes tasks of a backup look as after a crash: nobody works on them, and their jobs are to be made.
const noProcesses = "UPDATE tasks SET lease_owner = NULL, lease_until = NULL, job_id = NULL WHERE lease_owner IS NOT NULL OR lease_until IS NOT NULL OR job_id IS NOT NULL"

// notEmpty refuses to replace what is there.
func notEmpty(database string) error {
	return fault.New(fault.Conflict, "%s is not empty", database).WithHint("name another one, or replace all that is in it with --force; make a backup of it first")
}

// tooNew refuses a backup of tables that this release does not know.
func tooNew(head BackupHead, known int64) error {
	if head.Version <= known {
		return nil
	}
	return fault.New(fault.Conflict, "the backup is of a newer release (%s): its tables have version %d, this release knows %d", head.Release, head.Version, known).
		WithHint("restore it with that release")
}
