// SPDX-License-Identifier: Apache-2.0

package register_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job/jobtest"
	"github.com/pulp/pulp-manager/internal/job/register"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// TestThousandDefinitions: a registration without a change asks for lists and writes nothing, however
// many definitions there are; the original sends 3,000 requests.
func TestThousandDefinitions(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t, func(w *jobtest.World) { w.Types = nil; w.Primary.Workers = 16 })
	all := jobtest.Fewer(1000)
	for i := range all {
		kind := []fleet.RepositoryType{"deb", "rpm", "file"}[i%3]
		f.Define(f.Definition(kind, fmt.Sprintf("ext-%s-%d", kind, i), fmt.Sprintf("http://127.0.0.1:9/%d/", i)))
	}
	f.Register(f.Primary)
	if n := len(f.Primary.Names("distributions")); n != all {
		t.Fatalf("%d distributions", n)
	}
	f.Primary.ForgetRequests()
	f.Register(f.Primary)
	if n := f.Primary.Writes(); n != 0 {
		t.Errorf("%d writes without a change", n)
	}
	if n := len(f.Primary.Requests()); n > 30 {
		asked, _ := jobtest.Asked(f.Primary)
		t.Errorf("%d requests without a change: %v", n, asked)
	}
	f.Tidy()
}

// TestRegisterMakesAll: a definition becomes a remote, a repository and a distribution, with the labels
// by which we know our own.
func TestRegisterMakesAll(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.Define(f.Definition("file", "int-file", ""))
	f.Register(f.Primary)
	for _, d := range f.Defined() {
		repository, distribution := f.Primary.Object("repositories", d.Name), f.Primary.Object("distributions", d.Name)
		if repository == nil || distribution == nil {
			t.Fatalf("%s: repository %v, distribution %v", d.Name, repository, distribution)
		}
		if distribution["base_path"] != "repos/"+d.Name {
			t.Errorf("%s: base path %v", d.Name, distribution["base_path"])
		}
		remote := f.Primary.Object("remotes", d.Name)
		if (remote != nil) != d.External() {
			t.Errorf("%s: remote %v", d.Name, remote)
		}
		if remote != nil && (remote["url"] != d.URL || repository["remote"] != remote["pulp_href"]) {
			t.Errorf("%s: remote %v, repository %v", d.Name, remote, repository)
		}
		labels, _ := json.Marshal(repository["pulp_labels"])
		if !strings.Contains(string(labels), `"pulp_manager":"`+string(jobtest.Name(f.Primary))+`"`) {
			t.Errorf("%s: labels %s", d.Name, labels)
		}
	}
	if n := len(f.Repositories(f.Primary)); n != 4 {
		t.Errorf("the store knows %d repositories", n)
	}
}

// TestChangedDefinition: only what differs is sent, in one request.
func TestChangedDefinition(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.Register(f.Primary)
	f.Primary.ForgetRequests()
	d := f.Definition("deb", "ext-deb", f.UpstreamURL+"/other/")
	f.Define(d)
	f.Register(f.Primary)
	if n := f.Primary.Writes(); n != 1 {
		asked, _ := jobtest.Asked(f.Primary)
		t.Errorf("%d writes for a changed url: %v", n, asked)
	}
	if remote := f.Primary.Object("remotes", "ext-deb"); remote["url"] != d.URL {
		t.Errorf("remote's url is %v", remote["url"])
	}
}

// TestSecretsSentOnce: Pulp never tells a secret, so what was last sent is compared by fingerprint, and it is
// sent again only when it has changed, or is gone from the remote. The original sends it every run, and fails
// on it since Pulp 3.90 (D67, D141).
func TestSecretsSentOnce(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t, func(w *jobtest.World) { w.Types = []fleet.RepositoryType{"file"} })
	d := f.Definition("file", "ext-file", f.Trees["ext-file"].URL(f.UpstreamURL))
	d.Secrets = []fleet.SecretSource{{Property: "password", Path: "upstream"}, {Property: "username", Path: "upstream"}}
	f.Define(d)
	password := func() any { return f.Primary.Object("remotes", "ext-file")["password"] }
	f.Register(f.Primary)
	if password() != "hunter2" {
		t.Fatalf("the remote's password is %v", password())
	}
	for _, step := range []struct {
		name, secret string
		writes       int
	}{{"unchanged", "hunter2", 0}, {"changed", "correct horse", 1}, {"unchanged again", "correct horse", 0}} {
		f.SetSecret(step.secret)
		f.Primary.ForgetRequests()
		task := f.Register(f.Primary)
		if n := f.Primary.Writes(); n != step.writes {
			t.Errorf("%s: %d writes, want %d", step.name, n, step.writes)
		}
		if password() != step.secret {
			t.Errorf("%s: the remote's password is %v", step.name, password())
		}
		if story := f.Story(task.ID); strings.Contains(story, step.secret) || strings.Contains(string(task.Args), step.secret) {
			t.Errorf("%s: the secret is in the task:\n%s", step.name, story)
		}
	}
}

// TestBadDefinitionsStopNoOther: what is wrong with one is told, by its file, and all others are
// registered (D74, D78).
func TestBadDefinitionsStopNoOther(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.Spoil(fleet.DefinitionProblem{Source: "remote/broken.json", Err: fault.New(fault.Invalid, "line 3: no value")})
	twice := f.Definition("rpm", "ext-twice", f.UpstreamURL+"/twice/")
	other := f.Definition("file", "ext-twice", f.UpstreamURL+"/twice2/")
	other.Source = "remote/other.json"
	f.Define(twice)
	f.DefineAgain(other)
	task := f.Failed(f.QueueRegister(f.Primary))
	for _, want := range []string{"remote/broken.json", "no value", "ext-twice", "remote/other.json"} {
		if !strings.Contains(task.Error.Msg, want) {
			t.Errorf("the error does not name %q: %s", want, task.Error.Msg)
		}
	}
	if names := f.Primary.Names("distributions"); !slices.Equal(names, []string{"ext-deb", "ext-file", "ext-rpm", "ext-twice"}) {
		t.Errorf("registered: %v", names)
	}
	if r := f.Primary.Object("repositories", "ext-twice"); !strings.Contains(fmt.Sprint(r["pulp_href"]), "/rpm/") {
		t.Errorf("the first of the two should win: %v", r["pulp_href"])
	}
}

// TestRefusedByPulp: a repository that Pulp refuses stops none of the others, and Pulp's words are told.
func TestRefusedByPulp(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.Primary.FailNext(pulpfake.On{Task: "general_create", Repository: "ext-rpm"}, "the disk is made of cheese")
	task := f.Failed(f.QueueRegister(f.Primary))
	if !strings.Contains(task.Error.Msg, "ext-rpm") || !strings.Contains(task.Error.Msg, "made of cheese") {
		t.Errorf("error: %s", task.Error.Msg)
	}
	if names := f.Primary.Names("distributions"); !slices.Equal(names, []string{"ext-deb", "ext-file"}) {
		t.Errorf("distributions: %v", names)
	}
	f.Register(f.Primary)
	f.Tidy()
}

// TestSelection: patterns choose definitions; exclusion is looked at first.
func TestSelection(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	include, exclude := "^ext-", "rpm$"
	f.Completed(f.QueueRegister(f.Primary, func(a *register.Args) { a.RegexInclude, a.RegexExclude = &include, &exclude }))
	if names := f.Primary.Names("repositories"); !slices.Equal(names, []string{"ext-deb", "ext-file"}) {
		t.Errorf("registered: %v", names)
	}
}

// TestMirroringOwnsItsRemote: a definition that is registered on a server that mirrors the repository
// is told as a conflict and left alone; the original flips the remote back and forth for ever (D69).
func TestMirroringOwnsItsRemote(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.SyncAll()
	f.Secondary.ForgetRequests()
	task := f.Failed(f.QueueRegister(f.Secondary))
	if !strings.Contains(task.Error.Msg, "mirrored from "+string(jobtest.Name(f.Primary))) {
		t.Errorf("error: %s", task.Error.Msg)
	}
	f.Sync(f.Secondary, f.Primary)
	if n := f.Secondary.Writes(); n != 0 { // nor is there anything to sync
		asked, _ := jobtest.Asked(f.Secondary)
		t.Errorf("%d writes: %v", n, asked)
	}
	f.Same()
	f.Tidy()
}

// TestCancelRegistration: a registration that is canceled in between leaves nothing locked and nothing running in
// Pulp; the next one does what is left.
func TestCancelRegistration(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	release := f.Primary.Hold(pulpfake.On{Task: "general_create"})
	defer release()
	f.Serve()
	task := f.QueueRegister(f.Primary)
	f.Until("distributions to be made", func() bool { return len(f.Primary.TasksStarted("general_create")) == 3 })
	f.Cancel(task.ID)
	f.Until("the end to be confirmed", func() bool { return !f.Task(task.ID).CancelConfirmed.IsZero() })
	for _, pulpTask := range f.Primary.Tasks() {
		if pulpTask.Finished.IsZero() {
			t.Errorf("Pulp task %s of %s still runs", pulpTask.Name, pulpTask.Subject)
		}
	}
	f.Tidy()
	release()
	if next := f.Ended(f.QueueRegister(f.Primary)); next.State != fleet.Completed {
		t.Errorf("the next one is %s: %+v", next.State, next.Error)
	}
	if names := f.Primary.Names("distributions"); len(names) != 3 {
		t.Errorf("distributions: %v", names)
	}
}

// TestTwoRegistrations: two at once of one server end both well, and make everything once.
func TestTwoRegistrations(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.Serve()
	tasks := []fleet.Task{f.QueueRegister(f.Primary), f.QueueRegister(f.Primary), f.QueueRegister(f.Primary)}
	for _, task := range tasks {
		if ended := f.Ended(task); ended.State != fleet.Completed {
			t.Errorf("task %d is %s: %+v\n%s", task.ID, ended.State, ended.Error, f.Story(task.ID))
		}
	}
	if n := len(f.Primary.TasksStarted("general_create")); n != 3 {
		t.Errorf("%d distributions were asked for", n)
	}
	f.Tidy()
}

// TestCancelRegistrationUnconfirmed: where Pulp's workers died, each repository stays with its own Pulp task; the next
// registration waits for them, says so, and goes on once Pulp has noticed.
func TestCancelRegistrationUnconfirmed(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t, func(w *jobtest.World) { w.Timing.Confirm = 200 * time.Millisecond; w.Primary.Workers = 3 })
	release := f.Primary.Hold(pulpfake.On{Task: "general_create"})
	defer release()
	f.Serve()
	task := f.QueueRegister(f.Primary)
	f.Until("distributions to be made", func() bool { return len(f.Primary.TasksStarted("general_create")) == 3 })
	f.Primary.KillAll()
	release()
	f.Cancel(task.ID)
	f.Until("each lock to be left to its Pulp task", func() bool {
		return !slices.ContainsFunc(f.Locks(f.Primary), func(l fleet.Lock) bool { return l.PulpTask == "" })
	})
	if !f.Task(task.ID).CancelConfirmed.IsZero() {
		t.Error("the end is confirmed although Pulp's tasks still run")
	}
	about := map[string]string{}
	for _, pulpTask := range f.Primary.TasksStarted("general_create") {
		about[pulpTask.Href] = pulpTask.Subject
	}
	locks := f.Locks(f.Primary)
	for _, l := range locks {
		if about[l.PulpTask] != l.Repository {
			t.Errorf("%s is left to %q, which is about %q", l.Repository, l.PulpTask, about[l.PulpTask])
		}
	}
	if len(locks) != 3 {
		t.Errorf("%d locks", len(locks))
	}
	f.Primary.Revive()
	next := f.QueueRegister(f.Primary)
	f.Says(next.ID, "still changes it")
	f.Primary.Reap()
	if ended := f.Ended(next); ended.State != fleet.Completed {
		t.Errorf("the next one is %s: %+v\n%s", ended.State, ended.Error, f.Story(next.ID))
	}
	f.Until("the end to be confirmed", func() bool { return !f.Task(task.ID).CancelConfirmed.IsZero() })
	f.Tidy()
}
