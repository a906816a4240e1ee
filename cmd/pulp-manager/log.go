// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"io"
	"log/slog"
	"path"
	"runtime"
	"slices"
	"strings"
)

// The log is slog's, one line an event; the formats are text, json and original. The last has the keys of the Python version,
// for those who read its logs by program.

// originalTime is Python's isoformat in UTC.
const originalTime = "2006-01-02T15:04:05.000000"

// originalHandler writes JSON lines with the Python version's keys: msg, ts, module, func, thread, level, worker_id (the task, as text),
// request_id, exception. What else an event has comes behind them, with our keys.
type originalHandler struct {
	next   slog.Handler // writes what it is given
	attrs  []slog.Attr
	prefix string // of the keys in a group
}

// newOriginalHandler makes one.
func newOriginalHandler(w io.Writer, level slog.Leveler) slog.Handler {
	return &originalHandler{next: slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && (a.Key == slog.TimeKey && a.Value.Kind() == slog.KindTime || a.Key == slog.LevelKey && a.Value.Kind() == slog.KindAny) {
			return slog.Attr{} // in the original's way among the others
		}
		return a
	}})}
}

// Enabled implements slog.Handler.
func (h *originalHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (h *originalHandler) Handle(ctx context.Context, r slog.Record) error {
	all := slices.Clone(h.attrs)
	r.Attrs(func(a slog.Attr) bool {
		all = append(all, h.named(a))
		return true
	})
	frame, _ := runtime.CallersFrames([]uintptr{r.PC}).Next()
	function := frame.Function[strings.LastIndex(frame.Function, ".")+1:]
	line := slog.NewRecord(r.Time, r.Level, r.Message, 0)
	line.AddAttrs(
		slog.String("ts", r.Time.UTC().Format(originalTime)), slog.String("module", strings.TrimSuffix(path.Base(frame.File), ".go")),
		slog.String("func", function), slog.String("thread", "main"), slog.String("level", originalLevel(r.Level)),
		slog.Any("worker_id", textOf(all, "task")), slog.Any("request_id", textOf(all, "request_id")),
	)
	for _, a := range all {
		switch a.Key {
		case "request_id", "ts", "module", "func", "thread", "level", "worker_id", "msg": // there already
		case "err":
			if a.Value.Any() == nil { // nothing failed
				continue
			}
			line.AddAttrs(slog.Attr{Key: "exception", Value: a.Value})
		default:
			line.AddAttrs(a)
		}
	}
	return h.next.Handle(ctx, line)
}

// WithAttrs implements slog.Handler.
func (h *originalHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	other := *h
	other.attrs = slices.Clone(h.attrs)
	for _, a := range attrs {
		other.attrs = append(other.attrs, h.named(a))
	}
	return &other
}

// WithGroup implements slog.Handler.
func (h *originalHandler) WithGroup(name string) slog.Handler {
	other := *h
	other.prefix = h.prefix + name + "."
	return &other
}

func (h *originalHandler) named(a slog.Attr) slog.Attr {
	a.Key = h.prefix + a.Key
	return a
}

// textOf gives an attribute as text; nil where there is none, or only the id of nothing.
func textOf(attrs []slog.Attr, key string) any {
	for _, a := range attrs {
		if text := a.Value.Resolve().String(); a.Key == key && text != "0" {
			return text
		}
	}
	return nil
}

// originalLevel is a level's name in Python.
func originalLevel(l slog.Level) string {
	switch {
	case l >= slog.LevelError:
		return "ERROR"
	case l >= slog.LevelWarn:
		return "WARNING"
	case l >= slog.LevelInfo:
		return "INFO"
	}
	return "DEBUG"
}

// setLevel makes the level that of the configuration in force, unless the flag says one.
func (d *daemon) setLevel(ctx context.Context) {
	if d.options.logLevel != "" {
		return
	}
	level, was := d.settings().Logging.Slog(), d.options.level.Level()
	if level == was {
		return
	}
	d.options.level.Set(min(level, was)) // so that it is told, if either level lets it
	d.log.InfoContext(ctx, "log level changed", "from", strings.ToLower(was.String()), "to", strings.ToLower(level.String()))
	d.options.level.Set(level)
}

// handler makes what writes the log as the flags say; nil where they say a format that there is not.
func (o *options) handler(w io.Writer, level slog.Leveler) slog.Handler {
	opts := &slog.HandlerOptions{Level: level}
	switch cmp.Or(o.logFormat, "text") {
	case "json":
		return slog.NewJSONHandler(w, opts)
	case "text":
		return slog.NewTextHandler(w, opts)
	case "original":
		return newOriginalHandler(w, level)
	}
	return nil
}
