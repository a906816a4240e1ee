// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"errors"
	"maps"
	"testing"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

func TestApplySendsSecrets(t *testing.T) {
	h, server := newHands(t, pulpfake.Options{})
	w := definitions(t, Rules{})[0]
	known := Known{}
	run := func(secrets map[string]fleet.Secret) []Change {
		w.Secrets = secrets
		plan := Plan([]Want{w}, h.look(t), known, fingerprint)
		sent := func(_ context.Context, remote string, secrets map[string]fleet.Secret) error {
			for field, secret := range secrets {
				known[SecretKey(remote, field)] = fingerprint(secret)
			}
			return nil
		}
		for _, r := range (Applier{Hands: h, Sent: sent}).Apply(t.Context(), plan, h.look(t), func(int, int) {}) {
			if r.Err != nil {
				t.Error(r.Err)
			}
		}
		return plan
	}
	both := map[string]fleet.Secret{"username": fleet.NewSecret("me"), "password": fleet.NewSecret("one")}
	run(both)
	if r := server.Object("remotes", "ext-deb"); r["username"] != "me" || r["password"] != "one" {
		t.Errorf("created with %v, %v", r["username"], r["password"])
	}
	if again := run(both); len(again) > 0 { // D67
		t.Errorf("sent again: %v", again)
	}
	run(map[string]fleet.Secret{"username": fleet.NewSecret("me"), "password": fleet.NewSecret("two")})
	if r := server.Object("remotes", "ext-deb"); r["password"] != "two" {
		t.Errorf("changed to %v", r["password"])
	}
	run(map[string]fleet.Secret{})
	if r := server.Object("remotes", "ext-deb"); r["username"] != nil || r["password"] != nil {
		t.Errorf("cleared to %v, %v", r["username"], r["password"])
	}
	if again := run(map[string]fleet.Secret{}); len(again) > 0 {
		t.Errorf("cleared again: %v", again)
	}

	// What could not be remembered is told, and sent again.
	w.Secrets = both
	plan := Plan([]Want{w}, h.look(t), known, fingerprint)
	lost := errors.New("database gone")
	results := Applier{Hands: h, Sent: func(context.Context, string, map[string]fleet.Secret) error { return lost }}.
		Apply(t.Context(), plan, h.look(t), func(int, int) {})
	if len(results) != 1 || !errors.Is(results[0].Err, lost) {
		t.Errorf("%v", results)
	}
	if again := run(both); len(again) != 1 {
		t.Errorf("%v", again)
	}
}

// A remote that somebody else made meanwhile has not got our secrets: it is not remembered as if.
func TestApplyDoesNotClaimAnothersRemote(t *testing.T) {
	h, server := newHands(t, pulpfake.Options{})
	w := definitions(t, Rules{})[0]
	w.Secrets = map[string]fleet.Secret{"client_key": fleet.NewSecret("ours")}
	plan, have := Plan([]Want{w}, h.look(t), nil, fingerprint), h.look(t)
	other := maps.Clone(plan[0].Fields)
	other["client_key"] = "theirs"
	if _, err := h.client.CreateRemote(t.Context(), "deb/apt", other); err != nil {
		t.Fatal(err)
	}
	results := Applier{Hands: h, Sent: func(context.Context, string, map[string]fleet.Secret) error {
		t.Error("told that the secret was sent")
		return nil
	}}.Apply(t.Context(), plan, have, func(int, int) {})
	if results[0].Err != nil {
		t.Fatal(results[0].Err)
	}
	if server.Object("repositories", "ext-deb")["remote"] != server.Object("remotes", "ext-deb")["pulp_href"] {
		t.Error("the repository does not name it")
	}
	succeeded(t, h.reach(t, nil, w))
	if got := server.Object("remotes", "ext-deb")["client_key"]; got != "ours" {
		t.Errorf("after the next run: %v", got)
	}
}
