// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
)

// counted are the requests a server got.
type counted struct {
	All     int `json:"all"`
	Reads   int `json:"reads"`
	Writes  int `json:"writes"`
	Polls   int `json:"polls"`   // reads of Pulp tasks
	Logins  int `json:"logins"`  // one a session
	Content int `json:"content"` // what clients and secondaries read
}

// add counts one request by its method and path below the server's address.
func (c *counted) add(method, path string) {
	c.All++
	switch {
	case !strings.Contains(path, "/api/v3/"):
		c.Content++
	case strings.HasSuffix(path, "/api/v3/login/"):
		c.Logins++
	case method != "GET" && method != "HEAD":
		c.Writes++
	case strings.HasSuffix(path, "/tasks/"), strings.Contains(path, "/tasks/"):
		c.Polls++
	default:
		c.Reads++
	}
}

// withoutPolls is what a repository's share is reckoned from.
func (c counted) withoutPolls() int { return c.Reads + c.Writes }

// mark gives the place in nginx's log where the next request will be.
func (l *lab) mark() (int64, error) {
	info, err := os.Stat(l.access)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// since counts the requests in nginx's log since a mark, ours left out.
func (l *lab) since(mark int64) (counted, error) {
	var c counted
	text, err := os.ReadFile(l.access)
	if err != nil {
		return c, err
	}
	if int64(len(text)) < mark {
		return c, fmt.Errorf("%s has become shorter", l.access)
	}
	for line := range bytes.Lines(text[mark:]) {
		fields := strings.Split(strings.TrimSpace(string(line)), "\t")
		if len(fields) != 9 {
			return c, fmt.Errorf("%s: a line of %d fields", l.access, len(fields))
		}
		if fields[8] == userAgent {
			continue
		}
		path, _, _ := strings.Cut(fields[2], "?")
		c.add(fields[1], path)
	}
	return c, nil
}
