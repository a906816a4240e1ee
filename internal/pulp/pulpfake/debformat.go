// SPDX-License-Identifier: Apache-2.0

package pulpfake

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"sort"
	"strings"
	"time"
)

const releaseDate = "Mon, 02 Jan 2006 15:04:05 -0700"

// controlFields are those of a Packages stanza in the order Pulp writes them, with the names its API gives them.
var controlFields = []struct{ header, field string }{
	{"Package", "package"},
	{"Source", "source"},
	{"Version", "version"},
	{"Architecture", "architecture"},
	{"Section", "section"},
	{"Priority", "priority"},
	{"Maintainer", "maintainer"},
	{"Description", "description"},
	{"Depends", "depends"},
}

// stanza is one package's entry in a Packages file.
func stanza(pkg *unit, at string, a *artifact) string {
	var b strings.Builder
	for _, c := range controlFields {
		if v := pkg.str(c.field); v != "" {
			fmt.Fprintf(&b, "%s: %s\n", c.header, v)
		}
	}
	fmt.Fprintf(&b, "SHA256: %s\nSize: %d\nFilename: %s\n\n", a.sha256, len(a.data), at)
	return b.String()
}

// paragraphs parses an RFC 822 like control file; continuation lines are kept with their line breaks.
func paragraphs(data []byte) []map[string]string {
	var res []map[string]string
	cur := map[string]string{}
	last := ""
	for _, line := range strings.Split(string(data), "\n") {
		line = strings.TrimRight(line, "\r")
		switch {
		case strings.TrimSpace(line) == "":
			if len(cur) > 0 {
				res = append(res, cur)
				cur, last = map[string]string{}, ""
			}
		case line[0] == ' ' || line[0] == '\t':
			if last != "" {
				cur[last] += "\n" + strings.TrimSpace(line)
			}
		default:
			name, value, found := strings.Cut(line, ":")
			if !found {
				continue
			}
			last = strings.ToLower(name)
			cur[last] = strings.TrimSpace(value)
		}
	}
	if len(cur) > 0 {
		res = append(res, cur)
	}
	return res
}

// checksums reads a SHA256 field of a Release file: path → sum.
func checksums(field string) map[string]string {
	res := map[string]string{}
	for _, line := range strings.Split(field, "\n") {
		if parts := strings.Fields(line); len(parts) == 3 {
			res[parts[2]] = parts[0]
		}
	}
	return res
}

// debRelease822 builds everything below dists/<suite>/.
type debRelease822 struct {
	suite    string
	fields   *unit // the release unit, nil for an upstream
	origin   string
	upstream bool
	archs    []string
	comps    []string
	date     time.Time
	index    map[string][]byte // "main/binary-amd64/Packages" → content
}

func (r debRelease822) build(key *signer) (map[string][]byte, error) {
	files := map[string][]byte{}
	dir := "dists/" + r.suite + "/"
	all := map[string][]byte{}
	for p, data := range r.index {
		all[p], all[p+".gz"] = data, compress(data)
	}
	origin, label, suite, codename := r.origin, r.origin, r.suite, r.suite
	if r.fields != nil {
		suite, codename = r.fields.str("suite"), r.fields.str("codename")
		origin, label = "Pulp 3", "Pulp 3"
		if r.upstream {
			origin, label = r.fields.str("origin"), r.fields.str("label")
		}
	}
	var b strings.Builder
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s: %s\n", name, value)
		}
	}
	line("Origin", origin)
	line("Label", label)
	line("Suite", suite)
	line("Codename", codename)
	line("Date", r.date.UTC().Format(releaseDate))
	line("Architectures", strings.Join(r.archs, " "))
	line("Components", strings.Join(r.comps, " "))
	for _, sum := range []struct {
		name string
		of   func([]byte) string
	}{{"MD5Sum", md5Hex}, {"SHA1", sha1Hex}, {"SHA256", sha256Hex}} {
		b.WriteString(sum.name + ":\n")
		for _, p := range sortedKeys(all) {
			fmt.Fprintf(&b, " %s %16d %s\n", sum.of(all[p]), len(all[p]), p)
		}
	}
	for p, data := range all {
		files[dir+p] = data
	}
	release := []byte(b.String())
	files[dir+"Release"] = release
	if key == nil {
		return files, nil
	}
	var err error
	if files[dir+"InRelease"], err = key.clear(release); err != nil {
		return nil, err
	}
	files[dir+"Release.gpg"], err = key.detached(release)
	return files, err
}

// compress is gzip without a time in it, so that the same content has the same bytes.
func compress(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(data)
	_ = w.Close()
	return b.Bytes()
}

func decompress(data []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// buildDeb makes a real .deb: an ar archive of debian-binary, control.tar.gz and data.tar.gz.
func buildDeb(p Package) []byte {
	var control strings.Builder
	for _, c := range []struct{ k, v string }{
		{"Package", p.Name},
		{"Version", p.Version},
		{"Architecture", p.Arch},
		{"Maintainer", maintainer},
		{"Section", "misc"},
		{"Priority", "optional"},
		{"Depends", p.Depends},
		{"Description", p.summary()},
	} {
		if c.v != "" {
			fmt.Fprintf(&control, "%s: %s\n", c.k, c.v)
		}
	}
	data := map[string]string{"./usr/share/doc/" + p.Name + "/README": p.Name + " " + p.Version + "\n" + p.Body}
	var b bytes.Buffer
	b.WriteString("!<arch>\n")
	for _, m := range []struct {
		name string
		data []byte
	}{
		{"debian-binary", []byte("2.0\n")},
		{"control.tar.gz", tarball(map[string]string{"./control": control.String()})},
		{"data.tar.gz", tarball(data)},
	} {
		fmt.Fprintf(&b, "%-16s%-12d%-6d%-6d%-8o%-10d`\n", m.name, epoch.Unix(), 0, 0, 0o100644, len(m.data))
		b.Write(m.data)
		if len(m.data)%2 == 1 {
			b.WriteByte('\n')
		}
	}
	return b.Bytes()
}

func tarball(files map[string]string) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	dirs := map[string]bool{}
	names := sortedKeys(files)
	for _, n := range names {
		parts := strings.Split(n, "/")
		for i := 1; i < len(parts); i++ {
			dirs[strings.Join(parts[:i], "/")+"/"] = true
		}
	}
	ds := sortedKeys(dirs)
	sort.Strings(ds)
	for _, d := range ds {
		_ = w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: d, Mode: 0o755, ModTime: epoch, Uname: "root", Gname: "root"})
	}
	for _, n := range names {
		_ = w.WriteHeader(&tar.Header{
			Typeflag: tar.TypeReg, Name: n, Mode: 0o644, Size: int64(len(files[n])), ModTime: epoch, Uname: "root", Gname: "root",
		})
		_, _ = w.Write([]byte(files[n]))
	}
	_ = w.Close()
	return compress(b.Bytes())
}

const maintainer = "Fixture <fixture@example.test>"

var epoch = time.Date(2023, 11, 14, 22, 13, 20, 0, time.UTC)
