// SPDX-License-Identifier: Apache-2.0

package client

import (
	"io"
	"net/http"
	"testing"
)

func TestContent(t *testing.T) {
	var sent string
	c := newClient(t, func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		sent = r.Method + " " + r.URL.RequestURI() + " " + string(text)
		if r.URL.Path == "/base/v1/pulp_servers/7/repos/23/find_package_content" {
			write(w, 201, `[{"pulp_href":"/c/1/","package":"gamma","name":"gamma","version":"1.0","full_name":"gamma 1.0 amd64"}]`)
			return
		}
		write(w, 201, `{"id":5,"state":"queued"}`)
	})
	found, err := c.FindContent(t.Context(), 7, 23, ContentSearch{Name: "gamma", Version: "1.0+b1&x"})
	if err != nil || len(found) != 1 || found[0] != (ContentUnit{Href: "/c/1/", Package: "gamma", Name: "gamma", Version: "1.0", FullName: "gamma 1.0 amd64"}) {
		t.Errorf("found %+v %v", found, err)
	}
	if want := `POST /base/v1/pulp_servers/7/repos/23/find_package_content {"name":"gamma","version":"1.0+b1\u0026x"}`; sent != want {
		t.Errorf("sent %s", sent)
	}
	task, err := c.AskRepository(t.Context(), 7, 23, "remove_repo_content", map[string]string{"content_href": "/c/1/"})
	if err != nil || task.ID != 5 || task.State != StateQueued {
		t.Errorf("task %+v %v", task, err)
	}
	if want := `POST /base/v1/pulp_servers/7/repos/23/remove_repo_content {"content_href":"/c/1/"}`; sent != want {
		t.Errorf("sent %s", sent)
	}
}
