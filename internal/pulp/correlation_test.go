// SPDX-License-Identifier: Apache-2.0

package pulp

import (
	"net/http"
	"strings"
	"testing"

	"github.com/pulp/pulp-manager/internal/fault"
)

func TestCorrelationIsSent(t *testing.T) {
	id := NewCorrelation()
	if len(id) != 32 || !validCorrelation(id) || id == NewCorrelation() {
		t.Fatalf("%q is not a new uuid of 32 digits", id)
	}
	c, w := newWire(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Correlation-ID", r.Header.Get("Correlation-ID"))
		reply(w, 202, anyTask)
	})
	if _, err := c.Sync(WithCorrelation(t.Context(), id), "/x/", nil); err != nil {
		t.Fatal(err)
	}
	if got := w.seen("", "")[0].Header.Get("Correlation-ID"); got != id {
		t.Errorf("sent %q", got)
	}
}

// Pulp replaces an id it does not like without a word.
func TestCorrelationThatIsIgnored(t *testing.T) {
	sent := NewCorrelation()
	dashed := sent[:8] + "-" + sent[8:12] + "-" + sent[12:16] + "-" + sent[16:20] + "-" + strings.ToUpper(sent[20:])
	tests := []struct {
		name, header string
		ok           bool
	}{
		{"the same", sent, true},
		{"the same in another spelling", dashed, true},
		{"no header: a proxy may drop it", "", true},
		{"another", NewCorrelation(), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var seen []Observation
			c, _ := newWire(t, func(w http.ResponseWriter, r *http.Request) {
				if tt.header != "" {
					w.Header().Set("Correlation-ID", tt.header)
				}
				if r.Method == http.MethodGet {
					reply(w, 200, "{}")
					return
				}
				reply(w, 202, anyTask)
			}, func(cfg *Config) { cfg.Observe = func(o Observation) { seen = append(seen, o) } })
			ctx := WithCorrelation(t.Context(), sent)
			got, err := c.Sync(ctx, "/x/", nil)
			if (err == nil) != tt.ok || got != task {
				t.Errorf("%q, %v", got, err)
			}
			if !tt.ok && (!fault.Is(err, fault.Internal) || NotSent(err) || seen[0].Err == nil) {
				t.Errorf("%v, observed %v", err, seen[0].Err)
			}
			if _, err := c.Object(ctx, "/x/"); err != nil {
				t.Errorf("a read fails too: %v", err)
			}
			if _, err := c.Sync(t.Context(), "/x/", nil); err != nil {
				t.Errorf("a write whose id nobody chose fails too: %v", err)
			}
		})
	}
}

func TestCorrelationThatIsNoUUID(t *testing.T) {
	for _, id := range []string{"", "my-run-42", strings.Repeat("z", 32), strings.Repeat("a", 300), "{01a20969-8a68-76d7-a914-3e22f2511399}", "urn:uuid:01a20969-8a68-76d7-a914-3e22f2511399", "a\r\nX: y"} {
		c, w := newWire(t, replyWith(202, anyTask))
		_, err := c.Sync(WithCorrelation(t.Context(), id), "/x/", nil)
		if !fault.Is(err, fault.Internal) || err == nil || !NotSent(err) || len(w.seen("", "")) != 0 {
			t.Errorf("%q: %v", id, err)
		}
	}
}
