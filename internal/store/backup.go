// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"io"
	"log/slog"
	"time"
)

// A backup is a tar.gz: backup.json, which says what it is; tables/NAME/NNNNNN.jsonl, some rows each, one a line as a JSON array in the order of
// the columns; files/NAME; and manifest.json, with a hash of each of these. It says nothing about the kind of database
// that it is from, so it can be restored to either. The engine's tables are not in it: its jobs are made anew from tasks.
const (
	backupFormat   = 1
	backupHead     = "backup.json"
	backupManifest = "manifest.json"
	backupTables   = "tables/"
	backupFiles    = "files/"
)

// transient are tables of what is only so while processes run.
var transient = []string{"processes"}

// BackupHead says what a backup is.
type BackupHead struct {
	Format  int           `json:"format"`
	Release string        `json:"release"` // that made it
	Dialect Dialect       `json:"dialect"` // that it is from
	Version int64         `json:"version"` // of the tables
	Made    time.Time     `json:"made"`
	Key     string        `json:"key"` // tells whether a key is the one that fingerprints were made with; empty: unknown
	Tables  []BackupTable `json:"tables"`
	Files   []string      `json:"files"`
}

// BackupTable is a table in a backup.
type BackupTable struct {
	Name     string         `json:"name"`
	Columns  []BackupColumn `json:"columns"`
	Sequence int64          `json:"sequence,omitempty"` // the largest id that was ever given; 0: ids are not given
}

// BackupColumn is a column.
type BackupColumn struct {
	Name string `json:"name"`
	Kind kind   `json:"kind"`
}

// kind is what a column holds, on both databases.
type kind string

const (
	kindInt   kind = "int"
	kindReal  kind = "real"
	kindBool  kind = "bool"
	kindText  kind = "text"
	kindTime  kind = "time"
	kindBytes kind = "bytes"
)

// kinds are the kinds by the names that the databases give to types. A JSON text is kept letter by letter.
var kinds = map[string]kind{
	"integer": kindInt, "bigint": kindInt, "smallint": kindInt, "real": kindReal, "double precision": kindReal, "boolean": kindBool,
	"text": kindText, "json": kindText, "jsonb": kindText, "character varying": kindText,
	"timestamp": kindTime, "timestamp with time zone": kindTime, "blob": kindBytes, "bytea": kindBytes,
}

// manifest is what a backup holds in all.
type manifest struct {
	Members []backupMember `json:"members"`
	Rows    map[string]int `json:"rows"` // by table
}

// backupMember is a file in a backup.
type backupMember struct {
	Name   string `json:"name"`
	Size   int    `json:"size"`
	SHA256 string `json:"sha256"`
}

// BackupOptions say what to back up.
type BackupOptions struct {
	DatabaseURL string // of PostgreSQL; empty: SQLite in DataDir
	DataDir     string
	Release     string
	Key         string            // see BackupHead
	Files       map[string][]byte // to be kept with the database
	Progress    func(table string, rows int)
	Logger      *slog.Logger
}

// Backup writes all that a database holds at one moment. Others go on using it: nobody waits. Errors are those of Open, Invalid
// where there is no database yet, and of the writer.
func Backup(ctx context.Context, o BackupOptions, to io.Writer) (BackupHead, error) {
	from, err := openBackup(ctx, o)
	if err != nil {
		return BackupHead{}, err
	}
	defer from.close()
	w := newBackupWriter(to)
	head, err := w.write(ctx, from, o)
	return head, from.errs.classify(ctx, err, "make a backup")
}
