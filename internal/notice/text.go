// SPDX-License-Identifier: Apache-2.0

package notice

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/pulp/pulp-manager/internal/fleet"
)

const (
	groupsShown = 20
	itemsShown  = 10  // of a group
	reasonShown = 600 // bytes
)

// style is how a text is marked up.
type style struct {
	title func(text string) string
	plain func(text string) string
	link  func(url, text string) string
}

// plainText is for people who read mail.
var plainText = style{
	title: func(text string) string { return strings.ToUpper(text[:1]) + text[1:] },
	plain: func(text string) string { return text },
	link:  func(url, _ string) string { return url },
}

// text writes a message for people. What is too much is counted.
func (m Message) text(s style) string {
	var b strings.Builder
	for i, g := range m.Groups {
		if i == groupsShown {
			fmt.Fprintf(&b, "and %d more\n", len(m.Groups)-i)
			break
		}
		fmt.Fprintln(&b, s.title(clean(g.Title)))
		for j, item := range g.Items {
			if j == itemsShown {
				fmt.Fprintf(&b, "  and %d more\n", len(g.Items)-j)
				break
			}
			item.write(&b, s, g.Event)
		}
		fmt.Fprintln(&b)
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

func (i Item) write(b *strings.Builder, s style, event fleet.NoticeEvent) {
	fmt.Fprintf(b, "  %s\n", s.plain(strings.ReplaceAll(clean(i.Name), "\n", " ")))
	if event == fleet.NoticeRecovered {
		fmt.Fprintf(b, "    it was wrong since %s, because: %s\n", moment(i.Since), s.plain(first(i.Reason)))
	} else {
		for line := range strings.SplitSeq(cut(clean(i.Reason)), "\n") {
			fmt.Fprintf(b, "    %s\n", s.plain(line))
		}
		if i.Hint != "" {
			fmt.Fprintf(b, "    what to do: %s\n", s.plain(cut(clean(i.Hint))))
		}
		fmt.Fprintf(b, "    since %s", moment(i.Since))
		if i.Last.After(i.Since) {
			fmt.Fprintf(b, ", last at %s", moment(i.Last))
		}
		fmt.Fprintln(b)
	}
	switch {
	case i.Link != "" && i.TaskID != 0:
		fmt.Fprintf(b, "    %s\n", s.link(i.Link, fmt.Sprint("task ", i.TaskID)))
	case i.Link != "":
		fmt.Fprintf(b, "    %s\n", s.link(i.Link, i.Link))
	case i.TaskID != 0:
		fmt.Fprintf(b, "    pulp-manager tasks %d\n", i.TaskID)
	}
}

// first is the first line of a text.
func first(text string) string {
	line, _, _ := strings.Cut(clean(text), "\n")
	return cut(line)
}

func moment(at time.Time) string { return at.UTC().Format("2006-01-02 15:04 UTC") }

// clean takes out what would change a terminal or a mail.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && unicode.IsControl(r) {
			return -1
		}
		return r
	}, text)
}

func cut(text string) string {
	if len(text) <= reasonShown {
		return text
	}
	at := reasonShown
	for !utf8.RuneStart(text[at]) {
		at--
	}
	return text[:at] + "…"
}
