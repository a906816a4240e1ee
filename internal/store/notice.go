// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/pulp/pulp-manager/internal/fleet"
)

const (
	noticeText  = 4000 // bytes of a reason, and of a hint
	noticeParts = 5    // of a task that ended badly
)

// noticeRow is a row of notices.
type noticeRow struct {
	bun.BaseModel `bun:"table:notices,alias:n"`

	ID         int64     `bun:"id,pk,autoincrement"`
	Key        string    `bun:"key"`
	Source     string    `bun:"source"`
	ServerID   int64     `bun:"server_id,nullzero"`
	Kind       string    `bun:"kind"`
	Name       string    `bun:"name"`
	TaskID     int64     `bun:"task_id,nullzero"`
	ScheduleID int64     `bun:"schedule_id,nullzero"`
	Reason     string    `bun:"reason"`
	Hint       string    `bun:"hint"`
	Since      time.Time `bun:"since,nullzero"`
	Last       time.Time `bun:"last,nullzero"`
	Opened     time.Time `bun:"opened,nullzero"`
	Closed     time.Time `bun:"closed,nullzero"`
	Recovered  bool      `bun:"recovered"`

	Scheduled bool `bun:"scheduled,scanonly"`
}

// toldRow is a row of notices_told.
type toldRow struct {
	bun.BaseModel `bun:"table:notices_told,alias:nt"`

	NoticeID int64     `bun:"notice_id,pk"`
	Receiver string    `bun:"receiver,pk"`
	Event    string    `bun:"event"`
	At       time.Time `bun:"at,nullzero"`
}

// receiverRow is a row of notice_receivers.
type receiverRow struct {
	bun.BaseModel `bun:"table:notice_receivers,alias:nr"`

	Name      string    `bun:"name,pk"`
	Attempts  int       `bun:"attempts"`
	Failing   time.Time `bun:"failing,nullzero"`
	Next      time.Time `bun:"next,nullzero"`
	Delivered time.Time `bun:"delivered,nullzero"`
	Problem   string    `bun:"problem"`
}

// lookRow is the row of notice_looks.
type lookRow struct {
	bun.BaseModel `bun:"table:notice_looks,alias:nl"`

	ID     int64     `bun:"id,pk"`
	Due    time.Time `bun:"due,nullzero"`
	Looked time.Time `bun:"looked,nullzero"`
}

// ClaimNotices implements fleet.Notices, as one compare-and-set.
func (s *Store) ClaimNotices(ctx context.Context, every time.Duration) (bool, error) {
	var n int64
	err := s.inTx(ctx, "begin to look for what is to be told", func(ctx context.Context, t tx) (err error) {
		n, err = changed(t.NewUpdate().Model((*lookRow)(nil)).Set("due = ?", t.in(every)).Where("nl.id = 1 AND nl.due <= ?", t.now()).Exec(ctx))
		return err
	})
	return n == 1, err
}

// stillScheduled is an SQL expression: the schedule that a row names is there.
const stillScheduled = "EXISTS (SELECT 1 FROM schedules AS sc WHERE sc.id = ?.schedule_id) AS scheduled"

// NoticeBoard implements fleet.Notices.
func (s *Store) NoticeBoard(ctx context.Context) (fleet.NoticeBoard, error) {
	board, err := s.noticeBoard(ctx)
	return board, s.errors.classify(ctx, err, "read what was told")
}

func (s *Store) noticeBoard(ctx context.Context) (fleet.NoticeBoard, error) {
	board := fleet.NoticeBoard{Servers: map[fleet.ServerID]fleet.ServerName{}}
	var err error
	if board.Now, err = s.clock.read(ctx, s.read); err != nil {
		return board, err
	}
	var looks []lookRow
	var notices []noticeRow
	var told []toldRow
	var receivers []receiverRow
	var servers []struct {
		ID   int64  `bun:"id"`
		Name string `bun:"name"`
	}
	for _, q := range []*bun.SelectQuery{
		s.read.NewSelect().Model(&looks),
		s.read.NewSelect().Model(&notices).ColumnExpr("n.*").ColumnExpr(stillScheduled, bun.Ident("n")).OrderExpr("n.id"),
		s.read.NewSelect().Model(&told).OrderExpr("nt.notice_id, nt.receiver"),
		s.read.NewSelect().Model(&receivers).OrderExpr("nr.name"),
	} {
		if err := q.Scan(ctx); err != nil {
			return board, err
		}
	}
	if err := s.read.NewRaw("SELECT id, name FROM servers WHERE removed IS NULL").Scan(ctx, &servers); err != nil {
		return board, err
	}
	for _, r := range looks {
		board.Looked = utc(r.Looked)
	}
	for _, r := range notices {
		board.Notices = append(board.Notices, r.notice())
	}
	for _, r := range told {
		board.Told = append(board.Told, fleet.NoticeTold{Notice: r.NoticeID, Receiver: r.Receiver, Event: fleet.NoticeEvent(r.Event), At: utc(r.At)})
	}
	for _, r := range receivers {
		board.Receivers = append(board.Receivers, fleet.NoticeReceiver{
			Name: r.Name, Attempts: r.Attempts, Failing: utc(r.Failing), Next: utc(r.Next), Delivered: utc(r.Delivered), Problem: r.Problem,
		})
	}
	for _, r := range servers {
		board.Servers[fleet.ServerID(r.ID)] = fleet.ServerName(r.Name)
	}
	return board, nil
}

// SaveNotices implements fleet.Notices.
func (s *Store) SaveNotices(ctx context.Context, all []fleet.Notice, looked time.Time) error {
	return s.inTx(ctx, "store what is to be told", func(ctx context.Context, t tx) error {
		for _, n := range all {
			row := rowOfNotice(n)
			var err error
			if row.ID == 0 {
				_, err = t.NewInsert().Model(&row).ExcludeColumn("id").On("CONFLICT (key) WHERE closed IS NULL DO NOTHING").Returning("NULL").Exec(ctx)
			} else {
				_, err = t.NewUpdate().Model(&row).WherePK().ExcludeColumn("key", "opened").Exec(ctx)
			}
			if err != nil {
				return err
			}
		}
		if _, err := t.NewDelete().Model((*noticeRow)(nil)).Where("n.closed < ?", t.in(-fleet.KeepNotices)).Exec(ctx); err != nil {
			return err
		}
		_, err := t.NewUpdate().Model((*lookRow)(nil)).Set("looked = ?", looked).Where("nl.id = 1").Exec(ctx)
		return err
	})
}

// NoteDelivery implements fleet.Notices.
func (s *Store) NoteDelivery(ctx context.Context, receiver string, told []fleet.NoticeTold, problem string, wait time.Duration) error {
	return s.inTx(ctx, "store that a notice was delivered, or not", func(ctx context.Context, t tx) error {
		row := receiverRow{Name: receiver, Problem: storable(problem, noticeText)}
		insert := t.NewInsert().Model(&row).On("CONFLICT (name) DO UPDATE").Set("problem = excluded.problem").Returning("NULL")
		if problem == "" {
			insert = insert.Value("delivered", "?", t.now()).
				Set("delivered = excluded.delivered").Set("attempts = 0").Set("failing = NULL").Set("next = NULL")
		} else {
			row.Attempts = 1
			insert = insert.Value("failing", "?", t.now()).Value("next", "?", t.in(wait)).
				Set("attempts = nr.attempts + 1").Set("failing = coalesce(nr.failing, excluded.failing)").Set("next = excluded.next")
		}
		if _, err := insert.Exec(ctx); err != nil || problem != "" {
			return err
		}
		for _, one := range told {
			row := toldRow{NoticeID: one.Notice, Receiver: receiver, Event: string(one.Event)}
			_, err := t.NewInsert().Model(&row).Value("at", "?", t.now()).On("CONFLICT (notice_id, receiver) DO UPDATE").
				Set("event = excluded.event").Set("at = excluded.at").Returning("NULL").Exec(ctx)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func rowOfNotice(n fleet.Notice) noticeRow {
	return noticeRow{
		ID: n.ID, Key: storable(n.Key, noticeText), Source: string(n.Source), ServerID: int64(n.Server), Kind: string(n.Kind), Name: storable(n.Name, noticeText),
		TaskID: int64(n.Task), ScheduleID: int64(n.Schedule), Reason: storable(n.Reason, noticeText), Hint: storable(n.Hint, noticeText),
		Since: n.Since, Last: n.Last, Opened: n.Opened, Closed: n.Closed, Recovered: n.Recovered,
	}
}

func (r noticeRow) notice() fleet.Notice {
	return fleet.Notice{
		ID: r.ID, Key: r.Key, Source: fleet.NoticeSource(r.Source), Server: fleet.ServerID(r.ServerID), Kind: fleet.Kind(r.Kind), Name: r.Name,
		Task: fleet.TaskID(r.TaskID), Schedule: fleet.ScheduleID(r.ScheduleID), Scheduled: r.Scheduled, Reason: r.Reason, Hint: r.Hint,
		Since: utc(r.Since), Last: utc(r.Last), Opened: utc(r.Opened), Closed: utc(r.Closed), Recovered: r.Recovered,
	}
}
