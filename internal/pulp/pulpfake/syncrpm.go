// SPDX-License-Identifier: Apache-2.0

package pulpfake

import (
	"context"
	"errors"
	"strings"
)

func (r *syncRun) fetchRPM(ctx context.Context) error {
	base := strings.TrimSuffix(r.remote.url, "/") + "/"
	raw, err := r.remote.get(ctx, base+repomdPath)
	var status statusError
	if errors.As(err, &status) { // Pulp then tries the url as a mirror list and fails with that
		_, err = r.remote.get(ctx, strings.TrimSuffix(r.remote.url, "/"))
	}
	if err != nil {
		return err
	}
	md, err := parseXML[repomd](raw)
	if err != nil {
		md = repomd{}
	}
	number := -1
	if r.version != nil {
		number = r.version.number
	}
	r.details = obj{
		"url": r.remote.url, "download_policy": r.remote.policy, "sync_policy": r.policy, "revision": md.Revision,
		"repomd_checksum": sha256Hex(raw), "most_recent_version": number,
	}
	if r.skip && r.optimizesRPM() {
		r.skipped = true
		r.report = func(t *task) { t.report(skipMessage, "sync.was_skipped", 1, 1) }
		return nil
	}
	metadata := map[string][]byte{repomdPath: raw}
	if r.policy == "mirror_complete" { // its signature, too
		for _, end := range []string{".asc", ".key"} {
			if data, err := r.remote.get(ctx, base+repomdPath+end); err == nil {
				metadata[repomdPath+end] = data
			} else if !errors.As(err, &status) {
				return err
			}
		}
	}
	primary := ""
	for _, d := range md.Data {
		data, err := r.remote.checked(ctx, base+d.Location.Href, d.Checksum, func(string) []byte { return nil })
		if err != nil {
			return err
		}
		metadata[d.Location.Href] = data
		if d.Type == "primary" {
			primary = d.Location.Href
		}
	}
	if primary == "" {
		return taskError{"RPM0016", "Repository doesn't contain required metadata file 'primary.xml'"}
	}
	doc := metadata[primary]
	if strings.HasSuffix(primary, ".gz") {
		if doc, err = decompress(doc); err != nil {
			return err
		}
	}
	pkgs, err := parseXML[primaryXML](doc)
	if err != nil {
		return err
	}
	before := r.remote.downloads
	for _, p := range pkgs.Packages {
		sum := strings.TrimSpace(p.Checksum.Value)
		data, err := r.remote.checked(ctx, base+p.Location.Href, sum, r.s.known)
		if err != nil {
			return err
		}
		r.put(found{
			kind: rpmPackage, key: strings.Join([]string{p.Name, p.Version.Epoch, p.Version.Ver, p.Version.Rel, p.Arch, sum}, "\x00"),
			slot: strings.Join([]string{p.Name, p.Version.Epoch, p.Version.Ver, p.Version.Rel, p.Arch}, "\x00"),
			arts: map[string][]byte{p.Location.Href: data},
			f: obj{
				"name": p.Name, "epoch": p.Version.Epoch, "version": p.Version.Ver, "release": p.Version.Rel, "arch": p.Arch, "pkgId": sum,
				"checksum_type": p.Checksum.Type, "summary": p.Summary, "description": p.Description, "location_base": "",
				"location_href": p.Location.Href[strings.LastIndex(p.Location.Href, "/")+1:], "size_package": p.Size.Package,
				"is_modular": false,
			},
		})
	}
	if r.policy == "mirror_complete" {
		r.metadata = metadata
		for _, x := range r.found {
			for at, data := range x.arts {
				r.metadata[at] = data
			}
		}
	}
	n, downloaded := len(pkgs.Packages), r.remote.downloads-before
	files := len(md.Data) + 1
	r.report = func(t *task) {
		t.report("Downloading Metadata Files", "sync.downloading.metadata", nil, files)
		t.report("Downloading Artifacts", "sync.downloading.artifacts", nil, downloaded)
		t.report("Skipping Packages", "sync.skipped.packages", 0, 0)
		t.report("Parsed Packages", "sync.parsing.packages", n, n)
	}
	return nil
}

// optimizesRPM tells whether nothing relevant changed since the last sync.
func (r *syncRun) optimizesRPM() bool {
	last, now := r.last, r.details
	if last == nil {
		return false
	}
	if now["sync_policy"] == "mirror_complete" && last["sync_policy"] != "mirror_complete" {
		return false
	}
	for _, k := range []string{"url", "most_recent_version", "revision", "repomd_checksum"} {
		if !sameJSON(last[k], now[k]) {
			return false
		}
	}
	return true
}

func (r *syncRun) fetchFile(ctx context.Context) error {
	raw, err := r.remote.get(ctx, r.remote.url)
	if err != nil {
		return err
	}
	slash := strings.LastIndex(r.remote.url, "/")
	base := r.remote.url[:slash+1]
	r.manifest = r.remote.url[slash+1:]
	number := -1
	if r.version != nil {
		number = r.version.number
	}
	r.details = obj{
		"url": r.remote.url, "remote_pk": r.remote.id, "download_policy": r.remote.policy, "mirror": r.mirror,
		"manifest_checksum": sha256Hex(raw), "most_recent_version": number,
	}
	if r.skip && r.optimizesFile() {
		r.skipped = true
		r.report = func(t *task) { t.report(skipMessage, "sync.was_skipped", 1, 1) }
		return nil
	}
	before := r.remote.downloads
	lines := 0
	for i, line := range strings.Split(strings.TrimRight(string(raw), "\n"), "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		parts := strings.Split(line, ",")
		if len(parts) != 3 {
			return manifestError(i+1, line)
		}
		at, sum := strings.TrimSpace(parts[0]), strings.TrimSpace(parts[1])
		data, err := r.remote.checked(ctx, base+at, sum, r.s.known)
		if err != nil {
			return err
		}
		lines++
		r.put(found{
			kind: fileFile, key: at + " " + sum, slot: at, f: obj{"relative_path": at, "sha256": sum}, arts: map[string][]byte{at: data},
		})
	}
	if r.mirror {
		r.metadata = map[string][]byte{r.manifest: raw}
	}
	downloaded := r.remote.downloads - before
	r.report = func(t *task) {
		t.report("Downloading Metadata", "sync.downloading.metadata", nil, 1)
		t.report("Downloading Artifacts", "sync.downloading.artifacts", nil, downloaded)
		t.report("Parsing Metadata Lines", "sync.parsing.metadata", lines, lines)
	}
	return nil
}

func (r *syncRun) optimizesFile() bool {
	last, now := r.last, r.details
	if last == nil || (last["mirror"] != true && now["mirror"] == true) {
		return false
	}
	for _, k := range []string{"remote_pk", "url", "most_recent_version", "manifest_checksum"} {
		if !sameJSON(last[k], now[k]) {
			return false
		}
	}
	return true
}

func manifestError(line int, content string) error {
	return taskError{text: "Error: Parsing of the manifest file failed on line:" + text(line) +
		". Please make sure the remote URL is correct. Bad line: " + content}
}
