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
	"maps"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/pulp/pulp-manager/internal/fault"
)

// backupPart is how large a member with rows becomes before the next one begins, bytes.
const backupPart = 1 << 20

// backupWriter writes the members of a backup.
type backupWriter struct {
	zip  *gzip.Writer
	tar  *tar.Writer
	made time.Time
	list manifest
}

func newBackupWriter(to io.Writer) *backupWriter {
	zip := gzip.NewWriter(to)
	return &backupWriter{zip: zip, tar: tar.NewWriter(zip), made: time.Now().UTC().Truncate(time.Second), list: manifest{Rows: map[string]int{}}}
}

func (w *backupWriter) write(ctx context.Context, from *backupSource, o BackupOptions) (BackupHead, error) {
	head := BackupHead{Format: backupFormat, Release: o.Release, Dialect: from.dialect, Made: w.made, Key: o.Key, Files: slices.Sorted(maps.Keys(o.Files))}
	var err error
	if head.Version, err = from.version(ctx); err != nil {
		return head, err
	}
	if head.Tables, err = from.tables(ctx); err != nil {
		return head, err
	}
	if err := w.document(backupHead, head); err != nil {
		return head, err
	}
	for _, table := range head.Tables {
		rows, err := w.table(ctx, from, table)
		if err != nil {
			return head, err
		}
		w.list.Rows[table.Name] = rows
		if o.Progress != nil {
			o.Progress(table.Name, rows)
		}
	}
	for _, name := range head.Files {
		if err := w.member(backupFiles+name, o.Files[name]); err != nil {
			return head, err
		}
	}
	if err := w.document(backupManifest, w.list); err != nil {
		return head, err
	}
	return head, writing(errors.Join(w.tar.Close(), w.zip.Close()))
}

// table writes the rows of a table, some at a time, and tells how many there are.
func (w *backupWriter) table(ctx context.Context, from *backupSource, table BackupTable) (int, error) {
	rows, part := 0, 0
	var buffer bytes.Buffer
	flush := func() error {
		part++
		err := w.member(fmt.Sprintf("%s%s/%06d.jsonl", backupTables, table.Name, part), buffer.Bytes())
		buffer.Reset()
		return err
	}
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	err := from.rows(ctx, table, func(row []any) error {
		for i, column := range table.Columns {
			value, err := neutral(row[i], column.Kind)
			if err != nil {
				return fmt.Errorf("table %s, column %s: %w", table.Name, column.Name, err)
			}
			row[i] = value
		}
		rows++
		if err := encoder.Encode(row); err != nil {
			return err
		}
		if buffer.Len() < backupPart {
			return nil
		}
		return flush()
	})
	if err == nil && buffer.Len() > 0 {
		err = flush()
	}
	return rows, err
}

// odd is a text that is none, or bytes: JSON holds only texts.
type odd struct {
	Bytes []byte `json:"bytes"`
}

// neutral gives a value of a database as both write it in a backup.
func neutral(value any, k kind) (any, error) {
	switch v := value.(type) {
	case nil:
		return nil, nil
	case []byte:
		if k == kindText && utf8.Valid(v) {
			return string(v), nil
		}
		return odd{v}, nil
	case string:
		if k == kindTime {
			return nil, fmt.Errorf("%q is no time", v)
		}
		if !utf8.ValidString(v) {
			return odd{[]byte(v)}, nil
		}
		return v, nil
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano), nil
	case int64:
		if k == kindBool {
			return v != 0, nil
		}
		return v, nil
	case int32, int16, bool, float64:
		return v, nil
	}
	return nil, fmt.Errorf("a %T cannot be kept", value)
}

func (w *backupWriter) document(name string, value any) error {
	text, err := json.MarshalIndent(value, "", " ")
	if err != nil {
		return err
	}
	return w.member(name, append(text, '\n'))
}

// member writes one member and notes its hash.
func (w *backupWriter) member(name string, content []byte) error {
	sum := sha256.Sum256(content)
	w.list.Members = append(w.list.Members, backupMember{Name: name, Size: len(content), SHA256: hex.EncodeToString(sum[:])})
	err := w.tar.WriteHeader(&tar.Header{Name: name, Size: int64(len(content)), Mode: 0o600, ModTime: w.made, Format: tar.FormatUSTAR})
	if err == nil {
		_, err = w.tar.Write(content)
	}
	return writing(err)
}

// writing classifies what went wrong while the backup was written.
func writing(err error) error {
	if err == nil {
		return nil
	}
	return fault.Wrap(fault.Unavailable, err, "the backup cannot be written: %v", err).WithHint("check that the disk has space")
}
