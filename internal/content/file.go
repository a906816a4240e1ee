// SPDX-License-Identifier: Apache-2.0

package content

import "context"

// file is a repository of plain files with a manifest.
var file = Type{
	Name: "file", Component: "file", Path: "file/file", Units: "file.file", Noun: "file", Serving: Pinned,
	Options: []Option{policy},
	Remote:  func(options map[string]any) map[string]any { return setPolicy(map[string]any{}, options) },

	Feed: func(base string) string { return base + manifest },
	Mirror: func(context.Context, Source) (map[string]any, error) {
		return map[string]any{"policy": "immediate"}, nil
	},

	Sync:        Method{Name: "additive"},
	MirrorSync:  []Method{{Name: "mirror", Options: map[string]any{"mirror": true}, Publishes: true}},
	Full:        map[string]any{"optimize": false},
	FullSince:   "3.115.0",
	SyncOptions: []string{"mirror", "optimize"},

	Publication: func(map[string]any) (string, map[string]any) { return "file/file", map[string]any{} },
	Parsed:      "sync.parsing.metadata",
	Read:        readFile,
}
