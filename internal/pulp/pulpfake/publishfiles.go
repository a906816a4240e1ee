// SPDX-License-Identifier: Apache-2.0

package pulpfake

import (
	"fmt"
	"path"
	"sort"
	"strings"
)

// publishVerbatim re-serves the metadata a sync stored, at the paths it had. After a modify there is none left.
func publishVerbatim(v *version) map[string]*artifact {
	files := map[string]*artifact{}
	for u := range v.units {
		for p, a := range u.arts {
			files[p] = a
		}
	}
	return files
}

// publishFile writes a manifest.
func (s *Server) publishFile(v *version, manifest string) map[string]*artifact {
	if manifest == "" {
		manifest = "PULP_MANIFEST"
	}
	files := map[string]*artifact{}
	var lines []string
	for u := range v.units {
		p, a := u.file()
		files[p] = a
		lines = append(lines, fmt.Sprintf("%s,%s,%d\n", p, a.sha256, len(a.data)))
	}
	sort.Strings(lines)
	files[manifest] = s.artifact([]byte(strings.Join(lines, "")))
	return files
}

// publishRPM writes repodata/, signed if a service is set on the repository, and lays the packages out by first letter.
func (s *Server) publishRPM(v *version) (map[string]*artifact, error) {
	files := map[string]*artifact{}
	var pkgs []rpmEntry
	for u := range v.units {
		_, a := u.file()
		name := path.Base(u.str("location_href"))
		at := "Packages/" + strings.ToLower(name[:1]) + "/" + name
		files[at] = a
		pkgs = append(pkgs, rpmEntry{
			name: u.str("name"), version: u.str("version"), release: u.str("release"), arch: u.str("arch"), epoch: u.str("epoch"),
			summary: u.str("summary"), sum: a.sha256, size: len(a.data), href: at,
		})
	}
	revision := fmt.Sprint(s.now().Unix())
	for p, data := range repodata(pkgs, revision) {
		files[p] = s.artifact(data)
	}
	if s.lookup(v.repo.str("metadata_signing_service")) != nil {
		signature, err := s.sign.detached(files[repomdPath].data)
		if err != nil {
			return nil, err
		}
		files[repomdPath+".asc"], files[repomdPath+".key"] = s.artifact(signature), s.artifact([]byte(s.sign.public))
	}
	return files, nil
}

// publishDeb writes a structured publication: dists/ from the packages' release components, signed if a service is
// set on the publication or on the repository.
func (s *Server) publishDeb(v *version, pub *object) (map[string]*artifact, error) {
	files := map[string]*artifact{}
	releases := v.of(debRelease)
	archs := map[string][]string{}
	for _, u := range v.of(debArch) {
		archs[u.str("distribution")] = append(archs[u.str("distribution")], u.str("architecture"))
	}
	comps := map[string][]string{}
	for _, u := range v.of(debComponent) {
		comps[u.str("distribution")] = append(comps[u.str("distribution")], u.str("component"))
	}
	packages := map[string][]*unit{} // by release component
	for _, prc := range v.of(debPRC) {
		if pkg := s.findUnit(prc.str("package")); pkg != nil && v.has(pkg) {
			packages[prc.str("release_component")] = append(packages[prc.str("release_component")], pkg)
		}
	}
	rcs := map[string]*unit{} // by suite and component
	for _, u := range v.of(debComponent) {
		rcs[u.str("distribution")+"\x00"+u.str("component")] = u
	}
	for _, rel := range releases {
		suite := rel.str("distribution")
		as := archs[suite]
		if !contains(as, "all") {
			as = append(as, "all")
		}
		r := debRelease822{
			suite: suite, fields: rel, archs: as, comps: comps[suite], date: s.now(), index: map[string][]byte{},
			upstream: v.repo.flag("publish_upstream_release_fields"),
		}
		sort.Strings(r.comps)
		for _, comp := range r.comps {
			r.index[comp+"/source/Sources"] = nil
			for _, arch := range as {
				var b strings.Builder
				for _, pkg := range sortedUnits(packages[rcs[suite+"\x00"+comp].href()]) {
					if pkg.str("architecture") != arch {
						continue
					}
					_, a := pkg.file()
					at := poolPath(comp, pkg)
					files[at] = a
					b.WriteString(stanza(pkg, at, a))
				}
				r.index[comp+"/binary-"+arch+"/Packages"] = []byte(b.String())
			}
		}
		made, err := r.build(s.signerFor(pub, v.repo))
		if err != nil {
			return nil, err
		}
		for p, data := range made {
			files[p] = s.artifact(data)
		}
	}
	return files, nil
}

func (s *Server) signerFor(pub, repo *object) *signer {
	for _, ref := range []string{pub.str("signing_service"), repo.str("signing_service")} {
		if s.lookup(ref) != nil {
			return s.sign
		}
	}
	return nil
}

func sortedUnits(units []*unit) []*unit {
	res := append([]*unit{}, units...)
	sort.Slice(res, func(i, j int) bool {
		a, b := res[i], res[j]
		if a.str("package") != b.str("package") {
			return a.str("package") < b.str("package")
		}
		return a.str("version") < b.str("version")
	})
	return res
}

func poolPath(comp string, pkg *unit) string {
	name := pkg.str("package")
	prefix := name[:1]
	if strings.HasPrefix(name, "lib") && len(name) > 3 {
		prefix = name[:4]
	}
	return fmt.Sprintf("pool/%s/%s/%s/%s_%s_%s.deb", comp, prefix, name, name, strings.ReplaceAll(pkg.str("version"), ":", ""), pkg.str("architecture"))
}
