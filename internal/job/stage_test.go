// SPDX-License-Identifier: Apache-2.0

package job

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

type found struct {
	Names []string       `json:"names"`
	Count map[string]int `json:"count"`
}

// TestStageRunsOnce: a completed stage gives its stored result in later attempts, and is not run again.
func TestStageRunsOnce(t *testing.T) {
	t.Parallel()
	m := newMemory()
	want := found{Names: []string{"a", "b"}, Count: map[string]int{"a": 1}}
	for attempt := range 3 {
		ran := false
		got, err := Stage(t.Context(), m.run(t), "look", func(context.Context, *Progress) (found, error) {
			ran = true
			return want, nil
		})
		if err != nil || len(got.Names) != 2 || got.Count["a"] != 1 {
			t.Errorf("attempt %d: %+v %v", attempt, got, err)
		}
		if ran != (attempt == 0) {
			t.Errorf("attempt %d: ran %v", attempt, ran)
		}
	}
}

// TestStageResultMustSurvive: a result that is not the same when read back is a fault of the program, found at
// the first run and not after a crash.
func TestStageResultMustSurvive(t *testing.T) {
	t.Parallel()
	internal := func(name string, err error, words string) {
		t.Helper()
		if !fault.Is(err, fault.Internal) || !strings.Contains(fault.Message(err), words) {
			t.Errorf("%s: %v", name, err)
		}
	}
	m := newMemory()
	_, err := Stage(t.Context(), m.run(t), "hidden", func(context.Context, *Progress) (struct{ secret int }, error) {
		return struct{ secret int }{1}, nil
	})
	internal("a field that JSON does not see", err, "not the same when read back")
	_, err = Stage(t.Context(), m.run(t), "empty", func(context.Context, *Progress) (struct {
		All []string `json:"all,omitempty"`
	}, error,
	) {
		return struct {
			All []string `json:"all,omitempty"`
		}{[]string{}}, nil
	})
	internal("an empty list that comes back as none", err, "not the same when read back")
	_, err = Stage(t.Context(), m.run(t), "clock", func(context.Context, *Progress) (time.Time, error) { return time.Now(), nil })
	internal("a time with a monotonic clock", err, "not the same when read back")
	_, err = Stage(t.Context(), m.run(t), "channel", func(context.Context, *Progress) (chan int, error) { return make(chan int), nil })
	internal("what JSON cannot write", err, "cannot be stored")
	for name, s := range m.stages {
		if s.State == fleet.StageCompleted {
			t.Errorf("stage %q is stored as completed", name)
		}
	}
	m.stages["old"] = fleet.Stage{Name: "old", State: fleet.StageCompleted, Result: []byte(`{"names": 7}`)}
	_, err = Stage(t.Context(), m.run(t), "old", func(context.Context, *Progress) (found, error) { return found{}, nil })
	internal("a stored result of another version", err, "cannot be read")
}

// TestStageFails: why a stage failed is stored with what to do; it is run again in the next attempt.
func TestStageFails(t *testing.T) {
	t.Parallel()
	m := newMemory()
	_, err := Stage(t.Context(), m.run(t), "s", func(context.Context, *Progress) (None, error) {
		return None{}, fault.New(fault.Invalid, "the url leads nowhere").WithHint("correct it")
	})
	if !fault.Is(err, fault.Invalid) {
		t.Errorf("error: %v", err)
	}
	if s := m.stages["s"]; s.State != fleet.StageFailed || *s.Error != (fleet.TaskError{Msg: "the url leads nowhere", Detail: "correct it"}) {
		t.Errorf("stored: %+v %+v", s, s.Error)
	}
	if _, err = Stage(t.Context(), m.run(t), "s", func(context.Context, *Progress) (None, error) { return None{}, nil }); err != nil {
		t.Error(err)
	}
	if s := m.stages["s"]; s.State != fleet.StageCompleted || s.Error != nil {
		t.Errorf("stored after the second attempt: %+v %+v", s, s.Error)
	}
	_, _ = Stage(t.Context(), m.run(t), "odd", func(context.Context, *Progress) (None, error) { return None{}, errors.New("SELECT secret") })
	if s := m.stages["odd"]; s.Error.Msg != "internal error" || strings.Contains(s.Error.Detail, "SELECT") {
		t.Errorf("stored of an unknown error: %+v", s.Error)
	}
}

// TestStageEndsWithItsContext: the cause of the context's end is why a stage failed, whatever else went wrong; a
// stage that goes on elsewhere stays as it is.
func TestStageEndsWithItsContext(t *testing.T) {
	t.Parallel()
	for cause, want := range map[error]fleet.StageState{
		fleet.ErrCanceled: fleet.StageFailed, fleet.ErrTimeout: fleet.StageFailed,
		fleet.ErrStopping: fleet.StageRunning, fleet.ErrLeaseLost: fleet.StageRunning,
	} {
		m := newMemory()
		ctx, cancel := context.WithCancelCause(t.Context())
		_, err := Stage(ctx, m.run(t), "s", func(context.Context, *Progress) (None, error) {
			cancel(cause)
			return None{}, errors.New("the connection broke")
		})
		if !errors.Is(err, cause) {
			t.Errorf("%v: error is %v", cause, err)
		}
		if s := m.stages["s"]; s.State != want || (want == fleet.StageFailed && s.Error.Msg != fault.Message(cause)) {
			t.Errorf("%v: stored %s %+v", cause, s.State, s.Error)
		}
	}
}

// TestSay: what is said is stored once, however often it is said, and does not disturb the work where it cannot be.
func TestSay(t *testing.T) {
	t.Parallel()
	m := newMemory()
	_, err := Stage(t.Context(), m.run(t), "s", func(ctx context.Context, p *Progress) (None, error) {
		p.Say(ctx, "at %d", 1)
		before := m.saves
		for range 10 {
			p.Say(ctx, "at %d", 1)
		}
		if m.saves != before {
			t.Errorf("%d writes of the same words", m.saves-before)
		}
		m.mu.Lock()
		m.fail = errors.New("disk full")
		m.mu.Unlock()
		p.Say(ctx, "at %d", 2)
		m.mu.Lock()
		m.fail = nil
		m.mu.Unlock()
		return None{}, nil
	})
	if err != nil || m.stages["s"].Detail["msg"] != "at 1" {
		t.Errorf("%v, stored: %v", err, m.stages["s"].Detail)
	}
}
