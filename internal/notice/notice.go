// SPDX-License-Identifier: Apache-2.0

// Package notice tells people what is wrong, when it first is, daily while it is still so, and when it is well again. What is wrong is
// decided from the store alone (look.go), what is told to whom from what was told before (due.go); both have no side effects.
package notice

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

const (
	lookEach  = time.Minute      // how often somebody looks for what is to be told
	tick      = 10 * time.Second // how often each process asks whether it is its turn
	sendLimit = 40 * time.Second // of all deliveries of one look: less than lookEach, so that no other process sends at the same time
	oneLimit  = 20 * time.Second // of one delivery
)

// Receiver is where notices go to.
type Receiver interface {
	// Name tells it from the others. It holds no secret.
	Name() string
	// Send delivers a message, or tells why not in words that may be shown.
	Send(ctx context.Context, m Message) error
}

// Settings say what is told to whom.
type Settings struct {
	Receivers  []Receiver    // empty: nothing is looked at
	DownAfter  time.Duration // for how long a server does not answer before that is told
	ProbeEach  time.Duration // how often servers are looked at; 0: never
	StuckAfter time.Duration // for how long nothing of a running task changes until it is stuck
	Repeat     time.Duration // how often what is still wrong is told; 0: never
	PublicURL  string        // of the API, without a slash at its end, for links; empty: none
}

// Teller finds what is to be told and tells it. Any number may run: one of them does it at a time.
type Teller struct {
	Notices   fleet.Notices
	States    fleet.ServerStates
	Attention fleet.Attention
	// Explain tells what a task waits for.
	Explain  func(ctx context.Context, t fleet.Task) string
	Settings func() Settings // in force
	Log      *slog.Logger
}

// Run tells until the context ends.
func (t Teller) Run(ctx context.Context) {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := t.Tick(ctx); err != nil && ctx.Err() == nil {
			t.Log.Error("notices not told", "err", err)
		}
	}
}

// Tick looks and tells if it is time and no other process does.
func (t Teller) Tick(ctx context.Context) error {
	s := t.Settings()
	if len(s.Receivers) == 0 {
		return nil
	}
	mine, err := t.Notices.ClaimNotices(ctx, lookEach)
	if err != nil || !mine {
		return err
	}
	if err := t.look(ctx, s); err != nil {
		return err
	}
	board, err := t.Notices.NoticeBoard(ctx) // as it is stored, with ids
	if err != nil {
		return err
	}
	t.tell(ctx, s, board)
	return nil
}

// look stores what is wrong now.
func (t Teller) look(ctx context.Context, s Settings) error {
	board, err := t.Notices.NoticeBoard(ctx)
	if err != nil {
		return err
	}
	seen := sight{Stuck: map[fleet.TaskID]string{}}
	if seen.Ended, err = t.Notices.EndedTasks(ctx, lookFrom(board)); err != nil {
		return err
	}
	if seen.States, err = t.States.ServerStates(ctx); err != nil {
		return err
	}
	if seen.Tasks, err = t.Attention.StuckTasks(ctx, s.StuckAfter); err != nil {
		return err
	}
	for _, task := range seen.Tasks {
		seen.Stuck[task.ID] = t.Explain(ctx, task)
	}
	changed := look(board, seen, s)
	for _, n := range changed {
		switch {
		case n.ID == 0:
			t.Log.Info("notice opened", "source", n.Source, "kind", n.Kind, "name", n.Name, "task", n.Task)
		case !n.Closed.IsZero():
			t.Log.Info("notice closed", "source", n.Source, "kind", n.Kind, "name", n.Name, "task", n.Task, "recovered", n.Recovered)
		}
	}
	return t.Notices.SaveNotices(ctx, changed, board.Now)
}

// tell tells every receiver what it does not know yet, all at the same time.
func (t Teller) tell(ctx context.Context, s Settings, board fleet.NoticeBoard) {
	limit, cancel := context.WithTimeout(ctx, sendLimit)
	defer cancel()
	var wait sync.WaitGroup
	for _, r := range s.Receivers {
		state := receiverOf(board, r.Name())
		if state.Next.After(board.Now) {
			continue
		}
		entries := due(board, r.Name(), s.Repeat)
		if len(entries) == 0 {
			continue
		}
		wait.Go(func() {
			m := newMessage(board, entries, s.PublicURL)
			if err := t.deliver(limit, r, state, m, entries); err != nil && ctx.Err() == nil {
				t.Log.Error("delivery of a notice not stored", "receiver", r.Name(), "err", err)
			}
		})
	}
	wait.Wait()
}

// deliver tells one receiver, and stores what came of it: also where that takes until the limit.
func (t Teller) deliver(ctx context.Context, r Receiver, state fleet.NoticeReceiver, m Message, entries []entry) error {
	problem := ""
	if err := SendOne(ctx, r, m); err != nil {
		problem = shown(err)
		t.Log.Warn("notice not delivered", "receiver", r.Name(), "attempt", state.Attempts+1, "err", err)
	} else {
		t.Log.Info("notice delivered", "receiver", r.Name(), "notices", len(entries))
	}
	told := make([]fleet.NoticeTold, len(entries))
	for i, e := range entries {
		told[i] = fleet.NoticeTold{Notice: e.notice.ID, Receiver: r.Name(), Event: e.event}
	}
	store, cancel := context.WithTimeout(context.WithoutCancel(ctx), oneLimit/2)
	defer cancel()
	return t.Notices.NoteDelivery(store, r.Name(), told, problem, backoff(state.Attempts))
}

// SendOne sends a message to one receiver, for as long as a delivery may take.
func SendOne(ctx context.Context, r Receiver, m Message) error {
	ctx, cancel := context.WithTimeout(ctx, oneLimit)
	defer cancel()
	err := r.Send(ctx, m)
	if err != nil && ctx.Err() != nil {
		return fault.Wrap(fault.Unavailable, err, "%s did not take it within %s", r.Name(), oneLimit)
	}
	return err
}

// backoff is how long a receiver is left alone after so many failures and one more.
func backoff(before int) time.Duration { return min(lookEach<<min(before, 10), time.Hour) }

func receiverOf(board fleet.NoticeBoard, name string) fleet.NoticeReceiver {
	for _, r := range board.Receivers {
		if r.Name == name {
			return r
		}
	}
	return fleet.NoticeReceiver{Name: name}
}

func shown(err error) string {
	text := fault.Message(err)
	if hint := fault.Hint(err); hint != "" {
		text = fmt.Sprintf("%s (%s)", text, hint)
	}
	return text
}
