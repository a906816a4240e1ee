// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// Mirroring costs a few statements, however many repositories there are, and writes
// nothing when nothing changed.
func TestMirrorSendsFewStatements(t *testing.T) {
	s, queries := recorded(t)
	server := oneServer(t, s)
	seen := many(5000)
	for _, c := range []struct {
		name  string
		do    func()
		most  int
		write bool
	}{
		{"new", func() {}, 40, true},
		{"unchanged", func() {}, 5, false},
		{"changed", func() {
			for i := range seen {
				seen[i].Href += "x"
			}
		}, 15, true},
		{"gone", func() { seen = seen[:10] }, 15, true},
	} {
		c.do()
		*queries = nil
		must(t, s.Mirror(t.Context(), server, seen, nil))
		var writes int
		for _, q := range *queries {
			if strings.HasPrefix(q, "INSERT") || strings.HasPrefix(q, "UPDATE") || strings.HasPrefix(q, "DELETE") {
				writes++
			}
		}
		if len(*queries) > c.most || c.write != (writes > 0) || len(*queries) == 0 {
			t.Errorf("%s: %d statements, %d of them writes", c.name, len(*queries), writes)
		}
	}
}

func many(n int) []fleet.Repository {
	all := make([]fleet.Repository, n)
	for i := range all {
		all[i] = fleet.Repository{Name: fmt.Sprintf("repository-%04d", i), Type: "deb", Href: fmt.Sprintf("/%d/", i), RemoteHref: "/remote/"}
	}
	return all
}

// The release before does not know that a repository has its name beside it.
func TestRepositoryOfTheReleaseBeforeHasItsName(t *testing.T) {
	s, _ := recorded(t)
	server := oneServer(t, s)
	must(t, s.Mirror(t.Context(), server, many(2), nil))
	must(t, s.inTx(t.Context(), "test", func(ctx context.Context, t tx) error {
		for _, query := range []string{`DELETE FROM repositories WHERE name = 'repository-0001'`, `UPDATE repository_names SET name = 'older' WHERE name = 'repository-0001'`} {
			if _, err := t.ExecContext(ctx, query); err != nil {
				return err
			}
		}
		_, err := t.ExecContext(ctx, `INSERT INTO repositories (server_id, name_id, type, href, remote_href, remote_feed, distribution_href, latest_version, served_version, date_created, date_last_updated)
			SELECT server_id, (SELECT id FROM repository_names WHERE name = 'older'), type, href, '', '', '', '', '', date_created, date_last_updated FROM repositories`)
		return err
	}))
	page, err := s.FindRepositories(t.Context(), server, fleet.Query{Sort: "name", Page: 1, Size: 5})
	must(t, err)
	if len(page.Items) != 2 || page.Items[0].Name != "older" {
		t.Errorf("got %+v", page.Items)
	}
}
