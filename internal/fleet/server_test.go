// SPDX-License-Identifier: Apache-2.0

package fleet

import "testing"

func TestServerName(t *testing.T) {
	for _, name := range []ServerName{"pulp", "pulp.example.com", "pulp-1_a:8080", "10.0.0.1:24817"} {
		if !name.Valid() {
			t.Errorf("%q is refused", name)
		}
	}
	for _, name := range []ServerName{"", "Pulp", "pulp.example.com:", ":80", "pulp:80:90", "http://pulp", "pulp/x", "pulp x", "pulp\n", "a@b", "[::1]"} {
		if name.Valid() {
			t.Errorf("%q is taken", name)
		}
	}
}

func TestScheduleTaskName(t *testing.T) {
	for kind, want := range map[Kind]string{KindRegister: "pulp-1 repo registration", KindRepoGroupSync: "repo sync pulp-1"} {
		if got := ScheduleTaskName(kind, "pulp-1"); got != want {
			t.Errorf("%s: %q, want %q", kind, got, want)
		}
	}
}
