// SPDX-License-Identifier: Apache-2.0

// Package storecontract is what a store must do on every database it knows. Tests of
// other packages take their stores from here too.
package storecontract

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

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
	if err := run(server, create); err != nil {
		t.Fatalf("%s: %v", create, err)
	}
	t.Cleanup(func() { drop(t, server, name) })
	address.Path, address.RawPath = "/"+name, ""
	address.RawQuery = ""
	return address.String()
}

// drop drops a database. While the server's own cleaning is at work in it, that is refused to whoever is no superuser.
func drop(t testing.TB, server, name string) {
	t.Helper()
	const notOwner = "42501"
	for attempt := 1; ; attempt++ {
		err := run(server, "DROP DATABASE "+name+" WITH (FORCE)")
		var refused *pgconn.PgError
		switch {
		case err == nil:
			return
		case errors.As(err, &refused) && refused.Code == notOwner && attempt < 100:
			<-time.After(100 * time.Millisecond)
		default:
			t.Fatalf("drop database %s: %v", name, err)
		}
	}
}

// run has a server carry out a statement.
func run(server, sql string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return fmt.Errorf("connect to %s: %w", PostgresVariable, err)
	}
	defer func() { _ = conn.Close(ctx) }()
	_, err = conn.Exec(ctx, sql)
	return err
}
