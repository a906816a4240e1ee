// SPDX-License-Identifier: Apache-2.0

package pulpfake

import (
	"context"
	"errors"
	"path"
	"sort"
	"strings"
)

// releaseFiles are what a deb sync asks for first, in this order; missing ones are no error as long as one is there.
var releaseFiles = []string{"Release", "InRelease", "Release.gpg"}

func (r *syncRun) fetchDeb(ctx context.Context) error {
	options := obj{
		"distributions": r.remote.suites, "components": r.remote.components, "architectures": r.remote.archs,
		"policy": r.remote.policy, "gpgkey": r.remote.gpgkey,
	}
	r.info = obj{"remote_options": options, "sync_options": obj{"mirror": r.mirror}}
	before := obj{}
	if r.version != nil && r.version.info != nil {
		before = r.version.info
	}
	same := r.skip && sameJSON(before["remote_options"], options) && (!r.mirror || sameJSON(before["sync_options"], obj{"mirror": true}))
	suites := strings.Fields(r.remote.suites)
	unchanged := 0
	var parsed []*debSuite
	for _, name := range suites {
		d, err := r.fetchSuite(ctx, name)
		if err != nil {
			return err
		}
		if same && r.hasRelease(d) {
			unchanged++
			d.unchanged = true
		}
		parsed = append(parsed, d)
	}
	if same && r.mirror && unchanged == len(suites) {
		r.skipped = true
		r.report = func(t *task) {
			t.report("Skipping sync (no changes for any ReleaseFile)", "sync.complete_skip.was_skipped", nil, 1)
		}
		return nil
	}
	indices := 0
	for _, d := range parsed {
		if d.unchanged && !r.mirror {
			r.associated++
			continue
		}
		n, err := r.fetchIndices(ctx, d)
		if err != nil {
			return err
		}
		indices += n
		r.associated += 1 + n + len(d.components)
	}
	skippedSuites := 0
	if !r.mirror {
		skippedSuites = unchanged
	}
	r.report = func(t *task) {
		t.report("Downloading Artifacts", "sync.downloading.artifacts", nil, max(r.remote.downloads, len(releaseFiles)*len(suites)))
		t.report("Update ReleaseFile units", "update.release_file", nil, len(suites))
		t.report("Update PackageIndex units", "update.packageindex", nil, indices)
		if skippedSuites > 0 {
			t.report("Skipping ReleaseFile sync (no change from previous sync)", "sync.release_file.was_skipped", nil, skippedSuites)
		}
	}
	return nil
}

// debSuite is one suite as its Release file describes it.
type debSuite struct {
	name       string
	dir        string
	files      map[string][]byte
	fields     map[string]string
	sums       map[string]string
	components []string
	archs      []string
	unchanged  bool
}

func (r *syncRun) fetchSuite(ctx context.Context, name string) (*debSuite, error) {
	d := &debSuite{name: name, dir: "dists/" + name, files: map[string][]byte{}}
	base := strings.TrimSuffix(r.remote.url, "/") + "/"
	for _, f := range releaseFiles {
		data, err := r.remote.get(ctx, base+d.dir+"/"+f)
		switch {
		case missing(err):
		case err != nil:
			return nil, err
		default:
			d.files[d.dir+"/"+f] = data
		}
	}
	inRelease, release, sig := d.files[d.dir+"/InRelease"], d.files[d.dir+"/Release"], d.files[d.dir+"/Release.gpg"]
	if inRelease == nil && release == nil {
		return nil, taskError{"DEB0001", "Could not find a Release file at '" + base + d.dir +
			"', try checking the 'url' and 'distributions' option on your remote"}
	}
	if key := r.remote.gpgkey; key != "" {
		switch {
		case inRelease != nil && verify(key, inRelease, nil, nil) == nil:
		case verify(key, nil, release, sig) == nil:
			delete(d.files, d.dir+"/InRelease")
			inRelease = nil
		default:
			return nil, taskError{"DEB0002", "Unable to verify any Release files from '" + base + "Release' using the GPG key provided."}
		}
	}
	main := release
	if inRelease != nil {
		main = plainText(inRelease)
	}
	ps := paragraphs(main)
	d.fields = map[string]string{}
	if len(ps) > 0 {
		d.fields = ps[0]
	}
	for _, need := range []string{"Components", "Architectures"} {
		if d.fields[strings.ToLower(need)] == "" {
			return nil, taskError{"DEB0004", "The release file for distribution '" + name + "' is missing the required field '" + need + "'."}
		}
	}
	d.sums = checksums(d.fields["sha256"])
	d.components = wantedWords(d.fields["components"], r.remote.components, true)
	d.archs = wantedWords(d.fields["architectures"], r.remote.archs, false)
	return d, nil
}

// wantedWords is what a remote asks for of what a Release file offers. Asking for something that is not offered is no
// error. A component updates/main is meant by main too; architecture all is always taken.
func wantedWords(offered, asked string, components bool) []string {
	var res []string
	want := strings.Fields(asked)
	for _, o := range strings.Fields(offered) {
		if len(want) == 0 || contains(want, o) || (components && contains(want, path.Base(o))) || (!components && o == "all") {
			res = append(res, o)
		}
	}
	sort.Strings(res)
	return res
}

// hasRelease tells whether the last version holds exactly these Release files.
func (r *syncRun) hasRelease(d *debSuite) bool {
	if r.version == nil {
		return false
	}
	for u := range r.version.units {
		if u.kind != debReleaseFile || u.str("distribution") != d.name || len(u.arts) != len(d.files) {
			continue
		}
		same := true
		for p, a := range u.arts {
			same = same && d.files[p] != nil && sha256Hex(d.files[p]) == a.sha256
		}
		if same {
			return true
		}
	}
	return false
}

func (r *syncRun) put(x found) int {
	r.found = append(r.found, x)
	return len(r.found) - 1
}

// fetchIndices takes a suite's indices and packages and returns how many indices there were.
func (r *syncRun) fetchIndices(ctx context.Context, d *debSuite) (int, error) {
	main := d.dir + "/InRelease"
	if d.files[main] == nil {
		main = d.dir + "/Release"
	}
	codename, suite := d.fields["codename"], d.fields["suite"]
	key := ""
	for _, p := range sortedKeys(d.files) {
		key += p + " " + sha256Hex(d.files[p]) + "\n"
	}
	r.put(found{kind: debReleaseFile, key: key, slot: d.name, arts: d.files, f: obj{
		"codename": codename, "suite": suite, "distribution": d.name, "relative_path": main,
		"components": d.fields["components"], "architectures": d.fields["architectures"], "sha256": sha256Hex(d.files[main]),
	}})
	nullable := func(name string) any {
		if v := d.fields[name]; v != "" {
			return v
		}
		return nil
	}
	r.put(found{
		kind: debRelease, key: strings.Join([]string{d.name, codename, suite, d.fields["origin"], d.fields["label"], d.fields["version"]}, "\x00"),
		slot: d.name,
		f: obj{
			"codename": codename, "suite": suite, "distribution": d.name, "version": nullable("version"), "origin": nullable("origin"),
			"label": nullable("label"), "description": nullable("description"),
		},
	})
	for _, a := range d.archs {
		r.put(found{kind: debArch, key: d.name + "\x00" + a, f: obj{
			"architecture": a, "distribution": d.name, "base_architecture": a, "variant_architecture": nil,
		}})
	}
	indices := 0
	seen := map[string]int{}
	for _, comp := range d.components {
		rc := r.put(found{kind: debComponent, key: d.name + "\x00" + comp, f: obj{
			"component": comp, "distribution": d.name, "plain_component": path.Base(comp),
		}})
		for _, arch := range d.archs {
			dir := comp + "/binary-" + arch
			data, err := r.fetchIndex(ctx, d, comp, arch, dir)
			if err != nil {
				return 0, err
			}
			if data == nil {
				continue
			}
			indices++
			if err := r.fetchPackages(ctx, data, arch, rc, seen); err != nil {
				return 0, err
			}
		}
	}
	return indices, nil
}

// fetchIndex takes what there is of Packages and Packages.gz; nil if the Release file lists neither.
func (r *syncRun) fetchIndex(ctx context.Context, d *debSuite, comp, arch, dir string) ([]byte, error) {
	base := strings.TrimSuffix(r.remote.url, "/") + "/"
	arts := map[string][]byte{}
	listed := false
	for _, f := range []string{"Packages", "Packages.gz"} {
		sum, has := d.sums[dir+"/"+f]
		if !has {
			continue
		}
		listed = true
		data, err := r.remote.checked(ctx, base+d.dir+"/"+dir+"/"+f, sum, r.s.known)
		var wrong taskError
		switch {
		case missing(err), errors.As(err, &wrong) && wrong.code == "PLP0003": // dropped, as Pulp does
		case err != nil:
			return nil, err
		default:
			arts[d.dir+"/"+dir+"/"+f] = data
		}
	}
	if !listed {
		return nil, nil
	}
	at := d.dir + "/" + dir + "/Packages"
	text := arts[at]
	if text == nil && arts[at+".gz"] != nil {
		var err error
		if text, err = decompress(arts[at+".gz"]); err != nil {
			return nil, err
		}
	}
	if text == nil && len(arts) == 0 {
		if r.remote.ignoreMissing {
			return nil, nil
		}
		return nil, taskError{"DEB0003", "No suitable package index files found in '" + d.dir + "/" + dir + "'."}
	}
	if text == nil {
		text = []byte{}
	}
	key := at
	for _, p := range sortedKeys(arts) {
		key += " " + sha256Hex(arts[p])
	}
	r.put(found{kind: debPackageIndex, key: key, slot: at, arts: arts, f: obj{
		"component": comp, "architecture": arch, "relative_path": at, "sha256": sha256Hex(text),
	}})
	return text, nil
}

func (r *syncRun) fetchPackages(ctx context.Context, index []byte, arch string, rc int, seen map[string]int) error {
	base := strings.TrimSuffix(r.remote.url, "/") + "/"
	for _, p := range paragraphs(index) {
		if a := p["architecture"]; a != arch && a != "all" {
			continue
		}
		at, sum := path.Clean(p["filename"]), p["sha256"]
		i, known := seen[at]
		if !known {
			data, err := r.remote.checked(ctx, base+at, sum, r.s.known)
			if err != nil {
				return err
			}
			f := obj{"relative_path": at, "metadata_sha256": sha256Hex([]byte(p["package"] + p["version"] + p["architecture"] + sum))}
			for _, name := range []string{
				"package", "source", "version", "architecture", "section", "priority", "maintainer", "description", "depends",
			} {
				f[name] = nil
				if v := p[name]; v != "" {
					f[name] = v
				}
			}
			i = r.put(found{
				kind: debPackage, key: at + " " + sum, slot: p["package"] + "\x00" + p["version"] + "\x00" + p["architecture"], f: f,
				arts: map[string][]byte{at: data},
			})
			seen[at] = i
		}
		r.links = append(r.links, link{pkg: i, component: rc})
	}
	return nil
}
