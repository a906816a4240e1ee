// SPDX-License-Identifier: Apache-2.0

package pulpfake

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"
)

// try makes a request that may get no answer.
func (a api) try(method, path, body string) (int, error) {
	a.t.Helper()
	req, err := http.NewRequestWithContext(a.t.Context(), method, a.base+apiPrefix+path, strings.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	req.SetBasicAuth("admin", "password")
	req.Header.Set("Content-Type", "application/json")
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	return resp.StatusCode, nil
}

func TestInjectedFaults(t *testing.T) {
	for _, c := range []struct {
		fault  Fault
		status int // 0: no answer
		done   bool
	}{
		{None, 201, true},
		{Refuse, 0, false},
		{LoseReply, 0, true},
		{BadGateway, 502, false},
		{BadGatewayDone, 502, true},
		{Unavailable503, 503, false},
		{Delay(time.Millisecond), 201, true},
	} {
		s, base := Start(t, Options{})
		s.Inject(func(r *http.Request, n int) Fault {
			if n == 1 && r.Method == http.MethodPost {
				return c.fault
			}
			return None
		})
		status, err := api{t, base}.try("POST", "repositories/file/file/", `{"name": "x"}`)
		if status != c.status || (err != nil) != (c.status == 0) {
			t.Errorf("%q: %d %v, want %d", c.fault, status, err, c.status)
		}
		if got := s.Object("repositories", "x") != nil; got != c.done {
			t.Errorf("%q: done is %v", c.fault, got)
		}
		if got := s.Requests(); len(got) != 1 || got[0].Fault != c.fault.String() || got[0].Status != c.status {
			t.Errorf("%q: log %+v", c.fault, got)
		}
		s.Inject(nil)
		if status, _ = (api{t, base}).try("GET", "repositories/", ""); status != 200 {
			t.Errorf("%q: afterwards %d", c.fault, status)
		}
	}
}

func TestHookSeesEveryMoment(t *testing.T) {
	s, base := Start(t, Options{})
	type moment struct {
		n    int
		at   Moment
		done bool
	}
	seen := make(chan moment, 10)
	s.Hook(func(n int, at Moment, _ *http.Request) { seen <- moment{n, at, s.Object("repositories", "x") != nil} })
	api{t, base}.do("POST", "repositories/file/file/", obj{"name": "x"}, 201)
	for _, want := range []moment{{1, Before, false}, {1, Done, true}, {1, After, true}} {
		if got := <-seen; got != want {
			t.Errorf("%v, want %v", got, want)
		}
	}
}

func TestStopAndRestartOnTheSamePort(t *testing.T) {
	s, base := Start(t, Options{})
	a := api{t, base}
	a.do("POST", "repositories/file/file/", obj{"name": "x"}, 201)
	s.Stop()
	if _, err := a.try("GET", "status/", ""); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("stopped: %v", err)
	}
	if err := s.Restart(); err != nil {
		t.Fatal(err)
	}
	if n := a.do("GET", "repositories/", nil, 200)["count"]; n != 1.0 {
		t.Errorf("after the restart: %v", n)
	}
	if s.Base() != base {
		t.Errorf("now at %s, was at %s", s.Base(), base)
	}
}

// waitFor polls for a state of a Pulp task.
func (a api) waitFor(href, state string) {
	a.t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for a.do("GET", href, nil, 200)["state"] != state {
		if time.Now().After(deadline) {
			a.t.Fatalf("%s is not %s", href, state)
		}
		<-time.After(time.Millisecond)
	}
}

func TestHoldKeepsATaskRunning(t *testing.T) {
	s, base := Start(t, Options{})
	a := api{t, base}
	repo := text(a.do("POST", "repositories/file/file/", obj{"name": "x"}, 201)["pulp_href"])
	other := text(a.do("POST", "repositories/file/file/", obj{"name": "y"}, 201)["pulp_href"])
	release := s.Hold(On{Task: "publish", Repository: "x"})
	held := text(a.do("POST", "publications/file/file/", obj{"repository": repo}, 202)["task"])
	a.done(a.do("POST", "publications/file/file/", obj{"repository": other}, 202))
	a.waitFor(held, stateRunning)
	patch := text(a.do("PATCH", repo, obj{"description": "d"}, 202)["task"])
	if got := a.do("GET", patch, nil, 200)["state"]; got != stateWaiting {
		t.Errorf("a PATCH of a locked repository is %v", got)
	}
	release()
	a.waitFor(held, stateCompleted)
	a.waitFor(patch, stateCompleted)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := s.WaitIdle(ctx); err != nil {
		t.Error(err)
	}
}

func TestFailNext(t *testing.T) {
	s, base := Start(t, Options{})
	a := api{t, base}
	repo := text(a.do("POST", "repositories/file/file/", obj{"name": "x"}, 201)["pulp_href"])
	s.FailNext(On{Task: "publish"}, "no space left on device")
	failed := a.task(a.do("POST", "publications/file/file/", obj{"repository": repo}, 202))
	if e, _ := failed["error"].(obj); failed["state"] != stateFailed || e["description"] != "no space left on device" {
		t.Errorf("%v %v", failed["state"], failed["error"])
	}
	a.done(a.do("POST", "publications/file/file/", obj{"repository": repo}, 202))
}

// A killed worker's task stays running and keeps the lock; a new worker does not look at what was dispatched meanwhile
// before something new is; both as Pulp 3.123 was seen to do.
func TestKilledWorker(t *testing.T) {
	s, base := Start(t, Options{Workers: 1})
	a := api{t, base}
	repo := text(a.do("POST", "repositories/file/file/", obj{"name": "x"}, 201)["pulp_href"])
	other := text(a.do("POST", "repositories/file/file/", obj{"name": "y"}, 201)["pulp_href"])
	release := s.Hold(On{Task: "publish", Repository: "x"})
	abandoned := text(a.do("POST", "publications/file/file/", obj{"repository": repo}, 202)["task"])
	a.waitFor(abandoned, stateRunning)
	s.Kill("worker")
	if n := len(a.do("GET", "status/", nil, 200)["online_workers"].([]any)); n != 0 {
		t.Errorf("%d workers online", n)
	}
	release()
	locked := text(a.do("DELETE", repo, nil, 202)["task"])
	unseen := text(a.do("POST", "publications/file/file/", obj{"repository": other}, 202)["task"])
	s.Revive()
	for href, want := range map[string]string{abandoned: stateRunning, locked: stateWaiting, unseen: stateWaiting} {
		if got := a.do("GET", href, nil, 200)["state"]; got != want {
			t.Errorf("after the revival: %v, want %s", got, want)
		}
	}
	a.done(a.do("POST", "tasks/purge/", obj{"finished_before": "1990-01-01"}, 202)) // makes the new worker look
	a.waitFor(unseen, stateCompleted)
	a.waitFor(locked, stateWaiting)
	s.Reap()
	x := a.do("GET", abandoned, nil, 200)
	if e, _ := x["error"].(obj); x["state"] != stateFailed || e["reason"] != "Worker has gone missing." || e["description"] != nil {
		t.Errorf("%v %v", x["state"], x["error"])
	}
	a.waitFor(locked, stateCompleted)
	if n := len(s.TasksStarted("publish")); n != 2 {
		t.Errorf("%d publish tasks", n)
	}
}

func TestCancelOfAKilledWorkersTaskWaitsForItsReaping(t *testing.T) {
	s, base := Start(t, Options{Workers: 1})
	a := api{t, base}
	repo := text(a.do("POST", "repositories/file/file/", obj{"name": "x"}, 201)["pulp_href"])
	release := s.Hold(On{Task: "publish"})
	defer release()
	task := text(a.do("POST", "publications/file/file/", obj{"repository": repo}, 202)["task"])
	a.waitFor(task, stateRunning)
	s.KillAll()
	s.Revive()
	a.do("PATCH", task, obj{"state": "canceled"}, 200)
	a.waitFor(task, stateCanceling)
	s.Reap()
	a.waitFor(task, stateCanceled)
}

func TestTaskDurationAndWorkers(t *testing.T) {
	_, base := Start(t, Options{Workers: 3, TaskDuration: func(name, repository string) time.Duration {
		if strings.Contains(name, "publish") && repository != "" {
			return 30 * time.Millisecond
		}
		return 0
	}})
	a := api{t, base}
	started := time.Now()
	var tasks []obj
	for _, n := range []string{"a", "b", "c", "d", "e", "f"} {
		repo := a.do("POST", "repositories/file/file/", obj{"name": n}, 201)
		tasks = append(tasks, a.do("POST", "publications/file/file/", obj{"repository": repo["pulp_href"]}, 202))
	}
	for _, x := range tasks {
		a.done(x)
	}
	if took := time.Since(started); took < 60*time.Millisecond {
		t.Errorf("six tasks of 30 ms on three workers took %s", took)
	}
}

func TestSessionsEnd(t *testing.T) {
	s, base := Start(t, Options{})
	a := api{t, base}
	_, h, _ := a.raw("POST", "login/", nil, nil)
	cookie := ""
	for _, c := range h["Set-Cookie"] {
		if strings.HasPrefix(c, sessionCookie) {
			cookie, _, _ = strings.Cut(c, ";")
		}
	}
	get := func() int {
		req, _ := http.NewRequestWithContext(t.Context(), "GET", base+apiPrefix+"repositories/", nil)
		req.Header.Set("Cookie", cookie)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	if got := get(); got != 200 {
		t.Errorf("in the session: %d", got)
	}
	s.SetPassword("new")
	if got := get(); got != 200 {
		t.Errorf("after the change of the password: %d", got)
	}
	s.EndSessions()
	if got := get(); got != 401 {
		t.Errorf("after its end: %d", got)
	}
	if status, _ := a.try("GET", "repositories/", ""); status != 401 {
		t.Errorf("the old password: %d", status)
	}
}

// Over https a write in a session needs an Origin or Referer of the server's own, which Pulp learns from its proxy.
func TestCSRFOverHTTPS(t *testing.T) {
	_, base := Start(t, Options{})
	a := api{t, base}
	_, h, _ := a.raw("POST", "login/", nil, nil)
	cookies, token := []string{}, ""
	for _, c := range h["Set-Cookie"] {
		c, _, _ = strings.Cut(c, ";")
		cookies = append(cookies, c)
		if v, is := strings.CutPrefix(c, csrfCookie+"="); is {
			token = v
		}
	}
	own := strings.Replace(base, "http://", "https://", 1)
	for i, c := range []struct {
		header, value string
		status        int
	}{
		{"", "", 403},
		{"Origin", "https://elsewhere.example.test", 403},
		{"Referer", "https://elsewhere.example.test/x", 403},
		{"Origin", own, 201},
		{"Referer", own + "/x", 201},
	} {
		req, _ := http.NewRequestWithContext(t.Context(), "POST", base+apiPrefix+"repositories/file/file/",
			strings.NewReader(`{"name": "x`+string(rune('a'+i))+`"}`))
		req.Header = http.Header{
			"Cookie": {strings.Join(cookies, "; ")}, "X-Csrftoken": {token}, "X-Forwarded-Proto": {"https"},
			"Content-Type": {"application/json"},
		}
		if c.header != "" {
			req.Header.Set(c.header, c.value)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != c.status {
			t.Errorf("%s %s: %d, want %d", c.header, c.value, resp.StatusCode, c.status)
		}
	}
}
