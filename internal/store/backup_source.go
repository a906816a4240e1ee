// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"modernc.org/sqlite"

	"github.com/pulp/pulp-manager/internal/fault"
)

// backupSource is a database as it was at one moment, in one transaction that only reads.
type backupSource struct {
	dialect Dialect
	db      *sql.DB
	tx      *sql.Tx
	errs    classifier
}

// openBackup begins to read a database. It takes no lock and changes nothing, so it works beside daemons of any release.
func openBackup(ctx context.Context, o BackupOptions) (*backupSource, error) {
	s := &backupSource{dialect: SQLite}
	options := &sql.TxOptions{ReadOnly: true}
	if o.DatabaseURL != "" {
		cfg, errs, err := postgresConfig(Options{DatabaseURL: o.DatabaseURL})
		if err != nil {
			return nil, err
		}
		s.dialect, s.errs, s.db = PostgreSQL, errs, sql.OpenDB(stdlib.GetConnector(*cfg.ConnConfig))
		options.Isolation = sql.LevelRepeatableRead
	} else {
		file := filepath.Join(o.DataDir, databaseFile)
		if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
			return nil, fault.New(fault.NotFound, "there is no database in %s", o.DataDir).WithHint("name the daemon's data directory with --data-dir, or its database with --database-url")
		}
		s.errs = classifier{database: "the database in " + o.DataDir}
		s.db = sql.OpenDB(sqliteConnector{driver: &sqlite.Driver{}, dsn: sqliteFile(file) + "?mode=rw&_busy_timeout=10000&_query_only=1"})
	}
	s.db.SetMaxOpenConns(1)
	var err error
	if s.tx, err = s.db.BeginTx(ctx, options); err != nil {
		_ = s.db.Close()
		return nil, s.errs.classify(ctx, err, "read the database")
	}
	return s, nil
}

func (s *backupSource) close() {
	_ = s.tx.Rollback()
	_ = s.db.Close()
}

// version gives the version of the tables; Invalid where there are none.
func (s *backupSource) version(ctx context.Context) (int64, error) {
	names, err := s.texts(ctx, listTables[s.dialect])
	if err != nil {
		return 0, err
	}
	if !slices.Contains(names, "goose_db_version") {
		return 0, fault.New(fault.Invalid, "%s is empty: there is nothing to keep", s.errs.database)
	}
	var version int64
	err = s.tx.QueryRowContext(ctx, "SELECT max(version_id) FROM goose_db_version").Scan(&version)
	return version, err
}

// listTables are queries for the names of all tables.
var listTables = map[Dialect]string{
	SQLite: `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY name`,
	PostgreSQL: `SELECT table_name::text FROM information_schema.tables
		WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' ORDER BY table_name::text COLLATE "C"`,
}

// listColumns are queries for the names and types of a table's columns.
var listColumns = map[Dialect]string{
	SQLite: "SELECT name, lower(type) FROM pragma_table_info($1) ORDER BY cid",
	PostgreSQL: `SELECT column_name::text, data_type::text FROM information_schema.columns
		WHERE table_schema = current_schema() AND table_name = $1 ORDER BY ordinal_position`,
}

// ours tells whether a table is of our migrations.
func ours(table string) bool {
	return !strings.HasPrefix(table, "river_") && table != "goose_db_version"
}

// tables gives the tables to keep, by name.
func (s *backupSource) tables(ctx context.Context) ([]BackupTable, error) {
	names, err := s.texts(ctx, listTables[s.dialect])
	if err != nil {
		return nil, err
	}
	var tables []BackupTable
	for _, name := range names {
		if !ours(name) || slices.Contains(transient, name) {
			continue
		}
		table := BackupTable{Name: name}
		if table.Columns, err = columnsOf(ctx, s.tx, s.dialect, name); err != nil {
			return nil, err
		}
		if table.Sequence, err = s.sequence(ctx, table); err != nil {
			return nil, err
		}
		tables = append(tables, table)
	}
	return tables, nil
}

// querier is a transaction or a connection.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func columnsOf(ctx context.Context, q querier, d Dialect, table string) ([]BackupColumn, error) {
	rows, err := q.QueryContext(ctx, listColumns[d], table)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var columns []BackupColumn
	for rows.Next() {
		var name, typ string
		if err := rows.Scan(&name, &typ); err != nil {
			return nil, err
		}
		k, known := kinds[typ]
		if !known {
			return nil, fault.New(fault.Internal, "table %s, column %s: a %s cannot be kept in a backup", table, name, typ)
		}
		columns = append(columns, BackupColumn{name, k})
	}
	return columns, rows.Err()
}

// sequence gives the largest id that was ever given in a table.
func (s *backupSource) sequence(ctx context.Context, table BackupTable) (int64, error) {
	if !slices.ContainsFunc(table.Columns, func(c BackupColumn) bool { return c.Name == "id" }) {
		return 0, nil
	}
	var last sql.NullInt64
	if s.dialect == SQLite {
		err := s.tx.QueryRowContext(ctx, "SELECT max(seq) FROM sqlite_sequence WHERE name = $1", table.Name).Scan(&last)
		return last.Int64, err
	}
	var name sql.NullString
	if err := s.tx.QueryRowContext(ctx, "SELECT pg_get_serial_sequence($1, 'id')", table.Name).Scan(&name); err != nil || !name.Valid {
		return 0, err
	}
	err := s.tx.QueryRowContext(ctx, "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM "+name.String).Scan(&last)
	return last.Int64, err
}

// rows gives the rows of a table, one after the other. The slice is used again.
func (s *backupSource) rows(ctx context.Context, table BackupTable, each func([]any) error) error {
	names := make([]string, len(table.Columns))
	for i, c := range table.Columns {
		if names[i] = quoted(c.Name); s.dialect == PostgreSQL && c.Kind == kindText {
			names[i] += "::text" // of JSON its very letters
		}
	}
	rows, err := s.tx.QueryContext(ctx, fmt.Sprintf("SELECT %s FROM %s", strings.Join(names, ", "), quoted(table.Name)))
	if err != nil {
		return err
	}
	defer rows.Close()
	values, targets := make([]any, len(names)), make([]any, len(names))
	for i := range values {
		targets[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return err
		}
		if err := each(values); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (s *backupSource) texts(ctx context.Context, query string) ([]string, error) {
	rows, err := s.tx.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		all = append(all, text)
	}
	return all, rows.Err()
}

func quoted(name string) string { return pgx.Identifier{name}.Sanitize() }
