// SPDX-License-Identifier: Apache-2.0

package content

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// tree is what a distribution serves.
type tree map[string]string

func (s tree) fetch(_ context.Context, path string) ([]byte, error) {
	body, ok := s[path]
	if !ok {
		return nil, fault.New(fault.NotFound, "%s is not served", path)
	}
	return []byte(body), nil
}

func gzipped(t *testing.T, text string) string {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

const (
	debRelease = `Origin: Fixture
Suite: stable
Components: main contrib
Architectures: amd64
Date: Sun, 01 Mar 2026 12:00:00 UTC
MD5Sum:
 0123 200 old/binary-amd64/Packages
SHA256:
 aaaa 415 main/binary-amd64/Packages
 bbbb 210 main/binary-amd64/Packages.gz
 cccc 0 contrib/binary-amd64/Packages
 dddd 100 main/source/Sources
SHA512:
 eeee 415 newer/binary-amd64/Packages
`
	debPackages = `Package: alpha
Architecture: amd64
Version: 1:1.0-1
Description: first
 Package: not one
 .
 more words
Filename: pool/main/a/alpha/alpha_1.0_amd64.deb

Package: beta
Version: 2.0~rc1+dfsg
Architecture: all
SHA256: 123
`
)

func TestReadDeb(t *testing.T) {
	signed := "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n" + debRelease + "-----BEGIN PGP SIGNATURE-----\n\n123\n-----END PGP SIGNATURE-----\n"
	remote := map[string]any{"distributions": "stable"}
	units := []string{"alpha 1:1.0-1 amd64", "beta 2.0~rc1+dfsg all"}
	for _, test := range []struct {
		what   string
		served tree
		remote map[string]any
		meta   []string
		units  []string
	}{
		{
			"signed",
			tree{"dists/stable/InRelease": signed, "dists/stable/Release": "old", "dists/stable/main/binary-amd64/Packages": debPackages},
			remote,
			[]string{"dists/stable/InRelease"},
			units,
		},
		{
			"not signed",
			tree{"dists/stable/Release": debRelease, "dists/stable/main/binary-amd64/Packages": debPackages},
			remote,
			[]string{"dists/stable/Release"},
			units,
		},
		{
			"two suites with the same packages",
			tree{
				"dists/stable/InRelease": signed, "dists/stable/main/binary-amd64/Packages": debPackages,
				"dists/new/InRelease": signed, "dists/new/main/binary-amd64/Packages": debPackages + "\nPackage: gamma\nVersion: 3\nArchitecture: amd64\n",
			},
			map[string]any{"distributions": "stable new"},
			[]string{"dists/new/InRelease", "dists/stable/InRelease"},
			append(slices.Clone(units), "gamma 3 amd64"),
		},
		{
			"flat",
			tree{"dists/default/Release": "SHA256:\n a 5 all/binary-amd64/Packages\n", "dists/default/all/binary-amd64/Packages": debPackages},
			map[string]any{"distributions": "/"},
			[]string{"dists/default/Release"},
			units,
		},
		{"empty", tree{"dists/stable/Release": "SHA256:\n c 0 main/binary-amd64/Packages\n"}, remote, []string{"dists/stable/Release"}, nil},
		{"no remote", tree{}, nil, nil, nil},
	} {
		view, err := deb.Read(t.Context(), test.served.fetch, test.remote)
		if err != nil {
			t.Errorf("%s: %v", test.what, err)
			continue
		}
		checkView(t, test.what, test.served, view, test.meta, test.units)
	}
	for what, served := range map[string]tree{
		"nothing served": {},
		"no index":       {"dists/stable/InRelease": signed},
	} {
		if _, err := deb.Read(t.Context(), served.fetch, remote); !fault.Is(err, fault.NotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
	down := fault.New(fault.Unavailable, "down")
	asked := 0
	_, err := deb.Read(t.Context(), func(context.Context, string) ([]byte, error) { asked++; return nil, down }, remote)
	if !errors.Is(err, down) || asked != 1 {
		t.Errorf("a server that is down is not one without a signature: %v after %d requests", err, asked)
	}
}

func checkView(t *testing.T, what string, served tree, view View, meta, units []string) {
	t.Helper()
	var paths []string
	for path, body := range view.Metadata {
		paths = append(paths, path)
		if string(body) != served[path] {
			t.Errorf("%s: %s has other bytes than are served", what, path)
		}
	}
	slices.Sort(paths)
	if diff := cmp.Diff(meta, paths); diff != "" {
		t.Errorf("%s: metadata %s", what, diff)
	}
	if diff := cmp.Diff(units, view.Units); diff != "" {
		t.Errorf("%s: units %s", what, diff)
	}
}

func TestReadRPM(t *testing.T) {
	const primary = `<?xml version="1.0" encoding="UTF-8"?>
<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="2">
<package type="rpm"><name>wolf</name><arch>noarch</arch><version epoch="1" ver="9.4" rel="2"/></package>
<package type="rpm"><name>bear</name><arch>x86_64</arch><version epoch="0" ver="4.1" rel="1.el9"/>
<format><rpm:provides><rpm:entry name="bear"/></rpm:provides></format></package>
</metadata>`
	repomd := func(primary string) string {
		return fmt.Sprintf(`<?xml version="1.0"?><repomd xmlns="http://linux.duke.edu/metadata/repo"><revision>1</revision>
<data type="filelists"><location href="repodata/gone-filelists.xml.gz"/></data>
<data type="primary"><checksum type="sha256">aa</checksum><location href=%q/></data></repomd>`, primary)
	}
	units := []string{"bear 4.1-1.el9.x86_64", "wolf 9.4-2.noarch"}
	for what, served := range map[string]tree{
		"gzip":  {"repodata/repomd.xml": repomd("repodata/aa-primary.xml.gz"), "repodata/aa-primary.xml.gz": gzipped(t, primary)},
		"plain": {"repodata/repomd.xml": repomd("repodata/primary.xml"), "repodata/primary.xml": primary},
	} {
		view, err := rpm.Read(t.Context(), served.fetch, nil)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		checkView(t, what, served, view, []string{"repodata/repomd.xml"}, units)
	}
	const at = "repodata/primary.xml.gz"
	for _, test := range []struct {
		what   string
		served tree
		kind   fault.Kind
		says   string
	}{
		{"nothing served", tree{}, fault.NotFound, "repodata/repomd.xml"},
		{"no primary index served", tree{"repodata/repomd.xml": repomd(at)}, fault.NotFound, at},
		{"a login page", tree{"repodata/repomd.xml": "<html><p>Please log in<br></html>"}, fault.Invalid, "repodata/repomd.xml is not XML"},
		{"a login page that is XML", tree{"repodata/repomd.xml": "<html><p>Please log in</p></html>"}, fault.Invalid, "names no primary index"},
		{"not gzip", tree{"repodata/repomd.xml": repomd(at), at: primary}, fault.Invalid, at + " is not gzip"},
		{"broken off", tree{"repodata/repomd.xml": repomd(at), at: gzipped(t, strings.Repeat(primary, 50))[:100]}, fault.Invalid, at + " cannot be unpacked"},
		{"not XML", tree{"repodata/repomd.xml": repomd(at), at: gzipped(t, "no")}, fault.Invalid, at + " is not XML"},
	} {
		if _, err := rpm.Read(t.Context(), test.served.fetch, nil); !fault.Is(err, test.kind) || !strings.Contains(fault.Message(err), test.says) {
			t.Errorf("%s: %v", test.what, err)
		}
	}
}

func TestReadFile(t *testing.T) {
	served := tree{"PULP_MANIFEST": "b/two.iso,bbbb,2000\na one.txt,aaaa,10\n\n"}
	view, err := file.Read(t.Context(), served.fetch, nil)
	if err != nil {
		t.Fatal(err)
	}
	checkView(t, "manifest", served, view, []string{"PULP_MANIFEST"}, []string{"a one.txt", "b/two.iso"})
	if _, err := file.Read(t.Context(), tree{}.fetch, nil); !fault.Is(err, fault.NotFound) {
		t.Errorf("nothing served: %v", err)
	}
}

func TestFeeds(t *testing.T) {
	wants := map[fleet.RepositoryType]string{
		"deb": "/pulp/content/a/", "rpm": "/pulp/content/a/", "file": "/pulp/content/a/PULP_MANIFEST", "python": "/pypi/a/", "container": "",
	}
	for _, typ := range Types() {
		want, ok := wants[typ.Name]
		if got := typ.Feed("https://p.test", "a"); !ok || got != "https://p.test"+want {
			t.Errorf("%s: %s", typ.Name, got)
		}
	}
}
