// SPDX-License-Identifier: Apache-2.0

package exporter

import (
	"net/http/httptest"
	"strings"
	"testing"
)

func TestHandlerTellsTheVersion(t *testing.T) {
	rec := httptest.NewRecorder()
	Handler("1.2.3").ServeHTTP(rec, httptest.NewRequest("GET", "/metrics", nil))
	if want := `pulp_manager_build_info{version="1.2.3"} 1`; rec.Code != 200 || !strings.Contains(rec.Body.String(), want) {
		t.Errorf("GET /metrics = %d, without %q", rec.Code, want)
	}
}
