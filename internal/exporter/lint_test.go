// SPDX-License-Identifier: Apache-2.0

package exporter

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

// Nothing is left to complain about: the original's names keep the rules, and their help texts and types are ours.
func TestMetricsAreAsPrometheusWantsThem(t *testing.T) {
	h := Handler(Options{
		Process: busy(t), Fleet: oneOfEach(), Expect: expectDay, Settings: func() Settings { return Settings{PerRepository: On, Processes: true} },
	})
	problems, err := promlint.New(scrape(t, h).Body).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}
