// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// A pattern that is made to take long ends soon: where it is one that Go's engine takes it does not take long, else a match that does is
// refused, and many that take a little end with the request. Others are answered meanwhile, and after it.
func TestSlowPatterns(t *testing.T) {
	s := openTest(t, Options{DataDir: t.TempDir()})
	server := oneServer(t, s)
	seen := many(2000)
	for i := range seen {
		seen[i].Name = "ext-" + strings.Repeat("a", 30) + "-" + seen[i].Name
	}
	must(t, s.Mirror(t.Context(), server, seen, nil))
	find := func(pattern string, limit time.Duration) (int, time.Duration, error) {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		defer cancel()
		began := time.Now()
		page, err := s.FindRepositories(ctx, server, fleet.Query{Filters: []fleet.Filter{{Field: "name", Op: fleet.Match, Value: pattern}}, Page: 1, Size: 1})
		return page.Total, time.Since(began), err
	}
	const soon = 10 * time.Second
	for pattern, want := range map[string]int{`(a+)+$`: 0, `(a|a)*-(a|aa)+$`: 0, `(x+x+)+y`: 0, `(a+)+-repo`: 2000, `((a{100}){100}){100}`: 0} {
		if n, took, err := find(pattern, time.Minute); n != want || err != nil || took > soon {
			t.Errorf("%s: %d of %d in %s, %v", pattern, n, want, took, err)
		}
	}
	for _, pattern := range []string{`(?=a)(a+)+$`, `(a*)*\1b`} {
		if _, took, err := find(pattern, time.Minute); !fault.Is(err, fault.Invalid) || took > soon {
			t.Errorf("%s: %v after %s", pattern, err, took)
		}
	}
	ended := make(chan error, 1)
	go func() {
		_, took, err := find(`(?!x)(a?){4}(a?){4}b`, 500*time.Millisecond)
		if took > soon {
			t.Errorf("took %s", took)
		}
		ended <- err
	}()
	for running := true; running; {
		if n, took, err := find(`a+-repository-1`, time.Minute); n != 1000 || err != nil || took > soon {
			t.Errorf("meanwhile: %d in %s, %v", n, took, err)
		}
		select {
		case err := <-ended:
			if !errors.Is(err, context.DeadlineExceeded) && !fault.Is(err, fault.Invalid) { // on a busy machine one name takes too long already
				t.Errorf("ended with %v", err)
			}
			running = false
		default:
		}
	}
}
