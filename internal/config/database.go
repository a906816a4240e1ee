// SPDX-License-Identifier: Apache-2.0

package config

import (
	"net/url"
	"path/filepath"
	"strings"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// Database says where the store is.
type Database struct {
	// URL of PostgreSQL, with its password; empty: the embedded database in DataDir.
	URL fleet.Secret
	// DataDir is the folder of the embedded database and of generated keys; empty with PostgreSQL,
	// unless a flag names it.
	DataDir string
}

// Embedded tells whether the store is the embedded database.
func (d Database) Embedded() bool { return d.URL.Empty() }

// mariadb are the variables that named the original's database.
var mariadb = []string{"DB_HOSTNAME", "DB_NAME", "DB_USER", "DB_PASSWORD"}

const databaseHint = "set DATABASE_URL=postgres://USER:PASSWORD@HOST:5432/NAME for PostgreSQL, or give --data-dir DIRECTORY for the embedded database; " +
	"an importer that brings the old database over comes with a later release"

// FindDatabase decides between PostgreSQL and the embedded database. The error is Problems.Err.
func FindDatabase(s Sources) (Database, error) {
	var problems Problems
	d := s.database(&problems)
	return d, problems.Err()
}

func (s Sources) database(problems *Problems) Database {
	r := &report{file: "--database-url"}
	defer func() { *problems = append(*problems, r.problems...) }()
	address := s.DatabaseURL
	switch {
	case s.DatabaseURL != "" && s.DataDir != "":
		r.errorf(0, "give one of them", "--database-url and --data-dir name two databases")
		return Database{}
	case address == "" && s.DataDir == "":
		r.file, address = EnvDatabaseURL, s.set(EnvDatabaseURL)
	}
	if address != "" {
		if msg := checkDatabaseURL(address); msg != "" {
			r.errorf(0, databaseHint, "%s", msg)
		}
		return Database{URL: fleet.NewSecret(address)}
	}
	if s.DataDir != "" {
		return Database{DataDir: absolute(s.DataDir)}
	}
	for _, name := range mariadb {
		if s.set(name) != "" {
			r.file = name
			r.errorf(0, databaseHint, "names the Python version's MariaDB, which this version cannot use")
			return Database{}
		}
	}
	r.file = "--data-dir"
	dir := s.set("XDG_STATE_HOME")
	if home := s.set("HOME"); !filepath.IsAbs(dir) && filepath.IsAbs(home) {
		dir = filepath.Join(home, ".local", "state")
	}
	if !filepath.IsAbs(dir) {
		r.errorf(0, "give --data-dir DIRECTORY or DATABASE_URL", "there is no place for the embedded database: HOME and XDG_STATE_HOME are not set")
		return Database{}
	}
	return Database{DataDir: filepath.Join(dir, "pulp-manager")}
}

func absolute(dir string) string {
	if abs, err := filepath.Abs(dir); err == nil {
		return abs
	}
	return dir
}

// checkDatabaseURL says what is wrong with the address of a database, without repeating it.
func checkDatabaseURL(text string) string {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return "the database's address is not a URL: a password in it needs its special characters written as %XX"
	case strings.HasPrefix(u.Scheme, "mysql"), strings.HasPrefix(u.Scheme, "mariadb"):
		return "the database's address names a MySQL or MariaDB, which this version cannot use"
	case u.Scheme != "postgres" && u.Scheme != "postgresql":
		return "the database's address does not begin with postgres://"
	case strings.Trim(u.Path, "/") == "":
		return "the database's address does not name a database"
	}
	return ""
}
