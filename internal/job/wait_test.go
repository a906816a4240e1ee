// SPDX-License-Identifier: Apache-2.0

package job

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/pulp"
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

// TestAdvice: what to do about a failed Pulp task follows from Pulp's words or code.
func TestAdvice(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		task pulp.Task
		want string
	}{
		{pulp.Task{Reason: "404, message='Not Found', url='http://x'"}, "does not have it"},
		{pulp.Task{ErrorCode: "DEB0002", Reason: "[DEB0002] Unable to verify any Release files from 'x'"}, "gpgkey"},
		{pulp.Task{Reason: "Unable to verify any Release files from 'x'"}, "gpgkey"},
		{pulp.Task{Reason: "[PLP0003] A file located at the url x failed validation due to checksum."}, "differs"},
		{pulp.Task{Reason: "A file located at the url x failed validation due to checksum."}, "differs"},
		{pulp.Task{Reason: "Cannot connect to host localhost:4040 ssl:True [SSLCertVerificationError: (1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: unable to get local issuer certificate (_ssl.c:1006)')]"}, "ca_cert"},
		{pulp.Task{Reason: "Cannot connect to host localhost:4040 ssl:default [[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)]"}, "TLS to upstream"},
		{pulp.Task{Reason: "Cannot connect to host 127.0.0.1:1 ssl:default [Connect call failed ('127.0.0.1', 1)]"}, "proxy and firewall"},
		{pulp.Task{Reason: "Master URL http://127.0.0.1:404/x is not https scheme"}, "mirror_url with https"},
		{pulp.Task{Reason: "Worker has gone missing."}, "next run"},
		{pulp.Task{Reason: "Killed by signal 9."}, "memory"},
		{pulp.Task{Reason: "never seen", Href: "/pulp/api/v3/tasks/1/", Correlation: "abc"}, "correlation id abc"},
	} {
		if got := adviceFor(c.task); !strings.Contains(got, c.want) {
			t.Errorf("%q: %q", c.task.Reason, got)
		}
	}
}
