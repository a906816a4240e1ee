// SPDX-License-Identifier: Apache-2.0

// Package storecontract is what a store must do on every database it knows. Tests of
// other packages take their stores from here too.
package storecontract

import (
	"context"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/pulp/pulp-manager/internal/store"
	"github.com/pulp/pulp-manager/internal/store/storetest"
)

// PostgresVariable names the environment variable that holds the URL of a PostgreSQL
// server whose user may create databases.
const PostgresVariable = "PULPMAN_TEST_POSTGRES"

// Open makes a store on a fresh database, closed and removed after the test. A lease
// time of 0 is the usual one.
type Open func(t testing.TB, lease time.Duration) *store.Store

// Databases gives how to open each database that can be tested here: SQLite, and
// PostgreSQL where its variable is set. Its tables are made once and then copied.
func Databases(t testing.TB) map[string]Open { return Skewed(t, nil) }

// Skewed is Databases whose clocks are off by what skew says then.
func Skewed(t testing.TB, skew func() time.Duration) map[string]Open {
	all := map[string]Open{"sqlite": func(t testing.TB, lease time.Duration) *store.Store {
		return open(t, store.Options{DataDir: t.TempDir(), LeaseTime: lease, Skew: skew})
	}}
	if server := os.Getenv(PostgresVariable); server != "" {
		template := Postgres(t, server, "")
		s, err := store.Open(context.Background(), store.Options{DatabaseURL: template})
		if err == nil {
			err = s.Close()
		}
		if err != nil {
			t.Fatalf("make the template: %v", err)
		}
		all["postgres"] = func(t testing.TB, lease time.Duration) *store.Store {
			return open(t, store.Options{DatabaseURL: Postgres(t, server, template), LeaseTime: lease, Skew: skew})
		}
	}
	return all
}

// SQLite opens a store in a directory of its own.
func SQLite(t testing.TB, lease time.Duration) *store.Store {
	t.Helper()
	return open(t, store.Options{DataDir: t.TempDir(), LeaseTime: lease})
}

func open(t testing.TB, o store.Options) *store.Store {
	t.Helper()
	if o.DataDir != "" {
		if err := storetest.Prepare(o.DataDir); err != nil {
			t.Fatal(err)
		}
	}
	s, err := store.Open(context.Background(), o)
	if err != nil {
		t.Fatalf("open the store: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close the store: %v", err)
		}
	})
	return s
}

// Postgres makes a database on a server, a copy of the template where there is one, and
// gives its URL. It is dropped after the test.
func Postgres(t testing.TB, server, template string) string {
	t.Helper()
	address, err := url.Parse(server)
	if err != nil {
		t.Fatalf("%s is not a URL", PostgresVariable)
	}
	name := "pm_store_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	create := "CREATE DATABASE " + name
	if template != "" {
		create += " TEMPLATE " + template[strings.LastIndex(template, "/")+1:]
	}
	execute(t, server, create)
	t.Cleanup(func() { execute(t, server, "DROP DATABASE "+name+" WITH (FORCE)") })
	address.Path, address.RawPath = "/"+name, ""
	address.RawQuery = ""
	return address.String()
}

func execute(t testing.TB, server, sql string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		t.Fatalf("connect to %s: %v", PostgresVariable, err)
	}
	defer func() { _ = conn.Close(ctx) }()
	if _, err := conn.Exec(ctx, sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}
