// SPDX-License-Identifier: Apache-2.0

package store

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"sync/atomic"

	"modernc.org/sqlite"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// patternFailed is in the text of errors of search, by which they are told from others.
const patternFailed = "pattern failed"

// search is SQLite's operator REGEXP: whether a text holds what a pattern describes,
// in any case.
type search struct{ last atomic.Pointer[fleet.Pattern] }

func newSearch() *search { return &search{} }

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

// compiled remembers the newest pattern: a query asks for the same one row by row.
func (s *search) compiled(pattern string) (*fleet.Pattern, error) {
	if p := s.last.Load(); p != nil && p.String() == anyCase(pattern) {
		return p, nil
	}
	p, err := fleet.CompilePattern(anyCase(pattern))
	if err == nil {
		s.last.Store(p)
	}
	return p, err
}

func anyCase(pattern string) string { return "(?i)(?:" + pattern + ")" }
