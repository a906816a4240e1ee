// SPDX-License-Identifier: Apache-2.0

package notice

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// Message is what a receiver is told at a time. It is the body of the generic webhook.
type Message struct {
	Version int       `json:"version"` // of this shape; fields may be added
	ID      string    `json:"id"`      // the same where the same is told again
	SentAt  time.Time `json:"sent_at"`
	Test    bool      `json:"test"` // nothing is wrong: somebody tries whether it arrives
	Summary string    `json:"summary"`
	Groups  []Group   `json:"groups"`
}

// Group is what happened to things of one kind on one server.
type Group struct {
	Event  fleet.NoticeEvent  `json:"event"`
	Source fleet.NoticeSource `json:"source"`
	Server string             `json:"server,omitempty"`
	Kind   fleet.Kind         `json:"kind,omitempty"`
	Title  string             `json:"title"`
	Items  []Item             `json:"items"`
}

// Item is one thing.
type Item struct {
	NoticeID int64      `json:"notice_id"`
	Name     string     `json:"name"`
	Reason   string     `json:"reason"` // why it is, or was, wrong
	Hint     string     `json:"hint,omitempty"`
	Since    time.Time  `json:"since"`
	Last     time.Time  `json:"last"`
	Until    *time.Time `json:"until,omitempty"` // when it was found to be well again
	TaskID   int64      `json:"task_id,omitempty"`
	Link     string     `json:"link,omitempty"`
}

// TestMessage is a message that tells nothing.
func TestMessage(now time.Time, public string) Message {
	item := Item{Name: "test", Reason: "nothing is wrong: somebody tries whether notices arrive", Since: now.UTC(), Last: now.UTC()}
	if public != "" {
		item.Link = public + "/readyz"
	}
	return Message{
		Version: 1, ID: fmt.Sprintf("test-%d", now.Unix()), SentAt: now.UTC(), Test: true, Summary: "test",
		Groups: []Group{{Event: fleet.NoticeFailed, Title: "test of notices", Items: []Item{item}}},
	}
}

// events are in the order they are told.
var events = []struct {
	event fleet.NoticeEvent
	word  string
}{{fleet.NoticeFailed, "failed"}, {fleet.NoticeStill, "still failing"}, {fleet.NoticeRecovered, "recovered"}}

func word(event fleet.NoticeEvent) string {
	for _, e := range events {
		if e.event == event {
			return e.word
		}
	}
	return string(event)
}

// newMessage puts together what is told at a time.
func newMessage(board fleet.NoticeBoard, entries []entry, public string) Message {
	m := Message{Version: 1, SentAt: board.Now}
	sum := sha256.New()
	var counts []string
	for _, e := range events {
		n := 0
		at := map[string]int{} // in m.Groups, by server and kind
		for _, entry := range entries {
			if entry.event != e.event {
				continue
			}
			n++
			fmt.Fprintln(sum, entry.notice.ID, entry.event, entry.notice.Task)
			m.add(board, entry, at, public)
		}
		if n > 0 {
			counts = append(counts, fmt.Sprintf("%d %s", n, e.word))
		}
	}
	for i := range m.Groups {
		m.Groups[i].Title = m.Groups[i].title()
	}
	m.Summary = strings.Join(counts, ", ")
	if slices.ContainsFunc(entries, func(e entry) bool { return e.event == fleet.NoticeStill }) { // which is told each day
		fmt.Fprintln(sum, board.Now.Format(time.DateOnly))
	}
	m.ID = hex.EncodeToString(sum.Sum(nil)[:12])
	return m
}

func (m *Message) add(board fleet.NoticeBoard, e entry, at map[string]int, public string) {
	n := e.notice
	key := fmt.Sprint(n.Source, n.Server, n.Kind)
	i, ok := at[key]
	if !ok {
		i = len(m.Groups)
		at[key] = i
		m.Groups = append(m.Groups, Group{Event: e.event, Source: n.Source, Server: string(board.Servers[n.Server]), Kind: n.Kind})
	}
	item := Item{NoticeID: n.ID, Name: n.Name, Reason: n.Reason, Hint: n.Hint, Since: n.Since, Last: n.Last, TaskID: int64(n.Task)}
	if !n.Closed.IsZero() {
		until := n.Closed
		item.Until = &until
	}
	switch {
	case public == "":
	case n.Task != 0:
		item.Link = fmt.Sprintf("%s/v1/tasks/%d", public, n.Task)
	case n.Server != 0:
		item.Link = fmt.Sprintf("%s/v1/pulp_servers/%d/state", public, n.Server)
	}
	m.Groups[i].Items = append(m.Groups[i].Items, item)
}

func (g Group) title() string {
	what := string(g.Kind)
	switch g.Source {
	case fleet.NoticeServer:
		return "server " + g.Server + map[bool]string{true: " answers again", false: " does not answer"}[g.Event == fleet.NoticeRecovered]
	case fleet.NoticeStuck:
		what += map[bool]string{true: " goes on, or is over", false: " is stuck"}[g.Event == fleet.NoticeRecovered]
	case fleet.NoticeTask:
		what += " " + word(g.Event)
	}
	if g.Server != "" {
		what += " on " + g.Server
	}
	if len(g.Items) > 1 {
		what += fmt.Sprintf(" (%d)", len(g.Items))
	}
	return what
}
