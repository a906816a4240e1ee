// SPDX-License-Identifier: Apache-2.0

package content

import "context"

// rpm is a repository of RPM packages with repodata.
var rpm = Type{&declaration{
	Name: "rpm", Component: "rpm", Path: "rpm/rpm", Units: "rpm.package", Noun: "package", Serving: Pinned,
	Signs: "metadata_signing_service", SigningSetting: "rpm_signing_service",
	Options: []Option{policy},
	Remote:  func(options map[string]any) map[string]any { return setPolicy(map[string]any{}, options) },

	Feed: contentFeed,
	Mirror: func(context.Context, Source) (map[string]any, error) {
		return map[string]any{"policy": "immediate"}, nil
	},

	Sync: Method{Name: "additive"},
	MirrorSync: []Method{
		{Name: "mirror_complete", Options: map[string]any{"sync_policy": "mirror_complete"}, Publishes: true},
		// Pulp refuses to mirror some metadata byte for byte (absolute locations, duplicate packages): the
		// same packages, published by the secondary itself.
		{Name: "mirror_content_only", Options: map[string]any{"sync_policy": "mirror_content_only"}},
	},
	Full:        map[string]any{"optimize": false},
	SyncOptions: []string{"sync_policy", "skip_types", "optimize", "mirror"},

	// metadata_checksum_type and package_checksum_type are read-only since pulp_rpm 3.30 (D143).
	Publication: func(map[string]any) (string, map[string]any) {
		return "rpm/rpm", map[string]any{"checksum_type": "sha256"}
	},
	Snapshot: &Snapshot{
		Repository:  []string{"metadata_signing_service", "checksum_type", "compression_type", "layout", "repo_config"},
		Publication: []string{"checksum_type", "compression_type", "layout", "repo_config"},
	},
	Packages: Packages{
		Path: "rpm/packages", Fields: []string{"name", "epoch", "version", "release", "arch", "sha256"}, Banned: true,
		Filters:   map[string]string{"name": "name", "version": "version", "sha256": "sha256"},
		Referring: rpmReferring,
		Unit: func(f map[string]any) Unit {
			version := text(f, "version") + "-" + text(f, "release")
			if epoch := text(f, "epoch"); epoch != "" && epoch != "0" {
				version = epoch + ":" + version
			}
			return Unit{Name: text(f, "name"), Version: version, Architecture: text(f, "arch"), SHA256: text(f, "sha256")}
		},
	},
	Parsed: []string{"sync.parsing.packages"},
	Read:   readRPM,
	Probe:  probeRPM,
}}
