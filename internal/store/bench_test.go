// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// What one write of a run costs on SQLite.
func BenchmarkStage(b *testing.B) {
	s, _ := benchStore(b)
	task, err := s.Enqueue(b.Context(), fleet.NewTask{Name: "x", Kind: fleet.KindRepoGroupSync, MaxRuntime: time.Hour})
	must(b, err)
	_, lease, err := s.Claim(b.Context(), task.ID, "me", "w", "1")
	must(b, err)
	for i := 0; b.Loop(); i++ {
		_, err := s.SaveStage(b.Context(), lease, fleet.Stage{Task: task.ID, Name: fmt.Sprint("stage ", i%20), State: fleet.StageRunning})
		must(b, err)
	}
}

// How long a queued task waits for an idle engine on SQLite.
func BenchmarkPickup(b *testing.B) {
	s, _ := benchStore(b)
	taken := make(chan struct{})
	e, err := s.Engine(EngineConfig{Work: func(context.Context, fleet.TaskID, string) error {
		taken <- struct{}{}
		return nil
	}})
	must(b, err)
	must(b, e.Start(b.Context()))
	defer func() { must(b, e.Stop(context.Background())) }()
	for b.Loop() {
		_, err := s.Enqueue(b.Context(), fleet.NewTask{Name: "x", Kind: fleet.KindRepoGroupSync, MaxRuntime: time.Hour})
		must(b, err)
		<-taken
	}
}

// What mirroring 5,000 repositories costs on SQLite when all of them changed, and when none did.
func BenchmarkMirror(b *testing.B) {
	for _, name := range []string{"changed", "unchanged"} {
		b.Run(name, func(b *testing.B) {
			s, server := benchStore(b)
			seen := many(5000)
			for i := 0; b.Loop(); i++ {
				if name == "changed" {
					for j := range seen {
						seen[j].Href = fmt.Sprintf("/%d/%d/", i, j)
					}
				}
				must(b, s.Mirror(b.Context(), server, seen, nil))
			}
		})
	}
}

func benchStore(b *testing.B) (*Store, fleet.ServerID) {
	b.Helper()
	s := openTest(b, Options{DataDir: b.TempDir()})
	return s, oneServer(b, s)
}
