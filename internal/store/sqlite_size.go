// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strconv"
)

const (
	// walLimit is to what size the write-ahead log is cut once all of it is in the database, bytes. A long reader, such as a
	// backup, makes it grow.
	walLimit = 32 << 20
	// Free pages are given back to the disk once they are a quarter of the file and more than leastFree, because else they are soon used
	// again; shrinkStep of them at a time, while others wait.
	freePart   = 4
	leastFree  = 1024
	shrinkStep = 256
)

func (d *sqliteDB) size(ctx context.Context) (databaseSize, error) {
	var s databaseSize
	var pages, free, page int64
	err := d.readers.QueryRowContext(ctx, "SELECT p.page_count, f.freelist_count, s.page_size FROM pragma_page_count AS p, pragma_freelist_count AS f, pragma_page_size AS s").
		Scan(&pages, &free, &page)
	if err != nil {
		return s, err
	}
	s.all, s.free = pages*page, free*page
	info, err := os.Stat(d.file + "-wal")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return s, nil
	case err != nil:
		return s, err
	}
	s.log = info.Size()
	return s, nil
}

// shrink gives free pages back to the disk. A file that an older release made cannot be made smaller so, but uses them again.
func (d *sqliteDB) shrink(ctx context.Context) error {
	for {
		var pages, free, mode int64
		err := d.readers.QueryRowContext(ctx, "SELECT p.page_count, f.freelist_count, m.auto_vacuum FROM pragma_page_count AS p, pragma_freelist_count AS f, pragma_auto_vacuum AS m").
			Scan(&pages, &free, &mode)
		if err != nil || mode == 0 || free < leastFree || free < pages/freePart {
			return err
		}
		if err := d.vacuum(ctx); err != nil {
			return err
		}
	}
}

// vacuum gives some pages back. It is done while its rows are read, of which there are none.
func (d *sqliteDB) vacuum(ctx context.Context) error {
	rows, err := d.writer.QueryContext(ctx, "PRAGMA incremental_vacuum("+strconv.Itoa(shrinkStep)+")")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
	}
	return rows.Err()
}
