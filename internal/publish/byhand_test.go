// SPDX-License-Identifier: Apache-2.0

package publish

import (
	"net/url"
	"strings"
	"testing"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/pulp"
)

// takeOut removes all units of the bench's repository but those that are named.
func (b *bench) takeOut(keep ...string) {
	b.t.Helper()
	found, err := b.client.Content(b.t.Context(), b.kind.Packages.Path, url.Values{"repository_version": {string(b.newest)}})
	if err != nil {
		b.t.Fatal(err)
	}
	var units []pulp.Href
	for _, f := range found {
		name := b.kind.Packages.Unit(f).Name
		if !strings.Contains(" "+strings.Join(keep, " ")+" ", " "+name+" ") {
			units = append(units, f.Href())
		}
	}
	b.change(func(ctx ctx) (pulp.Href, error) {
		return b.client.Modify(ctx, b.repository.Href, pulp.Fields{"remove_content_units": units})
	})
}

func byHand(r *Request) { r.ByHand = true }
func empty(r *Request)  { r.Empty = true }
func again(r *Request)  { r.Again = true }

// What a person took out is gone for clients; the last only where that is asked for, and once more only so.
func TestByHand(t *testing.T) {
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) {
			b := newBench(t, kind, "alpha", "beta")
			b.sync()
			if _, _, err := b.serve(); err != nil {
				t.Fatal(err)
			}
			b.takeOut("beta")
			if done, _, err := b.serve(byHand); err != nil || done.Units != 1 {
				t.Fatalf("%+v %v", done, err)
			}
			b.serves("beta")
			if done, requests, err := b.serve(byHand); err != nil || !done.Unchanged || len(requests) > 0 {
				t.Errorf("once more: %+v %v %v", done, requests, err)
			}
			if done, requests, err := b.serve(byHand, again); err != nil || done.Unchanged || requests[0] != "POST publications" {
				t.Errorf("once more, as asked for: %+v %v %v", done, requests, err)
			}
			b.takeOut()
			if _, requests, err := b.serve(byHand); !fault.Is(err, fault.Invalid) || len(requests) > 0 {
				t.Errorf("the last: %v %v", requests, err)
			}
			b.serves("beta")
			if done, _, err := b.serve(byHand, empty); err != nil || done.Units != 0 {
				t.Errorf("the last, as asked for: %+v %v", done, err)
			}
		})
	}
}

// A change by hand drops the indices by which a sync is held against its definition: that is no fault of the
// upstream.
func TestByHandIsNotHeldAgainstTheRemote(t *testing.T) {
	b := newBench(t, "deb", "alpha", "beta")
	remote, err := b.client.Remotes(t.Context(), "deb/apt", nil)
	if err != nil || len(remote) != 1 {
		t.Fatal(remote, err)
	}
	b.must(b.Task(t.Context(), "components", func(ctx ctx) (pulp.Href, error) {
		change, err := b.client.UpdateRemote(ctx, remote[0].Href, pulp.Fields{"components": "main"})
		return change.Task, err
	}))
	b.sync()
	if _, _, err := b.serve(); err != nil {
		t.Fatal(err)
	}
	b.takeOut("beta")
	if _, _, err := b.serve(); !fault.Is(err, fault.Invalid) {
		t.Errorf("as after a sync: %v", err)
	}
	if _, _, err := b.serve(byHand); err != nil {
		t.Error(err)
	}
	b.serves("beta")
}
