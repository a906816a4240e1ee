// SPDX-License-Identifier: Apache-2.0

package pulpfake

import (
	"encoding/xml"
	"fmt"
	"html"
	"sort"
	"strings"
)

// rpmEntry is one package of a primary.xml.
type rpmEntry struct {
	name, epoch, version, release, arch, summary, sum, href string
	size                                                    int
}

const repomdPath = "repodata/repomd.xml"

// repodata writes repodata/repomd.xml and the three files it names.
func repodata(pkgs []rpmEntry, revision string) map[string][]byte {
	sort.Slice(pkgs, func(i, j int) bool { return pkgs[i].href < pkgs[j].href })
	var primary, filelists, other strings.Builder
	const head = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"
	fmt.Fprintf(&primary, head+`<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="%d">`+"\n", len(pkgs))
	fmt.Fprintf(&filelists, head+`<filelists xmlns="http://linux.duke.edu/metadata/filelists" packages="%d">`+"\n", len(pkgs))
	fmt.Fprintf(&other, head+`<otherdata xmlns="http://linux.duke.edu/metadata/other" packages="%d">`+"\n", len(pkgs))
	for _, p := range pkgs {
		version := fmt.Sprintf(`<version epoch="%s" ver="%s" rel="%s"/>`, p.epoch, p.version, p.release)
		fmt.Fprintf(&primary, `<package type="rpm">
  <name>%s</name>
  <arch>%s</arch>
  %s
  <checksum type="sha256" pkgid="YES">%s</checksum>
  <summary>%s</summary>
  <description>%s</description>
  <packager></packager>
  <url></url>
  <time file="%d" build="%d"/>
  <size package="%d" installed="%d" archive="%d"/>
  <location href="%s"/>
  <format>
    <rpm:license>MIT</rpm:license>
    <rpm:vendor></rpm:vendor>
    <rpm:group>Unspecified</rpm:group>
    <rpm:buildhost>localhost</rpm:buildhost>
    <rpm:sourcerpm>%s-%s-%s.src.rpm</rpm:sourcerpm>
    <rpm:header-range start="4504" end="5937"/>
    <rpm:provides>
      <rpm:entry name="%s" flags="EQ" epoch="%s" ver="%s" rel="%s"/>
    </rpm:provides>
  </format>
</package>
`, p.name, p.arch, version, p.sum, html.EscapeString(p.summary), html.EscapeString(p.summary), epoch.Unix(), epoch.Unix(), p.size, p.size, p.size,
			p.href, p.name, p.version, p.release, p.name, p.epoch, p.version, p.release)
		fmt.Fprintf(&filelists, "<package pkgid=\"%s\" name=\"%s\" arch=\"%s\">\n  %s\n  <file>/usr/share/%s/data</file>\n</package>\n",
			p.sum, p.name, p.arch, version, p.name)
		fmt.Fprintf(&other, "<package pkgid=\"%s\" name=\"%s\" arch=\"%s\">\n  %s\n</package>\n", p.sum, p.name, p.arch, version)
	}
	primary.WriteString("</metadata>\n")
	filelists.WriteString("</filelists>\n")
	other.WriteString("</otherdata>\n")
	files := map[string][]byte{}
	var md strings.Builder
	fmt.Fprintf(&md, head+`<repomd xmlns="http://linux.duke.edu/metadata/repo" xmlns:rpm="http://linux.duke.edu/metadata/rpm">`+"\n  <revision>%s</revision>\n", revision)
	for _, x := range []struct {
		kind string
		data string
	}{{"primary", primary.String()}, {"filelists", filelists.String()}, {"other", other.String()}} {
		gz := compress([]byte(x.data))
		name := "repodata/" + sha256Hex(gz) + "-" + x.kind + ".xml.gz"
		files[name] = gz
		fmt.Fprintf(&md, `  <data type="%s">
    <checksum type="sha256">%s</checksum>
    <open-checksum type="sha256">%s</open-checksum>
    <location href="%s"/>
    <timestamp>%s</timestamp>
    <size>%d</size>
    <open-size>%d</open-size>
  </data>
`, x.kind, sha256Hex(gz), sha256Hex([]byte(x.data)), name, revision, len(gz), len(x.data))
	}
	md.WriteString("</repomd>\n")
	files[repomdPath] = []byte(md.String())
	return files
}

// repomd is what a sync reads of repodata/repomd.xml.
type repomd struct {
	Revision string `xml:"revision"`
	Data     []struct {
		Type     string `xml:"type,attr"`
		Checksum string `xml:"checksum"`
		Location struct {
			Href string `xml:"href,attr"`
		} `xml:"location"`
	} `xml:"data"`
}

// primaryXML is what a sync reads of primary.xml.
type primaryXML struct {
	Packages []struct {
		Name    string `xml:"name"`
		Arch    string `xml:"arch"`
		Version struct {
			Epoch string `xml:"epoch,attr"`
			Ver   string `xml:"ver,attr"`
			Rel   string `xml:"rel,attr"`
		} `xml:"version"`
		Checksum struct {
			Type  string `xml:"type,attr"`
			Value string `xml:",chardata"`
		} `xml:"checksum"`
		Summary     string `xml:"summary"`
		Description string `xml:"description"`
		Location    struct {
			Href string `xml:"href,attr"`
		} `xml:"location"`
		Size struct {
			Package int `xml:"package,attr"`
		} `xml:"size"`
	} `xml:"package"`
}

func parseXML[T any](data []byte) (T, error) {
	var v T
	err := xml.Unmarshal(data, &v)
	return v, err
}
