// SPDX-License-Identifier: Apache-2.0

// Package storetest makes databases for tests.
package storetest

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/pulp/pulp-manager/internal/store"
)

// file is the name of the embedded database in its directory.
const file = "pulp-manager.db"

// Prepare puts an empty database with all tables into a directory that has none, so that opening it there takes no time: bringing
// one up to date is most of what a short test does. One that is there is left alone.
func Prepare(dir string) error {
	path := filepath.Join(dir, file)
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	empty, err := template()
	if err != nil {
		return err
	}
	return os.WriteFile(path, empty, 0o600)
}

// template is an empty database with all tables.
var template = sync.OnceValues(func() (_ []byte, err error) {
	dir, err := os.MkdirTemp("", "storetest-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s, err := store.Open(context.Background(), store.Options{DataDir: dir})
	if err != nil {
		return nil, err
	}
	if err := s.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(filepath.Join(dir, file))
})
