// SPDX-License-Identifier: Apache-2.0

package store

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// newerBy makes a database that a newer release has changed.
func newerBy(t *testing.T, statements ...string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	s, err := Open(t.Context(), Options{DataDir: dir})
	must(t, err)
	for _, statement := range statements {
		must(t, second(s.db.(*sqliteDB).writer.ExecContext(t.Context(), statement)))
	}
	must(t, s.Close())
	return dir
}

const (
	newerTables = "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, TRUE)"
	newerEngine = "INSERT INTO river_migration (line, version) VALUES ('main', 99)"
)

func TestNewerDatabaseIsRefusedWhereItSaysSo(t *testing.T) {
	for name, newer := range map[string][]string{
		"ours":         {newerTables, "UPDATE compatibility SET oldest = 99"},
		"the engine's": {newerEngine, "UPDATE compatibility SET engine = 99"},
		"unsaid":       {newerTables, "DELETE FROM compatibility"},
		"another's":    {newerTables, "DROP TABLE compatibility"},
	} {
		dir := newerBy(t, newer...)
		for _, noMigrate := range []bool{false, true} {
			_, err := Open(t.Context(), Options{DataDir: dir, NoMigrate: noMigrate})
			if !fault.Is(err, fault.Conflict) || !strings.Contains(fault.Message(err), "newer release") || !strings.Contains(fault.Hint(err), "--down-to") {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestNewerDatabaseThatOnlyHasMoreIsUsed(t *testing.T) {
	dir := newerBy(t, newerTables, newerEngine, "ALTER TABLE tasks ADD COLUMN novelty text", "CREATE TABLE novelties (id integer PRIMARY KEY)")
	for _, noMigrate := range []bool{true, false} {
		s, err := Open(t.Context(), Options{DataDir: dir, NoMigrate: noMigrate})
		must(t, err)
		oneServer(t, s)
		must(t, second(s.Enqueue(t.Context(), fleet.NewTask{Name: "x", Kind: fleet.KindRegister, MaxRuntime: time.Hour})))
		if err := s.Downgrade(t.Context(), firstRelease); !fault.Is(err, fault.Conflict) {
			t.Errorf("an older release takes back a newer one's tables: %v", err)
		}
		must(t, s.Close())
	}
}

func TestDowngrade(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(t.Context(), Options{DataDir: dir})
	must(t, err)
	server := oneServer(t, s)
	for _, to := range []int64{0, firstRelease - 1, 1000} {
		if err := s.Downgrade(t.Context(), to); !fault.Is(err, fault.Invalid) {
			t.Errorf("to %d: %v", to, err)
		}
	}
	must(t, s.Downgrade(t.Context(), firstRelease))
	if err := s.checkVersion(t.Context()); !fault.Is(err, fault.Conflict) {
		t.Errorf("afterwards: %v", err)
	}
	must(t, s.Close())
	s = openTest(t, Options{DataDir: dir}) // and up again
	if again := oneServer(t, s); again != server {
		t.Errorf("server %d became %d", server, again)
	}
}

// takesAway finds in a migration what the release before cannot live with.
var takesAway = regexp.MustCompile(`(?i)\bDROP (TABLE|COLUMN|VIEW)\b|\bRENAME\b|\bSET NOT NULL\b|\bADD CONSTRAINT\b|ADD COLUMN[^;,]*\bNOT NULL\b[^;,]*`)

// withDefault is a column that the release before need not give.
var withDefault = regexp.MustCompile(`(?i)\bDEFAULT\b`)

// Migrations only add, or say in compatibility that the release before cannot work any more.
func TestMigrationsOnlyAdd(t *testing.T) {
	files, err := fs.Glob(migrationFiles, "migrations/*/*.sql")
	must(t, err)
	for _, file := range files {
		text, err := migrationFiles.ReadFile(file)
		must(t, err)
		if found := breaks(string(text)); len(found) > 0 {
			t.Errorf("%s: %q: raise compatibility.oldest in it, or only add", file, found)
		}
	}
	for text, want := range map[string]int{
		"ALTER TABLE a ADD COLUMN b integer NOT NULL;": 1, "ALTER TABLE a DROP COLUMN b;": 1, "ALTER TABLE a RENAME TO b;": 1,
		"ALTER TABLE a DROP COLUMN b; UPDATE compatibility SET oldest = 12;": 0, "ALTER TABLE a ADD COLUMN b integer NOT NULL DEFAULT 0;": 0,
		"CREATE TABLE a (b integer NOT NULL);\n-- +goose Down\nDROP TABLE a;": 0,
	} {
		if found := breaks(text); len(found) != want {
			t.Errorf("%q: %q", text, found)
		}
	}
}

func breaks(migration string) []string {
	up, _, _ := strings.Cut(migration, "-- +goose Down")
	up = comment.ReplaceAllString(up, "")
	if strings.Contains(up, "UPDATE compatibility SET oldest") {
		return nil
	}
	var found []string
	for _, f := range takesAway.FindAllString(up, -1) {
		if !withDefault.MatchString(f) {
			found = append(found, f)
		}
	}
	return found
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
