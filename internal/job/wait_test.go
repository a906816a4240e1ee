// SPDX-License-Identifier: Apache-2.0

package job

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// TestManyLongWaits: however many wait for Pulp tasks that do not begin, the server is asked for its workers, and
// they are nudged, once in a while; each stage says why it waits.
func TestManyLongWaits(t *testing.T) {
	t.Parallel()
	s, fake := connected(t, pulpfake.Options{Workers: 1})
	s.timing = Timing{Odd: time.Millisecond, LookEach: time.Hour}
	fake.KillAll()
	hrefs := nudges(t, s, 30)
	fake.Revive()
	release := fake.Hold(pulpfake.On{Task: "purge"})
	fake.ForgetRequests()
	memories := make([]*memory, len(hrefs))
	var wg sync.WaitGroup
	for i, href := range hrefs {
		memories[i] = newMemory()
		wg.Go(func() {
			_, err := Stage(t.Context(), memories[i].run(t), "s", func(ctx context.Context, p *Progress) (None, error) {
				_, err := s.Wait(ctx, p, href)
				return None{}, err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	for i, m := range memories {
		waitUntil(t, fmt.Sprintf("wait %d to say why", i), func() bool {
			m.mu.Lock()
			defer m.mu.Unlock()
			said, _ := m.stages["s"].Detail["msg"].(string)
			return strings.Contains(said, "waits since") || strings.Contains(said, " is running since ")
		})
	}
	release()
	wg.Wait()
	asked := map[string]int{}
	for _, r := range fake.Requests() {
		asked[r.Method+" "+r.Path]++
	}
	if n := asked["GET /pulp/api/v3/status/"]; n != 1 {
		t.Errorf("the status was asked for %d times", n)
	}
	if n := asked["POST /pulp/api/v3/tasks/purge/"]; n > 1 {
		t.Errorf("the workers were nudged %d times", n)
	}
}
