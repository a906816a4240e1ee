// SPDX-License-Identifier: Apache-2.0

package client

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A daemon that has no list over all servers is asked server by server; one that allows no large pages is asked for its own.
func TestAllRepositories(t *testing.T) {
	for name, test := range map[string]struct {
		lists  bool
		limits bool
		asked  []string
	}{
		"a new daemon": {true, false, []string{"/v1/repos/?name=x&page=1&page_size=500"}},
		"an old daemon": {false, false, []string{
			"/v1/repos/?name=x&page=1&page_size=500", "/v1/pulp_servers/?page=1&page_size=500", "/v1/pulp_servers/1/repos?name=x&page=1&page_size=500",
			"/v1/pulp_servers/2/repos?name=x&page=1&page_size=500",
		}},
		"small pages": {true, true, []string{"/v1/repos/?name=x&page=1&page_size=500", "/v1/repos/?name=x&page=1"}},
	} {
		t.Run(name, func(t *testing.T) {
			var asked []string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked = append(asked, r.URL.String())
				w.Header().Set("Content-Type", "application/json")
				switch {
				case test.limits && r.URL.Query().Has("page_size"):
					w.WriteHeader(http.StatusUnprocessableEntity)
					_, _ = io.WriteString(w, `{"detail":"too many","errors":[{"location":"query.page_size","message":"must be 100 or less"}]}`)
				case r.URL.Path == "/v1/repos/" && !test.lists:
					w.WriteHeader(http.StatusNotFound)
					_, _ = io.WriteString(w, `{"detail":"Not Found"}`)
				case r.URL.Path == "/v1/repos/":
					_, _ = io.WriteString(w, `{"items":[{"name":"r1","pulp_server_name":"s1"},{"name":"r2","pulp_server_name":"s2"}],"total":2}`)
				case r.URL.Path == "/v1/pulp_servers/":
					_, _ = io.WriteString(w, `{"items":[{"id":1,"name":"s1"},{"id":2,"name":"s2"}],"total":2}`)
				default:
					_, _ = fmt.Fprintf(w, `{"items":[{"name":"r%s"}],"total":1}`, strings.Split(r.URL.Path, "/")[3])
				}
			}))
			defer server.Close()
			c, err := New(server.URL)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			all, err := c.AllRepositories(t.Context(), map[string][]string{"name": {"x"}})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, r := range all {
				got = append(got, r.ServerName+" "+r.Name)
			}
			if diff := cmp.Diff([]string{"s1 r1", "s2 r2"}, got); diff != "" {
				t.Errorf("repositories (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.asked, asked); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
		})
	}
}
