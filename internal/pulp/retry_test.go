// SPDX-License-Identifier: Apache-2.0

package pulp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
)

func TestReadingIsRepeated(t *testing.T) {
	for _, status := range []int{429, 502, 503, 504} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tries := 0
				c, w := newWire(t, func(w http.ResponseWriter, _ *http.Request) {
					if tries++; tries <= 3 {
						reply(w, status, "")
						return
					}
					reply(w, 200, `{"pulp_href":"/x/"}`)
				}, func(cfg *Config) { cfg.RetryWait = time.Second })
				began := time.Now()
				if _, err := c.Repository(t.Context(), "/x/"); err != nil {
					t.Fatal(err)
				}
				// Half of 1 s, 2 s, 4 s: the other half is by chance, here 0.
				if waited := time.Since(began); waited != 3500*time.Millisecond {
					t.Errorf("waited %v", waited)
				}
				id := w.seen("", "")[0].Header.Get("Correlation-ID")
				for _, r := range w.seen("", "") {
					if r.Header.Get("Correlation-ID") != id || !validCorrelation(id) {
						t.Error("the tries differ in their correlation id")
					}
				}
			})
		})
	}
}

func TestReadingIsNotRepeatedForEver(t *testing.T) {
	tests := []struct {
		status, retries, want int
	}{
		{503, 0, 4}, {503, 1, 2}, {503, -1, 1}, {500, 0, 1}, {404, 0, 1}, {400, 0, 1}, {403, 0, 1},
	}
	for _, tt := range tests {
		c, w := newWire(t, replyWith(tt.status, "{}"), func(cfg *Config) { cfg.MaxRetries = tt.retries })
		if _, err := c.Repository(t.Context(), "/x/"); err == nil {
			t.Fatal("no error")
		}
		if n := len(w.seen("", "")); n != tt.want {
			t.Errorf("status %d, MaxRetries %d: %d tries, want %d", tt.status, tt.retries, n, tt.want)
		}
	}
}

func TestWritingIsNeverRepeated(t *testing.T) {
	writes := map[string]func(context.Context, *Client) error{
		"POST":   func(ctx context.Context, c *Client) error { _, err := c.Sync(ctx, "/x/", nil); return err },
		"PATCH":  func(ctx context.Context, c *Client) error { _, err := c.UpdateRemote(ctx, "/x/", nil); return err },
		"DELETE": func(ctx context.Context, c *Client) error { _, err := c.DeleteRemote(ctx, "/x/"); return err },
	}
	for method, write := range writes {
		for _, status := range []int{429, 502, 503, 504} {
			c, w := newWire(t, replyWith(status, ""))
			if err := write(t.Context(), c); !fault.Is(err, fault.Unavailable) {
				t.Errorf("%s %d: %v", method, status, err)
			}
			if n := len(w.seen(method, "")); n != 1 {
				t.Errorf("%s answered %d was sent %d times", method, status, n)
			}
		}
	}
}

func TestRetryAfterIsHonouredAndBounded(t *testing.T) {
	tests := []struct {
		header string
		want   time.Duration
	}{
		{"7", 7 * time.Second},
		{"86400", 30 * time.Second},
		{"99999999999999999999", 500 * time.Millisecond},
		{"-5", 500 * time.Millisecond},
		{"soon", 500 * time.Millisecond},
		{"Sat, 01 Jan 2000 00:00:12 GMT", 12 * time.Second}, // synctest starts at midnight
		{"Sat, 01 Jan 2050 00:00:00 GMT", 30 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.header, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tries := 0
				c, _ := newWire(t, func(w http.ResponseWriter, _ *http.Request) {
					if tries++; tries == 1 {
						w.Header().Set("Retry-After", tt.header)
						reply(w, 503, "")
						return
					}
					reply(w, 200, "{}")
				}, func(cfg *Config) { cfg.RetryWait = time.Second })
				began := time.Now()
				if _, err := c.Object(t.Context(), "/x/"); err != nil {
					t.Fatal(err)
				}
				if waited := time.Since(began); waited != tt.want {
					t.Errorf("waited %v, want %v", waited, tt.want)
				}
			})
		})
	}
}

func TestBackoffGrowsAndIsBounded(t *testing.T) {
	c := newClient(t, "http://pulp.example", func(cfg *Config) { cfg.RetryWait = time.Second })
	for _, chance := range []float64{0, 0.5, 0.999} {
		c.jitter = func() float64 { return chance }
		for try := range 80 {
			full := min(time.Second<<min(try, 20), maxBackoff)
			if d := c.backoff(try, 0); d < full/2 || d > full {
				t.Errorf("try %d, chance %v: %v is not between %v and %v", try, chance, d, full/2, full)
			}
		}
	}
}

func TestRequestTimeLimits(t *testing.T) {
	never := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	synctest.Test(t, func(t *testing.T) {
		c, w := newWire(t, never, func(cfg *Config) { cfg.RequestTimeout = 7 * time.Second })
		began := time.Now()
		_, err := c.Sync(t.Context(), "/x/", nil)
		if time.Since(began) != 7*time.Second || NotSent(err) || !fault.Is(err, fault.Unavailable) {
			t.Errorf("write: after %v: %v", time.Since(began), err)
		}
		if want := "Pulp server alpha: sync repository: no answer within 7s"; fault.Message(err) != want {
			t.Errorf("message %q", fault.Message(err))
		}
		began = time.Now()
		if _, err := c.Object(t.Context(), "/x/"); !fault.Is(err, fault.Unavailable) {
			t.Errorf("read: %v", err)
		}
		if took := time.Since(began); took < 28*time.Second || took > 29*time.Second {
			t.Errorf("four tries of 7 s took %v", took)
		}
		if n := len(w.seen(http.MethodGet, "")); n != 4 {
			t.Errorf("%d tries", n)
		}
	})
}

// The login counts too: a write is never sent later than RequestTimeout after the
// call, so whoever looks for its task afterwards knows when to stop.
func TestWriteIsNotSentAfterItsTimeLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, w := newWire(t, func(w http.ResponseWriter, _ *http.Request) {
			<-time.After(6 * time.Second) // simulated time
			reply(w, http.StatusBadGateway, "")
		}, withLogin(fixed("right")), func(cfg *Config) { cfg.RequestTimeout = 10 * time.Second })
		began := time.Now()
		_, err := c.Sync(t.Context(), "/x/", nil)
		if took := time.Since(began); took != 10*time.Second || !NotSent(err) {
			t.Errorf("after %v, NotSent %v: %v", took, NotSent(err), err)
		}
		if n := len(w.seen("", "/x/sync/")); n != 0 {
			t.Errorf("sent %d times", n)
		}
		<-time.After(time.Minute) // simulated: the last handler ends
	})
}

func TestCallerWhoGivesUpIsNotMadeToWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		c, w := newWire(t, func(w http.ResponseWriter, _ *http.Request) {
			cancel()
			reply(w, 503, "")
		}, func(cfg *Config) { cfg.RetryWait = time.Hour })
		began := time.Now()
		if _, err := c.Object(ctx, "/x/"); err == nil {
			t.Fatal("no error")
		}
		if time.Since(began) != 0 || len(w.seen("", "")) != 1 {
			t.Errorf("after %v, %d tries", time.Since(began), len(w.seen("", "")))
		}
		if _, err := c.Sync(ctx, "/x/", nil); !NotSent(err) || !errors.Is(err, context.Canceled) {
			t.Errorf("write after the end: %v", err)
		}
		if n := len(w.seen(http.MethodPost, "")); n != 0 {
			t.Error("sent after the caller gave up")
		}
	})
}
