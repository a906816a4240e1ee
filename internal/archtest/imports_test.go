// SPDX-License-Identifier: Apache-2.0

package archtest

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"
)

// anything is a row's word for no limit.
const anything = "*"

// table says who may import whom. The first row that names a package is its row; a package below
// one that is named has its row, and may import what is in the same place.
var table = []struct{ packages, may string }{
	{"archtest", ""},
	{"pulp/pulpfake", ""},
	{"pulp/pulpcontract", "fault pulp pulp/pulpfake"},
	{"store/storecontract store/storetest", "fault fleet store store/storetest"},
	{"*fake */*fake */*/*fake *contract */*contract */*/*contract *test */*test */*/*test", anything}, // they are for tests

	{"fault", ""},
	{"cron", "fault"},
	{"fleet", "fault"},
	{"pulp", "fault"},
	{"content", "fault fleet"},
	{"inventory", "fault fleet pulp content"},
	{"reconcile publish ban", "fault fleet pulp content inventory"},
	{"job/catalog", "job job/*"},
	{"health", "fault fleet"},
	{"notice", "fault fleet"},
	{"job/*", "job health reconcile publish ban inventory content pulp fleet fault"},
	{"job", "fault fleet pulp"},
	{"listen", "fault"},
	{"worker scheduler", "fault fleet job inventory auth"},
	{"api web exporter", "fault fleet job inventory auth listen"},
	{"store vault ldap git", "fault fleet"},
	{"definition", "fault fleet content"},
	{"auth", "fault fleet listen"},
	{"config", "fault fleet"},
	{"client", ""},
	{"cmd/* test/* test/*/*", anything},
}

// leaves may be imported by everyone but themselves and fault.
const leaves = "cron"

func TestImports(t *testing.T) {
	none(t, imports(project(t)))
}

// imports complains about imports that the table does not have. Tests may import anything.
func imports(files []source) []string {
	var complaints []string
	for _, f := range files {
		if f.test() {
			continue
		}
		home, may, found := row(f.pkg())
		if !found {
			complaints = append(complaints, f.path+": its package has no row in the table of imports")
			continue
		}
		for _, imported := range f.imports {
			if !allowed(home, may, imported) && !double(imported) {
				complaints = append(complaints, fmt.Sprintf("%s: %s must not import %s (it may: %s)", f.path, f.pkg(), imported, may))
			}
		}
	}
	return complaints
}

// row gives the row of a package, and the package that the row is about.
func row(pkg string) (home, may string, found bool) {
	for at := pkg; at != "."; at = path.Dir(at) {
		for _, r := range table {
			if matches(r.packages, at) {
				return at, r.may, true
			}
		}
	}
	return "", "", false
}

func allowed(home, may, imported string) bool {
	switch {
	case may == anything, strings.HasPrefix(imported, home+"/") && home != "job":
		return true
	case matches(leaves, imported):
		return home != imported && home != "fault" && home != "client"
	}
	return matches(may, imported) || imported == home
}

func matches(patterns, pkg string) bool {
	return slices.ContainsFunc(strings.Fields(patterns), func(pattern string) bool {
		ok, err := path.Match(pattern, pkg)
		return ok && err == nil
	})
}

// double tells whether a package stands in for something in tests.
func double(pkg string) bool {
	base := path.Base(pkg)
	return strings.HasSuffix(base, "fake") || strings.HasSuffix(base, "contract") || strings.HasSuffix(base, "test")
}

func TestDoublesAreForTests(t *testing.T) {
	none(t, doubles(project(t)))
}

// doubles complains about files of the program that import what only tests may: fakes, contracts and
// package testing. The demo may, which simulates a fleet.
func doubles(files []source) []string {
	var complaints []string
	for _, f := range files {
		demo := strings.HasPrefix(f.path, "cmd/") && strings.Contains(path.Base(f.path), "demo")
		if f.test() || demo || double(f.pkg()) || strings.HasPrefix(f.path, "test/") {
			continue
		}
		for _, imported := range append(slices.Clone(f.imports), f.others...) {
			if double(imported) && !strings.HasPrefix(f.pkg(), imported+"/") || imported == "testing" {
				complaints = append(complaints, fmt.Sprintf("%s: imports %s, which is for tests", f.path, imported))
			}
		}
	}
	return complaints
}

func TestImportRulesCatch(t *testing.T) {
	file := func(at string, imported ...string) source {
		text := "package x\n"
		for _, i := range imported {
			text += fmt.Sprintf("import _ %q\n", i)
		}
		return parse(t, at, text)
	}
	ours := func(name string) string { return module + "/internal/" + name }
	for _, bad := range []struct{ at, imported, says string }{
		{"internal/fault/x.go", ours("cron"), "fault must not import cron"},
		{"internal/cron/x.go", ours("fleet"), "cron must not import fleet"},
		{"internal/fleet/x.go", ours("pulp"), "fleet must not import pulp"},
		{"internal/pulp/x.go", ours("fleet"), "pulp must not import fleet"},
		{"internal/content/x.go", ours("pulp"), "content must not import pulp"},
		{"internal/inventory/x.go", ours("reconcile"), "inventory must not import reconcile"},
		{"internal/reconcile/x.go", ours("job"), "reconcile must not import job"},
		{"internal/job/x.go", ours("job/reposync"), "job must not import job/reposync"},
		{"internal/job/groupsync/x.go", ours("job/reposync"), "job/groupsync must not import job/reposync"},
		{"internal/job/groupsync/x.go", ours("job/catalog"), "job/groupsync must not import job/catalog"},
		{"internal/job/groupsync/x.go", ours("store"), "job/groupsync must not import store"},
		{"internal/worker/x.go", ours("pulp"), "worker must not import pulp"},
		{"internal/api/x.go", ours("store"), "api must not import store"},
		{"internal/worker/x.go", ours("listen"), "worker must not import listen"},
		{"internal/listen/x.go", ours("api"), "listen must not import api"},
		{"internal/web/show/x.go", ours("job/reposync"), "web/show must not import job/reposync"},
		{"internal/vault/x.go", ours("store"), "vault must not import store"},
		{"internal/store/x.go", ours("vault"), "store must not import vault"},
		{"internal/store/x.go", ours("ldap"), "store must not import ldap"},
		{"internal/git/x.go", ours("definition"), "git must not import definition"},
		{"internal/config/x.go", ours("content"), "config must not import content"},
		{"client/x.go", ours("fault"), "client must not import fault"},
		{"client/x.go", ours("cron"), "client must not import cron"},
		{"internal/pulp/pulpfake/x.go", ours("pulp"), "pulp/pulpfake must not import pulp"},
		{"internal/novelty/x.go", ours("fault"), "no row"},
	} {
		complains(t, imports([]source{file(bad.at, bad.imported)}), bad.says)
	}
	for _, good := range []struct{ at, imported string }{
		{"internal/job/catalog/x.go", ours("job/reposync")},
		{"internal/job/reposync/x.go", ours("reconcile")},
		{"internal/scheduler/x.go", ours("cron")},
		{"internal/store/x.go", ours("store/migrations")},
		{"internal/store/x_test.go", ours("pulp")},
		{"cmd/pulp-manager/x.go", ours("store")},
	} {
		none(t, imports([]source{file(good.at, good.imported)}))
	}

	fake := ours("pulp/pulpfake")
	complains(t, doubles([]source{file("internal/job/x.go", fake)}), "for tests")
	complains(t, doubles([]source{file("cmd/pulp-manager/serve.go", fake)}), "for tests")
	complains(t, doubles([]source{file("internal/api/x.go", "testing")}), "for tests")
	none(t, doubles([]source{
		file("cmd/pulp-manager/demo_fleet.go", fake), file("internal/job/x_test.go", fake),
		file("internal/pulp/pulpcontract/x.go", fake, "testing"),
	}))
}
