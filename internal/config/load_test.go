// SPDX-License-Identifier: Apache-2.0

package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

func TestMissingFiles(t *testing.T) { // D1
	f := newFiles(t, "", "")
	f.env = map[string]string{}
	sources := f.sources()
	sources.root = f.dir
	c, err := Load(sources)
	if err != nil {
		t.Fatal(err)
	}
	if c.HasFleet || len(c.Problems) != 2 {
		t.Errorf("HasFleet %v, problems %v", c.HasFleet, c.Problems)
	}
	if diff := cmp.Diff(Defaults(), c.Settings, cmp.AllowUnexported(fleet.Secret{})); diff != "" || c.Settings.Paging.DefaultSize != 50 {
		t.Error(diff)
	}

	f.env = map[string]string{EnvConfigPath: f.path("nope.ini"), EnvSyncPath: f.path("nope.yml"), EnvCAFile: f.path("nope.pem")}
	_, err = Load(f.sources())
	if !fault.Is(err, fault.Invalid) {
		t.Fatalf("Load = %v", err)
	}
	for _, want := range []string{"nope.ini: the file is not there", "nope.yml: the file is not there", EnvCAFile + ": [ca] root_ca_file_path"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %s", want, err)
		}
	}
}

func TestFlagsWinOverEnvironment(t *testing.T) {
	f := newFiles(t, smallINI, smallYAML)
	f.write("other.ini", smallINI+"[paging]\ndefault_page_size = 7\n")
	f.env[EnvSyncPath] = f.path("missing.yml")
	s := f.sources()
	s.ConfigPath, s.SyncPath = f.path("other.ini"), f.path("pulp_config.yml")
	c, err := Load(s)
	if err != nil {
		t.Fatal(err)
	}
	if c.Settings.Paging.DefaultSize != 7 || len(c.Fleet.Servers) != 1 {
		t.Errorf("page size %d, %d servers", c.Settings.Paging.DefaultSize, len(c.Fleet.Servers))
	}
}

func TestSkip(t *testing.T) {
	f := newFiles(t, "", "{ broken")
	f.env[EnvSkipSync] = ""
	c, err := Load(f.sources())
	if err != nil || c.HasFleet {
		t.Errorf("HasFleet, %v", err)
	}
}

func TestHash(t *testing.T) {
	f := newFiles(t, smallINI, smallYAML)
	hashOf := func() string {
		c, err := Load(f.sources())
		if err != nil {
			t.Fatal(err)
		}
		if c.Fleet.Hash != c.Hash {
			t.Error("the fleet's hash is another")
		}
		return c.Hash
	}
	first := hashOf()
	if first != hashOf() {
		t.Error("the hash of the same files changes")
	}
	f.write("config.ini", smallINI+"\n")
	second := hashOf()
	f.write("pulp_config.yml", smallYAML+"\n")
	if third := hashOf(); first == second || second == third || first == third {
		t.Error("the hash does not tell files apart")
	}
}
