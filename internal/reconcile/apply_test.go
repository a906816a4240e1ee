// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// definitions are one repository of each sort, as definitions want them.
func definitions(t *testing.T, rules Rules) []Want {
	t.Helper()
	var wants []Want
	for _, d := range []fleet.Definition{
		{Name: "ext-deb", Type: "deb", BaseURL: "deb", URL: "http://up.test/deb/", Options: map[string]any{"releases": "bookworm sid", "components": "main"}},
		{Name: "ext-rpm", Type: "rpm", BaseURL: "el/9", URL: "https://up.test/rpm/", Proxy: "http://proxy.test:3128"},
		{Name: "ext-file", Type: "file", BaseURL: "files", URL: "https://up.test/PULP_MANIFEST", Options: map[string]any{"policy": "on_demand"}},
		{Name: "uploads", Type: "deb", BaseURL: "uploads"},
	} {
		d.Description, d.Owner = "Packages", "me"
		w, err := rules.FromDefinition("alpha", d, map[string]fleet.Secret{})
		if err != nil {
			t.Fatal(err)
		}
		wants = append(wants, w)
	}
	return wants
}

func succeeded(t *testing.T, results map[string]error) {
	t.Helper()
	for name, err := range results {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// met complains about what a plan would still change.
func (h *hands) met(t *testing.T, wants ...Want) {
	t.Helper()
	for _, c := range Plan(wants, h.look(t), nil, fingerprint) {
		t.Errorf("not as wanted: %s", c)
	}
}

func answers(server *pulpfake.Server) map[string]int {
	count := map[string]int{}
	for _, r := range server.Requests() {
		if r.Method != http.MethodGet && !strings.HasSuffix(r.Path, "/login/") {
			count[fmt.Sprintf("%s %d", r.Method, r.Status)]++
		}
	}
	return count
}

func TestApplyMakesWhatIsWanted(t *testing.T) {
	h, server := newHands(t, pulpfake.Options{})
	wants := definitions(t, Rules{SockConnectTimeout: 60, SigningServices: map[string]string{"deb_signing_service": signing(t, server)}})
	results := h.reach(t, nil, wants...)
	if len(results) != 4 {
		t.Errorf("results %v", results)
	}
	succeeded(t, results)
	// 3 remotes and 4 repositories are made at once, 4 distributions by a Pulp task.
	if diff := cmp.Diff(map[string]int{"POST 201": 7, "POST 202": 4}, answers(server)); diff != "" {
		t.Error(diff)
	}
	h.met(t, wants...)
	for name, want := range map[string]struct {
		path    string
		follows bool
	}{"ext-deb": {"deb/ext-deb", true}, "ext-rpm": {"el/9/ext-rpm", false}, "ext-file": {"files/ext-file", false}, "uploads": {"uploads", true}} {
		repository, distribution := server.Object("repositories", name), server.Object("distributions", name)
		if distribution["base_path"] != want.path || (distribution["repository"] == repository["pulp_href"]) != want.follows {
			t.Errorf("%s: distribution %v", name, distribution)
		}
		remote := server.Object("remotes", name)
		if name == "uploads" {
			if remote != nil || repository["remote"] != nil {
				t.Errorf("%s: remote %v", name, remote)
			}
			continue
		}
		if repository["remote"] != remote["pulp_href"] || remote["sock_connect_timeout"] != 60.0 {
			t.Errorf("%s: repository %v, remote %v", name, repository, remote)
		}
	}
	if server.Object("repositories", "uploads")["signing_service"] != signing(t, server) {
		t.Error("what is uploaded is not signed")
	}
	before := len(server.Tasks())
	if got := h.reach(t, nil, wants...); len(got) > 0 || len(server.Tasks()) != before {
		t.Errorf("a second run changes %v", got)
	}
}

// signing gives the href of the server's signing service.
func signing(t *testing.T, server *pulpfake.Server) string {
	t.Helper()
	services := server.Object("signing-services", "deb-release")
	href, ok := services["pulp_href"].(string)
	if !ok {
		t.Fatalf("no signing service: %v", services)
	}
	return href
}

// Whatever happens to the answers, each thing is made once.
func TestApplyRecoversLostAnswers(t *testing.T) {
	for _, what := range []string{"remotes/", "repositories/", "distributions/"} {
		for _, f := range []pulpfake.Fault{
			pulpfake.LoseReply, pulpfake.Refuse, pulpfake.BadGateway, pulpfake.BadGatewayDone, pulpfake.Unavailable503,
		} {
			t.Run(what+f.String(), func(t *testing.T) {
				h, server := newHands(t, pulpfake.Options{})
				wants := definitions(t, Rules{})
				for i := range wants {
					if wants[i].Remote != nil {
						wants[i].Secrets = map[string]fleet.Secret{"client_key": fleet.NewSecret("key of " + wants[i].Name)}
					}
				}
				plan := Plan(wants, h.look(t), nil, fingerprint)
				seen := map[string]int{}
				var mu sync.Mutex
				server.Inject(func(r *http.Request, _ int) pulpfake.Fault {
					mu.Lock()
					defer mu.Unlock()
					if r.Method == http.MethodPost && strings.Contains(r.URL.Path, "/"+what) {
						if seen[r.URL.Path]++; seen[r.URL.Path] <= 2 {
							return f
						}
					}
					return pulpfake.None
				})
				succeeded(t, h.apply(t, plan))
				server.Inject(nil)
				mu.Lock()
				faults := len(seen)
				mu.Unlock()
				if faults != 3 {
					t.Errorf("faults at %d places", faults)
				}
				if n := len(server.TasksStarted("general_create")); n != 4 {
					t.Errorf("%d distributions were asked for", n)
				}
				for _, w := range wants {
					if w.Remote != nil && server.Object("remotes", w.Name)["client_key"] != "key of "+w.Name {
						t.Errorf("%s: remote %v", w.Name, server.Object("remotes", w.Name))
					}
				}
				known := Known{}
				for _, w := range wants {
					for field, secret := range w.Secrets {
						known[SecretKey(w.Name, field)] = fingerprint(secret)
					}
				}
				if left := Plan(wants, h.look(t), known, fingerprint); len(left) > 0 {
					t.Errorf("not as wanted: %v", left)
				}
			})
		}
	}
}

// D74: what is wrong with one repository stops no other.
func TestApplyGoesOn(t *testing.T) {
	h, server := newHands(t, pulpfake.Options{})
	wants := definitions(t, Rules{})
	for _, name := range []string{"refused", "failing", "locked", "fine"} {
		w := wanted(t, "deb", name, name)
		w.Remote["distributions"] = "stable"
		wants = append(wants, w)
	}
	wants[4].Remote["bogus"] = true
	wants = append(wants, wanted(t, "rpm", "fine", "elsewhere")) // wanted twice
	h.busy["locked"] = fault.New(fault.Conflict, "task 7 changes it")
	server.FailNext(pulpfake.On{Task: "general_create", Repository: "failing"}, "disk full")

	plan := Plan(wants, h.look(t), nil, fingerprint)
	told := map[int]int{}
	results := Applier{Hands: h}.Apply(t.Context(), plan, h.look(t), func(done, all int) { told[done] = all })
	errs := map[string][]string{}
	for _, r := range results {
		if r.Err != nil {
			errs[r.Name] = append(errs[r.Name], fmt.Sprintf("%s: %s", fault.KindOf(r.Err), fault.Message(r.Err)))
		}
	}
	for name, want := range map[string]string{
		"refused": "invalid: Pulp server alpha: create deb/apt remote \"refused\": bogus: ", "failing": "invalid: create distribution failing: disk full",
		"locked": "conflict: task 7 changes it", "fine": "conflict: fine (fine.json): the name is wanted twice",
	} {
		if len(errs[name]) != 1 || !strings.HasPrefix(errs[name][0], want) {
			t.Errorf("%s: %q, want %q", name, errs[name], want)
		}
		delete(errs, name)
	}
	if len(errs) > 0 || len(results) != 9 {
		t.Errorf("%d results, other errors %q", len(results), errs)
	}
	for i := range 9 {
		if told[i+1] != 9 {
			t.Errorf("told of %d of %d", i+1, told[i+1])
		}
	}
	if got := server.Names("distributions"); !slices.Equal(got, []string{"ext-deb", "ext-file", "ext-rpm", "fine", "uploads"}) {
		t.Errorf("distributions %q", got)
	}
	if server.Object("repositories", "locked") != nil || server.Object("repositories", "refused") != nil {
		t.Error("something was made of a repository whose first part failed")
	}

	// The next run makes the rest.
	delete(h.busy, "locked")
	delete(wants[4].Remote, "bogus")
	succeeded(t, h.reach(t, nil, wants[:8]...))
	h.met(t, wants[:8]...)
}

func TestApplyUpdates(t *testing.T) {
	h, server := newHands(t, pulpfake.Options{})
	wants := definitions(t, Rules{})
	succeeded(t, h.reach(t, nil, wants...))
	server.ForgetRequests()

	changed := definitions(t, Rules{SockReadTimeout: 30, TLSValidation: on(false)})
	for i := range changed {
		changed[i].Fields["description"] = "other words - me - base_url:x"
		changed[i].BasePath = "moved/" + changed[i].Name
	}
	plan := Plan(changed, h.look(t), nil, fingerprint)
	succeeded(t, h.apply(t, plan))
	h.met(t, changed...)
	// 3 remotes, 4 repositories, 4 distributions: each is changed by a Pulp task.
	if diff := cmp.Diff(map[string]int{"PATCH 202": 11}, answers(server)); diff != "" {
		t.Error(diff)
	}

	// The same changes once more change nothing: Pulp answers without a task, except that it does not
	// see that a named object is the same.
	server.ForgetRequests()
	succeeded(t, h.apply(t, plan))
	if got := answers(server); got["PATCH 200"] == 0 || got["PATCH 200"]+got["PATCH 202"] != 11 {
		t.Errorf("%v", got)
	}
	h.met(t, changed...)
}

// A name that another type has is told in Pulp's words.
func TestApplyNameOfAnotherType(t *testing.T) {
	h, _ := newHands(t, pulpfake.Options{})
	w := definitions(t, Rules{})[0]
	plan, have := Plan([]Want{w}, h.look(t), nil, fingerprint), h.look(t)
	if _, err := h.client.CreateRemote(t.Context(), "rpm/rpm", map[string]any{"name": "ext-deb", "url": "http://up.test/"}); err != nil {
		t.Fatal(err)
	}
	results := Applier{Hands: h}.Apply(t.Context(), plan, have, func(int, int) {})
	if err := results[0].Err; !fault.Is(err, fault.Invalid) || !strings.Contains(fault.Message(err), "unique") {
		t.Errorf("%v", err)
	}
}

func TestApplyStops(t *testing.T) {
	h, server := newHands(t, pulpfake.Options{})
	var wants []Want
	for i := range 3 * Concurrency {
		wants = append(wants, wanted(t, "rpm", fmt.Sprintf("r%d", i), fmt.Sprintf("r%d", i)))
	}
	plan, have := Plan(wants, h.look(t), nil, fingerprint), h.look(t)
	stop := errors.New("stopped")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(stop)
	server.ForgetRequests()
	results := Applier{Hands: h}.Apply(ctx, plan, have, func(int, int) {})
	if len(results) != len(wants) || len(server.Requests()) > 0 {
		t.Errorf("%d results, %d requests", len(results), len(server.Requests()))
	}
	for _, r := range results {
		if !errors.Is(r.Err, stop) || r.Name == "" {
			t.Errorf("%q: %v", r.Name, r.Err)
		}
	}
}

// Repositories are changed at the same time, but not too many.
func TestApplyConcurrency(t *testing.T) {
	h, server := newHands(t, pulpfake.Options{Workers: 2 * Concurrency})
	release := server.Hold(pulpfake.On{Task: "general_create"})
	var wants []Want
	for i := range 2 * Concurrency {
		wants = append(wants, wanted(t, "rpm", fmt.Sprintf("r%d", i), fmt.Sprintf("r%d", i)))
	}
	plan, have := Plan(wants, h.look(t), nil, fingerprint), h.look(t)
	done := make(chan []Result)
	go func() { done <- Applier{Hands: h}.Apply(t.Context(), plan, have, func(int, int) {}) }()
	for tries := 0; len(server.TasksStarted("general_create")) < Concurrency; tries++ {
		if tries > 5000 {
			t.Fatalf("only %d repositories at a time", len(server.TasksStarted("general_create")))
		}
		pause(t.Context())
	}
	for range 20 { // time enough for one too many
		pause(t.Context())
	}
	if n := len(server.TasksStarted("general_create")); n != Concurrency {
		t.Errorf("%d repositories at a time", n)
	}
	release()
	for _, r := range <-done {
		if r.Err != nil {
			t.Error(r.Err)
		}
	}
	h.met(t, wants...)
}
