// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"testing"
	"time"
)

// TestSyncRecordChanged: each part of what a sync was made from, and of what it came to, tells a change.
func TestSyncRecordChanged(t *testing.T) {
	at := time.Date(2026, 11, 25, 3, 0, 0, 0, time.UTC)
	mirror := SyncRecord{
		Basis: SyncBasis{
			Source: SyncSource{Server: "primary", Version: "/v/1/", Publication: "/p/1/", Published: "then"}, Options: "o", Fields: "f",
		},
		Version: "/ours/1/", Publication: "/pub/1/", Synced: at.Add(-time.Hour),
	}
	outside := mirror
	outside.Basis.Source = SyncSource{Files: []SourceFile{{URL: "a", SHA256: "1", ETag: "x"}, {URL: "b"}}}
	type world struct {
		record   SyncRecord
		now      SyncBasis
		have     SyncState
		at       time.Time
		interval time.Duration
	}
	for _, record := range []SyncRecord{mirror, outside} {
		for name, c := range map[string]struct {
			change  func(*world)
			changed bool
		}{
			"nothing":            {func(*world) {}, false},
			"another validator":  {func(w *world) { w.now.Source.Files = etag(w.now.Source.Files) }, false},
			"just young enough":  {func(w *world) { w.interval = time.Hour + 1 }, false},
			"no record":          {func(w *world) { w.record = SyncRecord{} }, true},
			"forgotten":          {func(w *world) { w.record.Basis = SyncBasis{} }, true},
			"forgotten, unknown": {func(w *world) { w.record.Basis, w.now = SyncBasis{}, SyncBasis{} }, true},
			"source not known":   {func(w *world) { w.now.Source = SyncSource{} }, true},
			"another server":     {func(w *world) { w.now.Source.Server = "other" }, true},
			"another version":    {func(w *world) { w.now.Source.Version += "x" }, true},
			"published again":    {func(w *world) { w.now.Source.Publication += "x" }, true},
			"published later":    {func(w *world) { w.now.Source.Published += "x" }, true},
			"another file": {func(w *world) {
				w.now.Source.Files = append([]SourceFile{{URL: "c", SHA256: "1"}}, w.now.Source.Files...)
			}, true},
			"other options":     {func(w *world) { w.now.Options += "x" }, true},
			"other fields":      {func(w *world) { w.now.Fields += "x" }, true},
			"a newer version":   {func(w *world) { w.have.Newest += "x" }, true},
			"serves another":    {func(w *world) { w.have.Served += "x" }, true},
			"serves nothing":    {func(w *world) { w.have.Served, w.have.Publication = "", "" }, true},
			"other publication": {func(w *world) { w.have.Publication += "x" }, true},
			"no version":        {func(w *world) { w.record.Version, w.have.Newest, w.have.Served = "", "", "" }, true},
			"too long ago":      {func(w *world) { w.interval = time.Hour }, true},
			"no interval":       {func(w *world) { w.interval = 0 }, true},
			"of the future":     {func(w *world) { w.at = w.at.Add(-2 * time.Hour) }, true},
		} {
			w := world{
				record: record, now: record.Basis, at: at, interval: 24 * time.Hour,
				have: SyncState{Newest: record.Version, Served: record.Version, Publication: record.Publication},
			}
			c.change(&w)
			if reason := w.record.Changed(w.now, w.have, w.at, w.interval); (reason != "") != c.changed {
				t.Errorf("%s: %q", name, reason)
			}
		}
	}
	changed := outside
	for i := range changed.Basis.Source.Files {
		now := SyncBasis{Source: SyncSource{Files: append([]SourceFile(nil), outside.Basis.Source.Files...)}, Options: "o", Fields: "f"}
		now.Source.Files[i].SHA256 = "other"
		if changed.Changed(now, SyncState{Newest: "/ours/1/", Served: "/ours/1/", Publication: "/pub/1/"}, at, 24*time.Hour) == "" {
			t.Errorf("file %d changed, and nothing is told", i)
		}
	}
}

func etag(files []SourceFile) []SourceFile {
	other := append([]SourceFile(nil), files...)
	for i := range other {
		other[i].ETag += "y"
	}
	return other
}
