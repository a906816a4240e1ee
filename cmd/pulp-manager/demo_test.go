// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/pulp"
)

// runDemo runs the demo command until ctx ends or it does.
func runDemo(ctx context.Context, out io.Writer, args ...string) error {
	c := demoCommand()
	c.SilenceErrors, c.SilenceUsage = true, true
	c.SetOut(out)
	c.SetArgs(args)
	return c.ExecuteContext(ctx)
}

// demoCells gives the columns type, primary, secondary, packages and health by repository, of the newest table in a text.
func demoCells(text string) map[string][]string {
	at := strings.LastIndex(text, "REPOSITORY ")
	if at < 0 {
		return nil
	}
	cells := map[string][]string{}
	gap := regexp.MustCompile(` {2,}`)
	lines := strings.Split(text[at:], "\n")
	for _, line := range lines[1:] {
		f := gap.Split(strings.TrimSpace(line), -1)
		if len(f) != 7 {
			break
		}
		cells[f[0]] = []string{f[1], f[2], f[3], f[4], f[6]}
	}
	return cells
}

var demoAllSame = map[string][]string{
	"ext-demo-deb":  {"deb", "served", "same", "4", "green"},
	"ext-demo-rpm":  {"rpm", "served", "same", "3", "green"},
	"ext-demo-file": {"file", "served", "same", "2", "green"},
}

func TestDemoSimulatedOnce(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	t.Setenv("DB_HOSTNAME", "mariadb.example.com") // nothing of this machine's configuration counts
	var out bytes.Buffer
	if err := runDemo(t.Context(), &out, "--simulated", "--once"); err != nil {
		t.Fatalf("%v (%s)\n%s", err, fault.Hint(err), out.String())
	}
	if diff := cmp.Diff(demoAllSame, demoCells(out.String())); diff != "" {
		t.Errorf("table (-want +got):\n%s\n%s", diff, out.String())
	}
	steps := regexp.MustCompile(`(?m)^(register|sync).* +\d+\.\d s  3 \w+.*$`).FindAllString(out.String(), -1)
	if len(steps) != 3 {
		t.Errorf("%d lines of steps, want 3:\n%s", len(steps), out.String())
	}
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestDemoFollowsWhatClientsRead(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	out, ended := &growing{changed: make(chan struct{}, 1)}, make(chan error, 1)
	go func() { ended <- runDemo(ctx, out, "--simulated", "--every", "50ms") }()

	text := out.wait(t, ended, "all the same", func(s string) bool {
		return strings.Contains(s, "Ctrl-C") && cmp.Equal(demoAllSame, demoCells(s))
	})
	logInAsTheDemoSays(t, text)
	for _, want := range []string{
		`http://[\d.:]+/docs\n`, `http://[\d.:]+/v1/tasks/\n`,
		`echo 'deb \[signed-by=\S+\] http://[\d.:]+/pulp/content/demo/ext-demo-deb/ bookworm-test (main extra|extra main)'`,
		`dnf --repofrompath=ext-demo-rpm,http://[\d.:]+/pulp/content/demo/ext-demo-rpm/ `,
		`curl http://[\d.:]+/pulp/content/demo/ext-demo-file/PULP_MANIFEST\n`,
	} {
		if !regexp.MustCompile(want).MatchString(text) {
			t.Errorf("output does not match %s:\n%s", want, text)
		}
	}
	keys, err := filepath.Glob(filepath.Join(temporary, "*", "data", "primary.asc"))
	if err != nil || len(keys) != 1 || !strings.Contains(text, keys[0]) {
		t.Errorf("keys of the primary: %v, %v", keys, err)
	}

	address := regexp.MustCompile(`the secondary's content +(http://[\d.:]+)/`).FindStringSubmatch(text)[1]
	secondary, err := pulp.New(pulp.Config{Base: address, Username: "admin", Password: func(context.Context) (string, error) { return "password", nil }})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = secondary.Close(context.WithoutCancel(ctx)) }()

	serveByHand(ctx, t, secondary, "file/file", "ext-demo-file", nil)
	out.wait(t, ended, "the file repository absent", func(s string) bool {
		return cmp.Equal([]string{"file", "served", "absent", "0 of 2", "green"}, demoCells(s)["ext-demo-file"])
	})
	serveByHand(ctx, t, secondary, "rpm/rpm", "ext-demo-rpm", publishByHand(ctx, t, secondary, "rpm/rpm", "ext-demo-rpm"))
	text = out.wait(t, ended, "the rpm repository different", func(s string) bool {
		return cmp.Equal([]string{"rpm", "served", "different", "3", "green"}, demoCells(s)["ext-demo-rpm"])
	})
	if diff := cmp.Diff(demoAllSame["ext-demo-deb"], demoCells(text)["ext-demo-deb"]); diff != "" {
		t.Errorf("the deb repository was left alone (-want +got):\n%s", diff)
	}

	stop()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("stopped: %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("not stopped within 20 s")
	}
	if n := strings.Count(out.String(), "REPOSITORY "); n != 3 {
		t.Errorf("%d tables, want one for each change, 3:\n%s", n, out.String())
	}
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if c, err := net.Dial("tcp", strings.TrimPrefix(address, "http://")); err == nil {
		_ = c.Close()
		t.Error("the simulated secondary still listens")
	}
}

// logInAsTheDemoSays logs in with a browser's form and looks at the jobs.
func logInAsTheDemoSays(t *testing.T, text string) {
	t.Helper()
	said := regexp.MustCompile(`in a browser +(http://[\d.:]+)/login\n +name +(\S+)\n +password, shown once +(\S+)\n`).FindAllStringSubmatch(text, -1)
	if len(said) != 1 {
		t.Fatalf("how to log in is said %d times:\n%s", len(said), text)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar}
	defer browser.CloseIdleConnections()
	form := url.Values{"username": {said[0][2]}, "password": {said[0][3]}, "next": {"/jobs/"}}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, said[0][1]+"/login", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Accept", "text/html")
	answer, err := browser.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	page, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK || answer.Request.URL.Path != "/jobs/" || !strings.Contains(string(page), "<title>River</title>") {
		t.Errorf("logged in to %s: %d, %v\n%s", answer.Request.URL, answer.StatusCode, err, page)
	}
}

// publishByHand publishes a repository's newest version anew.
func publishByHand(ctx context.Context, t *testing.T, c *pulp.Client, kind, name string) any {
	t.Helper()
	repositories, err := c.Repositories(ctx, kind, filters("name", name))
	if err != nil || len(repositories) != 1 {
		t.Fatalf("repository %s: %d, %v", name, len(repositories), err)
	}
	task, err := c.CreatePublication(ctx, kind, pulp.Fields{"repository": repositories[0].Href, "checksum_type": "sha512"})
	if err != nil {
		t.Fatal(err)
	}
	publication, ok := pulpTaskByHand(ctx, t, c, task).CreatedPublication()
	if !ok {
		t.Fatal("no publication was made")
	}
	return publication
}

// serveByHand makes a distribution serve a publication; nil: nothing.
func serveByHand(ctx context.Context, t *testing.T, c *pulp.Client, kind, name string, publication any) {
	t.Helper()
	distributions, err := c.Distributions(ctx, kind, filters("name", name))
	if err != nil || len(distributions) != 1 {
		t.Fatalf("distribution %s: %d, %v", name, len(distributions), err)
	}
	change, err := c.UpdateDistribution(ctx, distributions[0].Href, pulp.Fields{"publication": publication})
	if err != nil {
		t.Fatal(err)
	}
	if change.Task != "" {
		pulpTaskByHand(ctx, t, c, change.Task)
	}
}

func pulpTaskByHand(ctx context.Context, t *testing.T, c *pulp.Client, href pulp.Href) pulp.Task {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		task, err := c.Task(ctx, href)
		if err != nil {
			t.Fatal(err)
		}
		if task.State.Final() {
			if task.State != pulp.Completed {
				t.Fatalf("Pulp task %s: %s", task.State, task.Reason)
			}
			return task
		}
		<-time.After(5 * time.Millisecond)
	}
}

// growing is an output that can be waited for.
type growing struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{}
}

func (g *growing) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case g.changed <- struct{}{}:
	default:
	}
	return g.text.Write(p)
}

func (g *growing) String() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.text.String()
}

// wait waits until the output is as wanted and gives it.
func (g *growing) wait(t *testing.T, ended <-chan error, what string, wanted func(string) bool) string {
	t.Helper()
	limit := time.After(60 * time.Second)
	for {
		if text := g.String(); wanted(text) {
			return text
		}
		select {
		case <-g.changed:
		case err := <-ended:
			t.Fatalf("the demo ended before %s: %v\n%s", what, err, g.String())
		case <-limit:
			t.Fatalf("no %s after a minute:\n%s", what, g.String())
		}
	}
}

func TestDemoStoppedInAStep(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	out, ended := &growing{changed: make(chan struct{}, 1)}, make(chan error, 1)
	go func() { ended <- runDemo(ctx, out, "--simulated") }()
	out.wait(t, ended, "the head line", func(s string) bool { return strings.Contains(s, "secondary ") })
	stop()
	select {
	case err := <-ended:
		if err == nil || !strings.Contains(fault.Message(err), "stopped before its end") {
			t.Errorf("error %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("not stopped within 20 s")
	}
}

func TestDemoRefusals(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	all := []string{"--config", "c", "--sync-config", "s", "--data-dir", "d", "--primary", "one"}
	for _, c := range []struct {
		name string
		args []string
		kind fault.Kind
		want []string
	}{
		{"nothing given", nil, fault.Invalid, []string{"--config, --sync-config, --data-dir, --primary, --secondary", "make demo", "--simulated"}},
		{"a part given", all, fault.Invalid, []string{"needs --secondary:"}},
		{"one server", append(all[:8:8], "--secondary", "one"), fault.Invalid, []string{"the same server"}},
		{"too much given", []string{"--simulated", "--config", "c"}, fault.Invalid, []string{"does not go with --config"}},
		{"never", []string{"--simulated", "--every", "0s"}, fault.Invalid, []string{"--every"}},
		{"address taken", []string{"--simulated", "--listen", taken.Addr().String()}, fault.Conflict, []string{"cannot listen on " + taken.Addr().String()}},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := runDemo(t.Context(), io.Discard, c.args...)
			if !fault.Is(err, c.kind) {
				t.Fatalf("error %v, want %s", err, c.kind)
			}
			for _, want := range c.want {
				if text := fault.Message(err) + " " + fault.Hint(err); !strings.Contains(text, want) {
					t.Errorf("%q lacks %q", text, want)
				}
			}
		})
	}
}
