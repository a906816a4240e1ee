// SPDX-License-Identifier: Apache-2.0

package pulp

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestStatusNeedsNoLogin(t *testing.T) {
	c, w := newWire(t, replyWith(200, `{"versions":[{"component":"core","version":"3.123.1"},{"component":"deb","version":"3.11.1"}],
		"online_workers":[{"name":"a"},{"name":"b"}],"online_api_apps":[{}],"online_content_apps":[{"name":"c"}],
		"database_connection":{"connected":true},"redis_connection":{"connected":false},
		"storage":{"total":270553174016,"used":null,"free":5},
		"content_settings":{"content_origin":"http://c","content_path_prefix":"/pulp/content/"},"domain_enabled":true}`),
		withLogin(fixed("p")))
	got, err := c.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	total, free := int64(270553174016), int64(5)
	want := Status{
		Versions:      map[string]string{"core": "3.123.1", "deb": "3.11.1"},
		OnlineWorkers: 2, OnlineContentApps: 1, DatabaseConnected: true, TellsRedis: true,
		ContentOrigin: "http://c", ContentPathPrefix: "/pulp/content/", DomainEnabled: true,
		StorageTotal: &total, StorageFree: &free,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	calls := w.seen("", "")
	if len(calls) != 1 || calls[0].Method != http.MethodGet || calls[0].Header.Get("Authorization") != "" {
		t.Errorf("%+v", calls)
	}
}

func TestStatusOfAnOldPulp(t *testing.T) {
	c, _ := newWire(t, replyWith(200, `{"versions":[],"storage":null,"content_settings":{"content_origin":null}}`))
	got, err := c.Status(t.Context())
	if err != nil || got.StorageTotal != nil || got.ContentOrigin != "" || got.DomainEnabled {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestAtLeast(t *testing.T) {
	tests := []struct {
		have, want string
		ok         bool
	}{
		{"3.123.1", "3.123.1", true},
		{"3.123.1", "3.123", true},
		{"3.123", "3.123.1", false},
		{"3.9.0", "3.70", false},
		{"3.70", "3.9", true},
		{"3.117.0.dev", "3.117", true},
		{"3.117.0.dev", "3.117.1", false},
		{"3.22rc1", "3.22", true},
		{"4.0.0", "3.999", true},
		{"", "3.0", false},
		{"unknown", "3.0", false},
	}
	for _, tt := range tests {
		s := Status{Versions: map[string]string{"core": tt.have}}
		if s.AtLeast("core", tt.want) != tt.ok {
			t.Errorf("%q at least %q: %v", tt.have, tt.want, !tt.ok)
		}
	}
	s := Status{Versions: map[string]string{"core": "3.1"}}
	if s.AtLeast("deb", "0") || s.Has("deb") || !s.Has("core") || (Status{}).Has("core") {
		t.Error("a component that is missing")
	}
}
