// SPDX-License-Identifier: Apache-2.0

package store

import (
	"fmt"
	"testing"

	"github.com/pulp/pulp-manager/internal/fleet"
)

func openTest(t testing.TB, o Options) *Store {
	t.Helper()
	s, err := Open(t.Context(), o)
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}

func oneServer(t testing.TB, s *Store) fleet.ServerID {
	t.Helper()
	c := fleet.Configuration{Hash: fmt.Sprint("one ", t.Name()), Servers: []fleet.ConfiguredServer{{Server: fleet.Server{Name: "a.test"}}}}
	must(t, second(s.Apply(t.Context(), c, false)))
	server, err := s.ServerByName(t.Context(), "a.test")
	must(t, err)
	return server.ID
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("unexpected error: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }
