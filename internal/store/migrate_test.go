// SPDX-License-Identifier: Apache-2.0

package store

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/fault"
)

func TestNewerDatabaseIsRefused(t *testing.T) {
	for name, newer := range map[string]string{
		"ours":         "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, TRUE)",
		"the engine's": "INSERT INTO river_migration (line, version) VALUES ('main', 99)",
	} {
		dir := t.TempDir()
		s, err := Open(t.Context(), Options{DataDir: dir})
		must(t, err)
		_, err = s.db.(*sqliteDB).writer.ExecContext(t.Context(), newer)
		must(t, err)
		must(t, s.Close())
		for _, noMigrate := range []bool{false, true} {
			_, err := Open(t.Context(), Options{DataDir: dir, NoMigrate: noMigrate})
			if !fault.Is(err, fault.Conflict) || !strings.Contains(fault.Message(err), "newer release") {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestOlderDatabaseIsLeftAloneWhereAsked(t *testing.T) {
	dir := t.TempDir()
	_, err := Open(t.Context(), Options{DataDir: dir, NoMigrate: true})
	if !fault.Is(err, fault.Conflict) || !strings.Contains(fault.Hint(err), "pulp-manager migrate") {
		t.Errorf("an empty database: %v", err)
	}
	s, err := Open(t.Context(), Options{DataDir: dir})
	must(t, err)
	must(t, s.Migrate(t.Context())) // again
	must(t, s.Close())
	openTest(t, Options{DataDir: dir, NoMigrate: true})
}

func TestMigrationsCanBeUndone(t *testing.T) {
	s := openTest(t, Options{DataDir: t.TempDir()})
	m, err := s.db.migrations()
	must(t, err)
	must(t, second(m.ours.DownTo(t.Context(), 0)))
	must(t, second(m.ours.Up(t.Context())))
	oneServer(t, s)
}

var comment = regexp.MustCompile(`--.*`)

// column is a line of a table's definition that begins with a name.
var column = regexp.MustCompile(`(?m)^    ([a-z_]+) `)

func TestDialectsHaveTheSameTables(t *testing.T) {
	shape := func(dialect string) map[string][]string {
		shape := map[string][]string{}
		files, err := fs.Glob(migrationFiles, "migrations/"+dialect+"/*.sql")
		must(t, err)
		for _, file := range files {
			text, err := migrationFiles.ReadFile(file)
			must(t, err)
			for _, statement := range strings.Split(comment.ReplaceAllString(string(text), ""), ";") {
				if _, rest, ok := strings.Cut(statement, "CREATE TABLE "); ok {
					name, columns, _ := strings.Cut(rest, " ")
					for _, m := range column.FindAllStringSubmatch(columns, -1) {
						shape[name] = append(shape[name], m[1])
					}
				}
				if m := regexp.MustCompile(`CREATE (?:UNIQUE )?INDEX (\w+)`).FindStringSubmatch(statement); m != nil {
					shape["indexes"] = append(shape["indexes"], m[1])
				}
			}
		}
		return shape
	}
	have := shape("sqlite")
	if diff := cmp.Diff(shape("postgres"), have); diff != "" || len(have) < 13 || len(have["tasks"]) < 20 {
		t.Errorf("PostgreSQL and SQLite differ (-postgres +sqlite):\n%s", diff)
	}
}
