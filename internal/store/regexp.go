// SPDX-License-Identifier: Apache-2.0

package store

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"sync"

	"modernc.org/sqlite"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// patternFailed is in the text of errors of search, by which they are told from others.
const patternFailed = "pattern failed"

// search is SQLite's operator REGEXP: whether a text holds what a pattern describes,
// in any case.
type search struct {
	mu    sync.RWMutex
	known map[string]*fleet.Pattern // by the text in the query
}

// mostPatterns is how many patterns are remembered.
const mostPatterns = 64

func newSearch() *search { return &search{known: map[string]*fleet.Pattern{}} }

// call has SQLite's order: the pattern, then the text.
func (s *search) call(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
	text, ok := args[1].(string)
	if !ok {
		return false, nil // NULL holds nothing
	}
	pattern, ok := args[0].(string)
	if !ok {
		return nil, errors.New(patternFailed + ": not a text")
	}
	p, err := s.compiled(pattern)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", patternFailed, err)
	}
	found, err := p.Search(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", patternFailed, err)
	}
	return found, nil
}

// compiled remembers patterns: a query asks for the same one row by row, beside others that ask for theirs.
func (s *search) compiled(pattern string) (*fleet.Pattern, error) {
	s.mu.RLock()
	p := s.known[pattern]
	s.mu.RUnlock()
	if p != nil {
		return p, nil
	}
	p, err := fleet.CompilePattern(anyCase(pattern))
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.known) >= mostPatterns {
		clear(s.known)
	}
	s.known[pattern] = p
	return p, nil
}

func anyCase(pattern string) string { return "(?i)(?:" + pattern + ")" }
