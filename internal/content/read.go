// SPDX-License-Identifier: Apache-2.0

package content

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/pulp/pulp-manager/internal/fault"
)

// maxMetadata bounds a decompressed index, bytes.
const maxMetadata = 512 << 20

const manifest = "PULP_MANIFEST"

// readFile reads the manifest: one line a file, path,sha256,size.
func readFile(ctx context.Context, fetch Fetch, _ map[string]any) (View, error) {
	body, err := fetch(ctx, manifest)
	if err != nil {
		return View{}, err
	}
	view := View{Metadata: map[string][]byte{manifest: body}}
	for line := range strings.Lines(string(body)) {
		if path, _, ok := strings.Cut(strings.TrimSpace(line), ","); ok {
			view.Units = append(view.Units, path)
		}
	}
	slices.Sort(view.Units)
	return view, nil
}

// readRPM reads repomd.xml and the primary index it names.
func readRPM(ctx context.Context, fetch Fetch, _ map[string]any) (View, error) {
	const repomd = "repodata/repomd.xml"
	body, err := fetch(ctx, repomd)
	if err != nil {
		return View{}, err
	}
	var index struct {
		Data []struct {
			Type     string `xml:"type,attr"`
			Location struct {
				Href string `xml:"href,attr"`
			} `xml:"location"`
		} `xml:"data"`
	}
	if err := xml.Unmarshal(body, &index); err != nil {
		return View{}, fault.Wrap(fault.Invalid, err, "%s is not XML: %v", repomd, err)
	}
	view, found := View{Metadata: map[string][]byte{repomd: body}}, false
	for _, d := range index.Data {
		if d.Type != "primary" {
			continue
		}
		found = true
		primary, err := fetchPlain(ctx, fetch, d.Location.Href)
		if err != nil {
			return View{}, err
		}
		var packages struct {
			Package []struct {
				Name    string `xml:"name"`
				Arch    string `xml:"arch"`
				Version struct {
					Ver string `xml:"ver,attr"`
					Rel string `xml:"rel,attr"`
				} `xml:"version"`
			} `xml:"package"`
		}
		if err := xml.Unmarshal(primary, &packages); err != nil {
			return View{}, fault.Wrap(fault.Invalid, err, "%s is not XML: %v", d.Location.Href, err)
		}
		for _, p := range packages.Package {
			view.Units = append(view.Units, fmt.Sprintf("%s %s-%s.%s", p.Name, p.Version.Ver, p.Version.Rel, p.Arch))
		}
	}
	if !found { // some other page
		return View{}, fault.New(fault.Invalid, "%s names no primary index", repomd)
	}
	slices.Sort(view.Units)
	return view, nil
}

// readDeb reads each suite's InRelease, or Release where it is not signed, and the package
// indices it names.
func readDeb(ctx context.Context, fetch Fetch, remote map[string]any) (View, error) {
	view := View{Metadata: map[string][]byte{}}
	for _, suite := range publishedSuites(remote) {
		dir := "dists/" + suite + "/"
		name, body, err := releaseFile(ctx, fetch, dir)
		if err != nil {
			return View{}, err
		}
		view.Metadata[name] = body
		for _, path := range packageIndices(string(body)) {
			index, err := fetchPlain(ctx, fetch, dir+path)
			if err != nil {
				return View{}, err
			}
			view.Units = append(view.Units, stanzas(string(index))...)
		}
	}
	slices.Sort(view.Units)
	view.Units = slices.Compact(view.Units)
	return view, nil
}

func releaseFile(ctx context.Context, fetch Fetch, dir string) (string, []byte, error) {
	body, err := fetch(ctx, dir+"InRelease")
	if err == nil {
		return dir + "InRelease", body, nil
	}
	if !fault.Is(err, fault.NotFound) {
		return "", nil, err
	}
	body, err = fetch(ctx, dir+"Release")
	return dir + "Release", body, err
}

// packageIndices gives the plain package indices that a Release file names in its SHA256 part,
// without empty ones.
func packageIndices(release string) []string {
	var paths []string
	in := false
	for line := range strings.Lines(release) {
		if !strings.HasPrefix(line, " ") {
			in = strings.HasPrefix(line, "SHA256:")
			continue
		}
		fields := strings.Fields(line)
		if in && len(fields) == 3 && fields[1] != "0" && strings.HasSuffix(fields[2], "/Packages") {
			paths = append(paths, fields[2])
		}
	}
	return paths
}

// stanzas gives name, version and architecture of each package of an index.
func stanzas(index string) []string {
	var units []string
	var name, version, arch string
	flush := func() {
		if name != "" {
			units = append(units, name+" "+version+" "+arch)
		}
		name, version, arch = "", "", ""
	}
	for line := range strings.Lines(index) {
		key, value, _ := strings.Cut(strings.TrimRight(line, "\n"), ": ")
		switch key {
		case "":
			flush()
		case "Package":
			name = value
		case "Version":
			version = value
		case "Architecture":
			arch = value
		}
	}
	flush()
	return units
}

// fetchPlain reads a file and unpacks it if its name says gzip.
func fetchPlain(ctx context.Context, fetch Fetch, path string) ([]byte, error) {
	body, err := fetch(ctx, path)
	if err != nil || !strings.HasSuffix(path, ".gz") {
		return body, err
	}
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "%s is not gzip: %v", path, err)
	}
	plain, err := io.ReadAll(io.LimitReader(z, maxMetadata))
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "%s cannot be unpacked: %v", path, err)
	}
	return plain, nil
}
