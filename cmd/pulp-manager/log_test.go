// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/config"
)

// TestOriginalLog: the keys and values of legacy section 2's log format, one JSON line an event.
func TestOriginalLog(t *testing.T) {
	var out strings.Builder
	log := slog.New((&options{logFormat: "original"}).handler(&out, slog.LevelInfo))
	log.Debug("not this")
	log.Info("stopped", "err", nil, "task", 0)
	log.With("server", "a.test", "task", 7).WithGroup("x").Warn("a\nb", "y", 1)
	log.Error("request", "request_id", "r1", "err", errors.New("no"), "level", "odd", "level_of", slog.LevelWarn, "time", "odd")
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 3 {
		t.Fatalf("%d lines: %s", len(lines), out.String())
	}
	for i, want := range []map[string]any{
		{"msg": "stopped", "module": "log_test", "func": "TestOriginalLog", "thread": "main", "level": "INFO", "worker_id": nil, "request_id": nil, "task": 0.0},
		{"msg": "a\nb", "module": "log_test", "func": "TestOriginalLog", "thread": "main", "level": "WARNING", "worker_id": "7", "request_id": nil, "server": "a.test", "task": 7.0, "x.y": 1.0},
		{"msg": "request", "module": "log_test", "func": "TestOriginalLog", "thread": "main", "level": "ERROR", "worker_id": nil, "request_id": "r1", "exception": "no", "level_of": "WARN", "time": "odd"},
	} {
		var got map[string]any
		if err := json.Unmarshal([]byte(lines[i]), &got); err != nil {
			t.Fatal(err)
		}
		at, err := time.Parse("2006-01-02T15:04:05.000000", got["ts"].(string))
		if err != nil || time.Since(at).Abs() > time.Minute {
			t.Errorf("ts %v, %v", got["ts"], err)
		}
		delete(got, "ts")
		if diff := cmp.Diff(want, got); diff != "" || strings.Count(lines[i], `"level":`) != 1 {
			t.Errorf("%s\n%s", lines[i], diff)
		}
	}
	if h := (&options{logFormat: "xml"}).handler(&out, slog.LevelInfo); h != nil {
		t.Error("there is a format xml")
	}
}

func TestLevelChangesWithTheConfiguration(t *testing.T) {
	t.Setenv("PULP_MANAGER_SKIP_PARSER_CONFIG", "1")
	path := filepath.Join(t.TempDir(), "config.ini")
	load := func(text string) *config.Config {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := config.Load(config.Sources{ConfigPath: path})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	for flag, want := range map[string][]slog.Level{"": {slog.LevelInfo, slog.LevelError, slog.LevelDebug}, "warn": {slog.LevelWarn, slog.LevelWarn, slog.LevelWarn}} {
		o := options{logLevel: flag}
		log, err := o.logger()
		if err != nil {
			t.Fatal(err)
		}
		d := &daemon{options: o, log: log}
		for i, text := range []string{"", "[logging]\nlevel = error\n", "[logging]\nlevel = debug\n"} {
			d.current.Store(load(text))
			d.setLevel(t.Context())
			if got := o.level.Level(); got != want[i] || log.Enabled(t.Context(), want[i]-1) {
				t.Errorf("--log-level %q, %q: level %s, want %s", flag, text, got, want[i])
			}
		}
	}
	if _, err := (&options{logLevel: "loud"}).logger(); err == nil {
		t.Error("there is a level loud")
	}
	if p := config.Check(config.Sources{ConfigPath: writeINI(t, "[logging]\nlevel = loud\n"), DataDir: t.TempDir()}); !p.Fatal() {
		t.Errorf("a level loud is taken: %v", p)
	}
}

func writeINI(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.ini")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
