// SPDX-License-Identifier: Apache-2.0

package config

import "log/slog"

// Logging is section [logging].
type Logging struct {
	Level string // "debug", "info", "warn" or "error"
}

// Slog gives the level as package slog has it.
func (l Logging) Slog() slog.Level {
	var level slog.Level
	if level.UnmarshalText([]byte(l.Level)) != nil {
		return slog.LevelInfo
	}
	return level
}

// loggingFields are the keys of section [logging], which the original has not.
func loggingFields() []field {
	return []field{{
		section: "logging", key: "level", added: true, fallback: "info",
		value:   oneOf(func(s *Settings) *string { return &s.Logging.Level }, []string{"debug", "info", "warn", "error"}),
		meaning: "What is logged: this and what is more severe. A change counts at once, without a restart. The flag `--log-level` wins.",
	}}
}
