// SPDX-License-Identifier: Apache-2.0

package store

import (
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
		must(t, s.Mirror(t.Context(), server, seen))
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
