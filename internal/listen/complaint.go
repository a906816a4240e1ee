// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// complaints takes what Go's server says in words of its own.
type complaints struct{ slog.Handler }

// Handle writes a line of Go's server. What any passer-by can cause at will is for those who look for it.
func (c complaints) Handle(ctx context.Context, r slog.Record) error {
	level := slog.LevelWarn
	if strings.Contains(r.Message, "TLS handshake error") || strings.Contains(r.Message, "URL query contains semicolon") {
		level = slog.LevelDebug
	}
	if !c.Enabled(ctx, level) {
		return nil
	}
	said := slog.NewRecord(r.Time, level, "from the HTTP server", r.PC)
	said.AddAttrs(slog.String("err", r.Message))
	return c.Handler.Handle(ctx, said)
}

// Enabled lets everything through to Handle, which knows better.
func (c complaints) Enabled(ctx context.Context, level slog.Level) bool {
	return level == slog.LevelWarn || c.Handler.Enabled(ctx, level)
}

// seldom counts what may happen very often, and tells of it now and then.
type seldom struct {
	mu    sync.Mutex
	count int
	told  time.Time
}

// often is how often seldom tells of something.
const often = 10 * time.Second

// happened calls tell with how often it has happened since it was told last.
func (s *seldom) happened(tell func(times int)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count++
	if now := time.Now(); now.Sub(s.told) >= often {
		tell(s.count)
		s.count, s.told = 0, now
	}
}
