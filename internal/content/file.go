// SPDX-License-Identifier: Apache-2.0

package content

import "context"

// file is a repository of plain files with a manifest.
var file = Type{&declaration{
	Name: "file", Component: "file", Path: "file/file", Units: "file.file", Noun: "file", Serving: Pinned,
	Options: []Option{policy},
	Remote:  func(options map[string]any) map[string]any { return setPolicy(map[string]any{}, options) },

	Feed: func(address, basePath string) string { return contentFeed(address, basePath) + manifest },
	Mirror: func(context.Context, Source) (map[string]any, error) {
		return map[string]any{"policy": "immediate"}, nil
	},

	Sync:        Method{Name: "additive"},
	MirrorSync:  []Method{{Name: "mirror", Options: map[string]any{"mirror": true}, Publishes: true}},
	Full:        map[string]any{"optimize": false},
	FullSince:   "3.115.0",
	SyncOptions: []string{"mirror", "optimize"},

	Publication: func(map[string]any) (string, map[string]any) { return "file/file", map[string]any{} },
	Snapshot:    &Snapshot{Repository: []string{"manifest"}, Publication: []string{"manifest"}},
	Packages: Packages{
		Path: "file/files", Fields: []string{"relative_path", "sha256"},
		Filters: map[string]string{"name": "relative_path", "sha256": "sha256"},
		Unit: func(f map[string]any) Unit {
			return Unit{Name: text(f, "relative_path"), SHA256: text(f, "sha256")}
		},
	},
	Parsed: []string{"sync.parsing.metadata"},
	Read:   readFile,
	Probe:  probeFile,
}}
