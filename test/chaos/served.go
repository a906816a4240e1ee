// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// view is what clients get of a repository on a server.
type view struct {
	served bool
	newest int // generation
}

// look reads a repository as its clients do: the metadata that all else hangs on, what that lists, and each file, by its hash. The
// error tells of a mix: a file that is not what the metadata say, or packages of different generations.
func look(s *pulpfake.Server, r repository) (view, error) {
	var err error
	for range 5 {
		c := content{server: s, repository: r, generations: map[string][]int{}}
		begin := c.head()
		if begin == nil {
			return view{}, nil
		}
		if err = c.read(begin); err == nil {
			err = c.even()
		}
		if bytes.Equal(begin, c.head()) { // else it changed while it was read, and is read again, as clients do
			return view{served: true, newest: c.newest()}, err
		}
	}
	return view{served: true}, err
}

// content is one reading of a repository.
type content struct {
	server      *pulpfake.Server
	repository  repository
	generations map[string][]int // of each package
}

// heads are the files by which clients verify all else, by type.
var heads = map[string]string{
	"deb": "dists/stable/InRelease", "rpm": "repodata/repomd.xml", "file": "PULP_MANIFEST", "python": "simple/alpha/", "container": "tags/list",
}

// head gives the first file that clients read; nil: nothing is served.
func (c *content) head() []byte { return c.get(heads[c.repository.kind]) }

// get reads one file over HTTP, without a network; nil: it is not served.
func (c *content) get(at string) []byte {
	prefix := map[string]string{"python": "/pypi/", "container": "/v2/"}[c.repository.kind]
	if prefix == "" {
		prefix = "/pulp/content/"
	}
	request := httptest.NewRequestWithContext(context.Background(), http.MethodGet, prefix+c.repository.basePath()+"/"+at, http.NoBody)
	request.Header.Set(reader, "1")
	answer := httptest.NewRecorder()
	c.server.ServeHTTP(answer, request)
	if answer.Code != http.StatusOK {
		return nil
	}
	return answer.Body.Bytes()
}

func (c *content) read(head []byte) error {
	switch c.repository.kind {
	case "deb":
		return c.readDeb(head)
	case "rpm":
		return c.readRPM(head)
	case "file":
		return c.readFile(head)
	case "python":
		return c.readPython(head)
	}
	return c.readContainer()
}

// checked reads a file that must be there with a hash.
func (c *content) checked(at, sum string) ([]byte, error) {
	data := c.get(at)
	if data == nil {
		return nil, fmt.Errorf("%s is listed and not served", at)
	}
	if got := sha256.Sum256(data); hex.EncodeToString(got[:]) != sum {
		return nil, fmt.Errorf("%s is served with other bytes than are listed", at)
	}
	return data, nil
}

// note remembers that a package is there in a generation.
func (c *content) note(name, version string) {
	number, _, _ := strings.Cut(version, ".")
	if g, err := strconv.Atoi(number); err == nil {
		c.generations[name] = append(c.generations[name], g)
	}
}

// even tells whether all packages are there in the same generations.
func (c *content) even() error {
	first := ""
	for _, name := range []string{"alpha", "beta"} {
		slices.Sort(c.generations[name])
		all := fmt.Sprint(c.generations[name])
		switch {
		case c.repository.kind == "python" || c.repository.kind == "container":
		case name == "alpha":
			first = all
		case all != first:
			return fmt.Errorf("a mix is served: alpha of generations %s, beta of %s", first, all)
		}
	}
	return nil
}

func (c *content) newest() int {
	newest := 0
	for _, all := range c.generations {
		newest = max(newest, slices.Max(all))
	}
	return newest
}

func (c *content) readDeb(head []byte) error {
	_, list, _ := strings.Cut(string(head), "\nSHA256:\n")
	found := false
	for line := range strings.Lines(list) {
		fields := strings.Fields(line)
		if !strings.HasPrefix(line, " ") || len(fields) != 3 {
			break
		}
		if path.Base(fields[2]) != "Packages" {
			continue
		}
		if c.get("dists/stable/"+fields[2]) == nil {
			continue // its Release lists more than there is
		}
		data, err := c.checked("dists/stable/"+fields[2], fields[0])
		if err != nil {
			return err
		}
		found = true
		for stanza := range strings.SplitSeq(string(data), "\n\n") {
			p := map[string]string{}
			for line := range strings.Lines(stanza) {
				if key, value, ok := strings.Cut(strings.TrimSpace(line), ": "); ok {
					p[key] = value
				}
			}
			if p["Package"] == "" {
				continue
			}
			if _, err := c.checked(path.Clean(p["Filename"]), p["SHA256"]); err != nil {
				return err
			}
			c.note(p["Package"], p["Version"])
		}
	}
	if !found {
		return errors.New("nothing that its InRelease lists is served")
	}
	return nil
}

func (c *content) readRPM(head []byte) error {
	var md struct {
		Data []struct {
			Type     string `xml:"type,attr"`
			Checksum string `xml:"checksum"`
			Location struct {
				Href string `xml:"href,attr"`
			} `xml:"location"`
		} `xml:"data"`
	}
	if err := xml.Unmarshal(head, &md); err != nil {
		return fmt.Errorf("repomd.xml: %w", err)
	}
	for _, d := range md.Data {
		data, err := c.checked(d.Location.Href, strings.TrimSpace(d.Checksum))
		if err != nil {
			return err
		}
		if d.Type == "primary" {
			if err := c.readPrimary(d.Location.Href, data); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *content) readPrimary(at string, data []byte) error {
	if strings.HasSuffix(at, ".gz") {
		unpacked, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			return fmt.Errorf("%s: %w", at, err)
		}
		if data, err = io.ReadAll(unpacked); err != nil {
			return fmt.Errorf("%s: %w", at, err)
		}
	}
	var primary struct {
		Packages []struct {
			Name    string `xml:"name"`
			Version struct {
				Ver string `xml:"ver,attr"`
			} `xml:"version"`
			Checksum string `xml:"checksum"`
			Location struct {
				Href string `xml:"href,attr"`
			} `xml:"location"`
		} `xml:"package"`
	}
	if err := xml.Unmarshal(data, &primary); err != nil {
		return fmt.Errorf("%s: %w", at, err)
	}
	for _, p := range primary.Packages {
		if _, err := c.checked(p.Location.Href, strings.TrimSpace(p.Checksum)); err != nil {
			return err
		}
		c.note(p.Name, p.Version.Ver)
	}
	return nil
}

func (c *content) readFile(head []byte) error {
	for line := range strings.Lines(string(head)) {
		parts := strings.Split(strings.TrimSpace(line), ",")
		if len(parts) != 3 {
			return fmt.Errorf("its PULP_MANIFEST has the line %q", line)
		}
		data, err := c.checked(parts[0], parts[1])
		if err != nil {
			return err
		}
		_, version, _ := strings.Cut(string(data), "generation ")
		c.note(strings.TrimSuffix(parts[0], ".txt"), version)
	}
	return nil
}

var wheel = regexp.MustCompile(`(alpha-([0-9]+\.0)-py3-none-any\.whl)#sha256=([0-9a-f]{64})`)

func (c *content) readPython(head []byte) error {
	for _, m := range wheel.FindAllStringSubmatch(string(head), -1) {
		of := content{server: c.server, repository: repository{name: c.repository.name, base: c.repository.base}} // the content app serves the files
		if _, err := of.checked(m[1], m[3]); err != nil {
			return err
		}
		c.note("alpha", m[2])
	}
	return nil
}

var (
	digestPattern     = regexp.MustCompile(`sha256:[0-9a-f]{64}`)
	generationPattern = regexp.MustCompile(`placeholder of a layer\n([0-9]+\.0)`)
)

func (c *content) readContainer() error {
	manifest := c.get("manifests/latest")
	if manifest == nil {
		return nil // it is listed, and the tag is gone by now
	}
	for _, digest := range digestPattern.FindAllString(string(manifest), -1) {
		data, err := c.checked("blobs/"+digest, strings.TrimPrefix(digest, "sha256:"))
		if err != nil {
			return err
		}
		if m := generationPattern.FindSubmatch(data); m != nil {
			c.note("latest", string(m[1]))
		}
	}
	return nil
}
