// SPDX-License-Identifier: Apache-2.0

package notice

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/store"
	"github.com/pulp/pulp-manager/internal/store/storecontract"
)

// impatient looks whenever it is asked, and tries receivers again at once.
type impatient struct {
	fleet.Notices
	turns bool          // keep to turns
	age   time.Duration // by which what was told is older
}

func (i *impatient) ClaimNotices(ctx context.Context, every time.Duration) (bool, error) {
	if i.turns {
		return i.Notices.ClaimNotices(ctx, every)
	}
	return true, nil
}

func (i *impatient) NoticeBoard(ctx context.Context) (fleet.NoticeBoard, error) {
	b, err := i.Notices.NoticeBoard(ctx)
	for j := range b.Told {
		b.Told[j].At = b.Told[j].At.Add(-i.age)
	}
	return b, err
}

func (i *impatient) NoteDelivery(ctx context.Context, receiver string, told []fleet.NoticeTold, problem string, _ time.Duration) error {
	return i.Notices.NoteDelivery(ctx, receiver, told, problem, 0)
}

type room struct {
	*testing.T
	*store.Store
	hook    *hook
	notices *impatient
	teller  Teller
}

// newRoom is a teller on a store, with a webhook.
func newRoom(t *testing.T) *room {
	s := storecontract.SQLite(t, 0)
	c := fleet.Configuration{Hash: "1", Servers: []fleet.ConfiguredServer{{Server: fleet.Server{Name: "a.test", Username: "admin"}}}}
	if _, err := s.Apply(t.Context(), c, true); err != nil {
		t.Fatal(err)
	}
	r := &room{T: t, Store: s, hook: newHook(t), notices: &impatient{Notices: s}}
	r.teller = Teller{
		Notices: r.notices, States: s, Attention: s, Log: slog.New(slog.DiscardHandler), Explain: func(context.Context, fleet.Task) string { return "" },
		Settings: func() Settings {
			return Settings{
				Receivers: []Receiver{Webhook{URL: constant(r.hook.URL), Client: r.hook.client()}},
				ProbeEach: time.Minute, StuckAfter: time.Hour, Repeat: 24 * time.Hour,
			}
		},
	}
	return r
}

func (r *room) ok(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

// ends runs a task of a name to its end.
func (r *room) ends(name string, state fleet.TaskState) {
	r.Helper()
	task, err := r.Enqueue(r.Context(), fleet.NewTask{Name: name, Kind: fleet.KindRegister, MaxRuntime: time.Hour})
	r.ok(err)
	_, lease, err := r.Claim(r.Context(), task.ID, "me", "w", "1")
	r.ok(err)
	_, err = r.Transition(r.Context(), lease, task.ID, state, &fleet.TaskError{Msg: "because of " + name})
	r.ok(err)
}

// server is looked at.
func (r *room) server(reachable bool) {
	r.Helper()
	ids, err := r.ClaimProbes(r.Context(), 0, 10)
	r.ok(err)
	for _, id := range ids {
		r.ok(r.SaveProbe(r.Context(), fleet.ServerState{Server: id, Reachable: reachable, Problem: "refused"}))
	}
}

// hears has the teller tell, and fails unless the webhook gets one message with all of that; with none, unless it gets nothing.
func (r *room) hears(want ...string) {
	r.Helper()
	r.ok(r.teller.Tick(r.Context()))
	got := r.hook.take()
	if len(want) == 0 && len(got) == 0 {
		return
	}
	if len(got) != 1 || len(want) == 0 {
		r.Fatalf("got %d messages, want %v: %v", len(got), want, got)
	}
	for _, text := range want {
		if !strings.Contains(got[0], text) {
			r.Errorf("there is no %s in %s", text, got[0])
		}
	}
}

func TestTellerTells(t *testing.T) {
	r := newRoom(t)
	r.server(true)
	r.ends("well", fleet.Completed)
	r.hears()
	r.ends("x", fleet.Failed)
	r.ends("y", fleet.Failed)
	r.server(false)
	r.hears(`"summary":"3 failed"`, "because of x", "because of y", "repo_creation_from_git failed (2)", "server a.test does not answer", "refused")
	r.hears() // once
	r.notices.age = 25 * time.Hour
	r.hears(`"summary":"1 still failing"`, "server a.test does not answer") // nobody tries the tasks again
	r.notices.age = 0
	r.ends("x", fleet.Completed)
	r.server(true)
	r.hears(`"summary":"2 recovered"`, "server a.test answers again", `"name":"x"`)
	r.hears()
	r.ends("x", fleet.Failed)
	r.hears(`"summary":"1 failed"`, "because of x")
}

func TestReceiverThatIsDown(t *testing.T) {
	r := newRoom(t)
	r.hook.answer(503)
	r.ends("x", fleet.Failed)
	r.ends("short", fleet.Failed)
	for range 3 {
		r.hears()
	}
	board, err := r.NoticeBoard(t.Context())
	r.ok(err)
	if len(board.Receivers) != 1 || board.Receivers[0].Attempts != 3 || !strings.Contains(board.Receivers[0].Problem, "answered 503") || len(board.Told) != 0 {
		t.Errorf("%+v", board)
	}
	r.ends("short", fleet.Completed)
	r.hook.answer(0)
	r.hears(`"summary":"1 failed"`, "because of x") // what is well again was never told to be wrong
	if board, err = r.NoticeBoard(t.Context()); err != nil || board.Receivers[0].Attempts != 0 || board.Receivers[0].Delivered.IsZero() {
		t.Errorf("%+v, %v", board.Receivers, err)
	}
}

func TestReceiverIsLeftAloneForAWhile(t *testing.T) {
	r := newRoom(t)
	r.teller.Notices = r.Store
	r.hook.answer(503)
	r.ends("x", fleet.Failed)
	r.hears()
	r.hook.answer(0)
	again := r.teller
	again.Notices = claimed{r.Store} // a minute later, but for the store's clock
	r.ok(again.Tick(t.Context()))
	if got := r.hook.take(); len(got) != 0 {
		t.Errorf("it is not left alone: %v", got)
	}
	for before, want := range map[int]time.Duration{0: time.Minute, 1: 2 * time.Minute, 5: 32 * time.Minute, 6: time.Hour, 1000: time.Hour} {
		if got := backoff(before); got != want {
			t.Errorf("after %d failures and one: %s, want %s", before, got, want)
		}
	}
}

// claimed gives everybody a turn.
type claimed struct{ fleet.Notices }

func (claimed) ClaimNotices(context.Context, time.Duration) (bool, error) { return true, nil }

func TestManyProcessesTellOnce(t *testing.T) {
	r := newRoom(t)
	r.notices.turns = true
	r.ends("x", fleet.Failed)
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			if err := r.teller.Tick(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if got := r.hook.take(); len(got) != 1 {
		t.Errorf("told %d times", len(got))
	}
}

func TestNobodyToTell(t *testing.T) {
	r := newRoom(t)
	r.teller.Settings = func() Settings { return Settings{} }
	r.ends("x", fleet.Failed)
	r.hears()
	if board, err := r.NoticeBoard(t.Context()); err != nil || len(board.Notices) != 0 || !board.Looked.IsZero() {
		t.Errorf("%+v, %v", board, err)
	}
}

// held never answers.
type held struct{}

func (held) Name() string { return "held" }

func (held) Send(ctx context.Context, _ Message) error {
	<-ctx.Done()
	return ctx.Err()
}

// TestStopDoesNotWait: a delivery that hangs ends with the process, and is told again by the next.
func TestStopDoesNotWait(t *testing.T) {
	r := newRoom(t)
	r.teller.Settings = func() Settings { return Settings{Receivers: []Receiver{held{}}} }
	r.ends("x", fleet.Failed)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	r.ok(r.teller.Tick(ctx))
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("a stop took %s", took)
	}
	if board, err := r.NoticeBoard(t.Context()); err != nil || len(board.Told) != 0 || len(board.Notices) != 1 {
		t.Errorf("%+v, %v", board, err)
	}
}
