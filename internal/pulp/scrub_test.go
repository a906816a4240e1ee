// SPDX-License-Identifier: Apache-2.0

package pulp

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// A refusal may repeat what was sent in many spellings, and is cut off: no part of a secret is left.
func TestNoPartOfASecretComesBack(t *testing.T) {
	const key = "-----BEGIN KEY-----\nMIIabcdef/123+456\nMIIuvwxyz\"\\789\n-----END KEY-----\n"
	body := Fields{"name": "a", "client_key": key, "password": `pa"ss\wo<rd`, "username": "user-4711", "headers": []map[string]string{{"Authorization": "x", "value": "Bearer b33f"}}}
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(map[string]any{"raw": []string{string(raw)}, "client_key": key, "headers": body["headers"]})
	if err != nil {
		t.Fatal(err)
	}
	for _, echo := range []struct{ kind, text string }{
		{"application/json", string(raw)},
		{"application/json", string(again)},
		{"text/plain", string(raw) + strings.Repeat("x", 200) + key},
		{"text/plain", strings.Repeat("x", 270) + key + key},
		{"text/html", "<html><body>" + html.EscapeString(key+body["password"].(string)) + "</body></html>"},
		{"text/plain", url.QueryEscape(key) + " " + url.PathEscape(body["password"].(string))},
	} {
		c, _ := newWire(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", echo.kind)
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, echo.text)
		})
		_, err := c.CreateRemote(t.Context(), "file/file", body)
		if err == nil {
			t.Fatal("no error")
		}
		for _, part := range []string{"abcdef", "123+456", "uvwxyz", "789", "wo<rd", "wo&lt;rd", "4711", "b33f"} {
			if strings.Contains(fmt.Sprintf("%v %+v", err, err), part) {
				t.Errorf("%s %.60s…: %v shows %q", echo.kind, echo.text, err, part)
			}
		}
		if !strings.Contains(err.Error(), scrubbed) {
			t.Errorf("%s: %v", echo.kind, err)
		}
	}
}

func TestHidingKeepsTheRest(t *testing.T) {
	h := hiding([]string{"hunter2", "a\nbb\nlonger line\n"})
	if got := h.text(`name: hunter2 bb "longer line" a`); got != `name: *** bb "***" a` {
		t.Errorf("%q", got)
	}
	if got := string(h.bytes([]byte("nothing"))); got != "nothing" {
		t.Errorf("%q", got)
	}
}
