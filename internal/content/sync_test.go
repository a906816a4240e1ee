// SPDX-License-Identifier: Apache-2.0

package content

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

func typ(t *testing.T, name fleet.RepositoryType) Type {
	t.Helper()
	found, ok := Find(name)
	if !ok {
		t.Fatalf("no type %s", name)
	}
	return found
}

func TestSyncBody(t *testing.T) {
	none := map[string]any{}
	for _, test := range []struct {
		kind   fleet.RepositoryType
		mirror bool
		asked  map[string]any
		full   bool
		want   map[string]any
	}{
		{"deb", false, nil, false, none},
		{"rpm", false, nil, false, none},
		{"file", false, nil, false, none},
		{"deb", false, nil, true, map[string]any{"optimize": false}},
		{"deb", true, nil, false, map[string]any{"mirror": true}},
		{"rpm", true, nil, false, map[string]any{"sync_policy": "mirror_complete"}},
		{"file", true, nil, true, map[string]any{"mirror": true, "optimize": false}},
		// What a person asks for goes over everything.
		{"deb", true, map[string]any{"mirror": false}, false, map[string]any{"mirror": false}},
		{"rpm", false, map[string]any{"optimize": true}, true, map[string]any{"optimize": true}},
		{"rpm", true, map[string]any{"skip_types": []any{"srpm"}}, false, map[string]any{"sync_policy": "mirror_complete", "skip_types": []any{"srpm"}}},
	} {
		kind := typ(t, test.kind)
		method := kind.Sync
		if test.mirror {
			method = kind.MirrorSync[0]
		}
		for range 2 { // asking must not change the type
			if diff := cmp.Diff(test.want, kind.SyncBody(method, test.asked, test.full)); diff != "" {
				t.Errorf("%+v: %s", test, diff)
			}
		}
	}
}

// D96: options that the type's sync does not know are refused before anything is queued.
func TestCheckSyncOptions(t *testing.T) {
	for kind, good := range map[fleet.RepositoryType][]string{
		"deb": {"mirror", "optimize"}, "rpm": {"mirror", "optimize", "sync_policy", "skip_types"}, "file": {"mirror", "optimize"},
	} {
		for _, key := range []string{"mirror", "optimize", "sync_policy", "skip_types", "Mirror", "remote", ""} {
			want := false
			for _, g := range good {
				want = want || g == key
			}
			err := typ(t, kind).CheckSyncOptions(map[string]any{key: true})
			if (err == nil) != want || (err != nil && (!fault.Is(err, fault.Invalid) || fault.Hint(err) == "")) {
				t.Errorf("%s %q: %v", kind, key, err)
			}
		}
		if err := typ(t, kind).CheckSyncOptions(nil); err != nil {
			t.Errorf("%s without options: %v", kind, err)
		}
	}
}

func TestRefused(t *testing.T) {
	for _, test := range []struct {
		err  error
		want bool
	}{
		{nil, false},
		{fault.New(fault.Invalid, "server a: sync failed: This repository uses features which are incompatible with 'mirror' sync."), true},
		{fault.New(fault.Invalid, "Cannot use mirror mode with autopublished repository."), true},
		{fault.New(fault.Invalid, "sync failed: MIRROR_COMPLETE is not possible"), true},
		{fmt.Errorf("stage: %w", fault.New(fault.Invalid, "no mirror")), true},
		{fault.New(fault.Invalid, "sync failed: 404, message='Not Found'"), false},
		{fault.New(fault.Unavailable, "the mirror did not answer"), false},
		{errors.New("mirror"), false},
		{fault.Wrap(fault.Invalid, errors.New("mirror"), "sync failed"), false},
	} {
		if got := Refused(test.err); got != test.want {
			t.Errorf("%v: %v", test.err, got)
		}
	}
}

// The ways to mirror of each type, and who makes the publication.
func TestMirrorSync(t *testing.T) {
	type method struct {
		Name, Publication string
		Publishes         bool
	}
	for kind, want := range map[fleet.RepositoryType][]method{
		"deb":  {{"mirror", "deb/verbatim", false}},
		"rpm":  {{"mirror_complete", "", true}, {"mirror_content_only", "rpm/rpm", false}},
		"file": {{"mirror", "", true}},
	} {
		var got []method
		for _, m := range typ(t, kind).MirrorSync {
			path := ""
			switch {
			case m.Publication != nil:
				path, _ = m.Publication()
			case !m.Publishes:
				path, _ = typ(t, kind).Publication(nil)
			}
			got = append(got, method{m.Name, path, m.Publishes})
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", kind, diff)
		}
	}
}
