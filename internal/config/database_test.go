// SPDX-License-Identifier: Apache-2.0

package config

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/pulp/pulp-manager/internal/fault"
)

func TestFindDatabase(t *testing.T) {
	const postgres = "postgres://u:hunter2@db.example.com:5432/pulp"
	env := func(pairs ...string) map[string]string {
		m := map[string]string{"HOME": "/people/me"}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i]] = pairs[i+1]
		}
		return m
	}
	for name, c := range map[string]struct {
		flags Sources
		env   map[string]string
		want  string // Show, or part of the error
		bad   bool
	}{
		"default":              {env: env(), want: "/people/me/.local/state/pulp-manager"},
		"state home":           {env: env("XDG_STATE_HOME", "/state"), want: "/state/pulp-manager"},
		"relative state home":  {env: env("XDG_STATE_HOME", "state"), want: "/people/me/.local/state/pulp-manager"},
		"no home":              {env: map[string]string{}, want: "HOME and XDG_STATE_HOME are not set", bad: true},
		"data dir":             {flags: Sources{DataDir: "/data"}, env: env(), want: "/data"},
		"PostgreSQL":           {env: env(EnvDatabaseURL, postgres), want: "postgres://db.example.com:5432/pulp"},
		"PostgreSQL by flag":   {flags: Sources{DatabaseURL: postgres}, env: env(EnvDatabaseURL, "x"), want: "postgres://db.example.com:5432/pulp"},
		"flag wins":            {flags: Sources{DataDir: "/data"}, env: env(EnvDatabaseURL, postgres), want: "/data"},
		"both flags":           {flags: Sources{DataDir: "/data", DatabaseURL: postgres}, env: env(), want: "name two databases", bad: true},
		"MariaDB":              {env: env("DB_HOSTNAME", "db", "DB_NAME", "n", "DB_USER", "u", "DB_PASSWORD", "hunter2"), want: "DB_HOSTNAME: names the Python version's MariaDB", bad: true},
		"MariaDB, password":    {env: env("DB_PASSWORD", "hunter2"), want: "DB_PASSWORD: names the Python version's MariaDB", bad: true},
		"MariaDB and data dir": {flags: Sources{DataDir: "/data"}, env: env("DB_HOSTNAME", "db"), want: "/data"},
		"MariaDB and URL":      {env: env("DB_HOSTNAME", "db", EnvDatabaseURL, postgres), want: "postgres://db.example.com:5432/pulp"},
		"MySQL URL":            {env: env(EnvDatabaseURL, "mysql+pymysql://u:hunter2@h/n"), want: "names a MySQL or MariaDB", bad: true},
		"other URL":            {env: env(EnvDatabaseURL, "sqlite:///x"), want: "does not begin with postgres://", bad: true},
		"no database":          {env: env(EnvDatabaseURL, "postgres://u:hunter2@h/"), want: "does not name a database", bad: true},
		"unescaped":            {env: env(EnvDatabaseURL, "postgres://u:hunter2%@h/n"), want: "is not a URL", bad: true},
	} {
		s := c.flags
		s.Env = func(name string) (string, bool) { v, ok := c.env[name]; return v, ok }
		d, err := FindDatabase(s)
		if c.bad {
			if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%s: %v", name, err)
			}
			if !strings.Contains(Check(s).String(), c.want) {
				t.Errorf("%s: Check does not say it", name)
			}
			continue
		}
		if err != nil || d.Show() != c.want || d.Embedded() != strings.HasPrefix(c.want, "/") {
			t.Errorf("%s: %s, embedded %v, %v", name, d.Show(), d.Embedded(), err)
		}
	}
	d, err := FindDatabase(Sources{DataDir: "data"})
	if err != nil || !filepath.IsAbs(d.DataDir) {
		t.Errorf("relative folder stays relative: %v %v", d, err)
	}
}
