// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// inProcess answers requests without a network, so that tests can run on fake time.
type inProcess func(w http.ResponseWriter, r *http.Request)

func (f inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	f(w, r)
	if w.Code == http.StatusTeapot {
		return nil, errors.New("connection refused")
	}
	res := w.Result()
	res.Request = r
	return res, nil
}

func newClient(t *testing.T, f inProcess, options ...Option) *Client {
	t.Helper()
	c, err := New("http://daemon.example/base/", append([]Option{WithHTTPClient(&http.Client{Transport: f})}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func write(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

func TestAddresses(t *testing.T) {
	for _, good := range []string{"http://127.0.0.1:8080", "https://pulp-manager.example.com/base", "http://[::1]:8080/"} {
		if _, err := New(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{"", "127.0.0.1:8080", "localhost", "ftp://x", "http://", "http://x?y", "http://x#y", "http://[::1"} {
		if _, err := New(bad); ExitCode(err) != ExitInvalid {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestRequests(t *testing.T) {
	tests := []struct {
		name, method, target, body, answer string
		call                               func(c *Client) (any, error)
	}{
		{"servers", "GET", "/base/v1/pulp_servers/?name=a+b", "", `{"items":[{"id":1,"name":"a b"}],"total":1,"page":1,"page_size":50}`, func(c *Client) (any, error) {
			return c.Servers(context.Background(), url.Values{"name": {"a b"}})
		}},
		{"server", "GET", "/base/v1/pulp_servers/7", "", `{"id":7,"repo_sync_health_rollup_date":"2026-11-23T09:23:45"}`, func(c *Client) (any, error) { return c.Server(context.Background(), 7) }},
		{"repositories", "GET", "/base/v1/pulp_servers/7/repos?repo_type=deb", "", `{"items":[],"total":0,"page":1,"page_size":50}`, func(c *Client) (any, error) {
			return c.Repositories(context.Background(), 7, url.Values{"repo_type": {"deb"}})
		}},
		{"groups", "GET", "/base/v1/pulp_servers/7/repo_groups", "", `{"items":[{"max_concurrent_syncs":"2"}],"total":1,"page":1,"page_size":50}`, func(c *Client) (any, error) {
			return c.RepositoryGroups(context.Background(), 7, nil)
		}},
		{"tasks", "GET", "/base/v1/tasks/?state=failed", "", `{"items":[{"id":3,"parent_task_id":"2","error":{}}],"total":1,"page":1,"page_size":50}`, func(c *Client) (any, error) {
			return c.Tasks(context.Background(), url.Values{"state": {"failed"}})
		}},
		{"task", "GET", "/base/v1/tasks/3", "", `{"id":3,"stages":[{"id":1,"name":"sync","detail":{"msg":"half"},"error":{}}]}`, func(c *Client) (any, error) { return c.Task(context.Background(), 3) }},
		{"cancel", "PATCH", "/base/v1/tasks/3", `{"state":"canceled"}`, `{"id":3,"state":"canceled"}`, func(c *Client) (any, error) { return c.Cancel(context.Background(), 3) }},
		{"ask", "POST", "/base/v1/pulp_servers/7/sync_repos", `{"max_runtime":"1h"}`, `{"id":4,"state":"queued"}`, func(c *Client) (any, error) {
			return c.Ask(context.Background(), 7, "sync_repos", map[string]string{"max_runtime": "1h"})
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var method, target, body, kind string
			c := newClient(t, func(w http.ResponseWriter, r *http.Request) {
				method, target, kind = r.Method, r.URL.RequestURI(), r.Header.Get("Content-Type")
				if r.Body != nil {
					text, _ := io.ReadAll(r.Body)
					body = string(text)
				}
				write(w, 200, test.answer)
			})
			got, err := test.call(c)
			if err != nil {
				t.Fatal(err)
			}
			if method != test.method || target != test.target || body != test.body || (kind == "application/json") != (body != "") {
				t.Errorf("sent %s %s %q as %q", method, target, body, kind)
			}
			text, err := json.Marshal(got)
			if err != nil {
				t.Fatal(err)
			}
			// What was answered is in what was read, spelled the same.
			var sent, read map[string]any
			if err := errors.Join(json.Unmarshal([]byte(test.answer), &sent), json.Unmarshal(text, &read)); err != nil {
				t.Fatal(err)
			}
			for key, value := range sent {
				if list, ok := value.([]any); ok && len(list) > 0 {
					for inner, v := range list[0].(map[string]any) {
						if diff := cmp.Diff(v, read[key].([]any)[0].(map[string]any)[inner]); diff != "" {
							t.Errorf("%s.%s: %s", key, inner, diff)
						}
					}
				} else if diff := cmp.Diff(value, read[key]); diff != "" {
					t.Errorf("%s: %s", key, diff)
				}
			}
		})
	}
}

func TestErrors(t *testing.T) {
	tests := []struct {
		name   string
		status int
		body   string
		want   Error
		exit   int
	}{
		{"refused", 422, `{"detail":"body.x is required","hint":"give it","request_id":"r1","errors":[{"location":"body.x","message":"is required"}]}`, Error{
			Status: 422, Detail: "body.x is required", Hint: "give it", RequestID: "r1", Fields: []FieldError{{"body.x", "is required"}},
		}, ExitInvalid},
		{"as the original", 400, `{"detail":"no"}`, Error{Status: 400, Detail: "no"}, ExitInvalid},
		{"no login", 401, `{"detail":"no","hint":"for programs"}`, Error{Status: 401, Detail: "no", Hint: "log in with `pulp-manager login`"}, ExitForbidden},
		{"no right", 403, `{"detail":"no"}`, Error{Status: 403, Detail: "no"}, ExitForbidden},
		{"not there", 404, `{"detail":"no"}`, Error{Status: 404, Detail: "no"}, ExitNotFound},
		{"in use", 409, `{"detail":"no"}`, Error{Status: 409, Detail: "no"}, ExitConflict},
		{"broken", 500, `{"detail":"internal error","request_id":"r2"}`, Error{Status: 500, Detail: "internal error", RequestID: "r2"}, ExitFailed},
		{"away", 503, `{"detail":"later"}`, Error{Status: 503, Detail: "later"}, ExitUnavailable},
		{"a proxy's page", 502, `<html>Bad Gateway</html>`, Error{Status: 502, Detail: "GET /base/v1/tasks/1 was answered 502 Bad Gateway"}, ExitUnavailable},
		{"another service", 404, `{"message":"nothing here"}`, Error{Status: 404, Detail: "GET /base/v1/tasks/1 was answered 404 Not Found"}, ExitNotFound},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := newClient(t, func(w http.ResponseWriter, _ *http.Request) { write(w, test.status, test.body) })
			_, err := c.Task(t.Context(), 1)
			var got *Error
			if !errors.As(err, &got) {
				t.Fatalf("error is %v", err)
			}
			if diff := cmp.Diff(test.want, *got); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if ExitCode(fmt.Errorf("asking: %w", err)) != test.exit {
				t.Errorf("exit code %d, want %d", ExitCode(err), test.exit)
			}
			if hasID := strings.Contains(err.Error(), "r2"); hasID != (test.status == 500) {
				t.Errorf("text is %q", err)
			}
		})
	}
}

func TestNoAnswer(t *testing.T) {
	c := newClient(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	_, err := c.Task(t.Context(), 1)
	if ExitCode(err) != ExitUnavailable || !strings.Contains(err.Error(), "http://daemon.example/base: connection refused") {
		t.Errorf("error is %v", err)
	}
	c = newClient(t, func(w http.ResponseWriter, _ *http.Request) { write(w, 200, "<html>welcome</html>") })
	if _, err := c.Task(t.Context(), 1); ExitCode(err) != ExitFailed || !strings.Contains(err.Error(), "is this a Pulp Manager?") {
		t.Errorf("error is %v", err)
	}
	if ExitCode(nil) != ExitOK || ExitCode(errors.New("x")) != ExitFailed {
		t.Error("exit codes of what is no error of the API")
	}
}

func TestAllPages(t *testing.T) {
	const total = 7
	var asked []string
	c := newClient(t, func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		asked = append(asked, q.Get("page")+q.Get("state"))
		page, _ := strconv.Atoi(q.Get("page"))
		var items []string
		for id := (page-1)*3 + 1; id <= min(page*3, total); id++ {
			items = append(items, fmt.Sprintf(`{"id":%d}`, id))
		}
		write(w, 200, fmt.Sprintf(`{"items":[%s],"total":%d,"page":%d,"page_size":3}`, strings.Join(items, ","), total, page))
	})
	query := url.Values{"state": {"failed"}}
	tasks, err := All(t.Context(), c.Tasks, query)
	if err != nil || len(tasks) != total || tasks[6].ID != 7 {
		t.Errorf("got %d tasks, %v", len(tasks), err)
	}
	if diff := cmp.Diff([]string{"1failed", "2failed", "3failed"}, asked); diff != "" || query.Has("page") {
		t.Errorf("asked for %v, query is now %v", asked, query)
	}
}

func TestAllStopsWhereRowsVanish(t *testing.T) {
	c := newClient(t, func(w http.ResponseWriter, _ *http.Request) {
		write(w, 200, `{"items":[],"total":5,"page":1,"page_size":3}`)
	})
	if tasks, err := All(t.Context(), c.Tasks, nil); err != nil || len(tasks) != 0 {
		t.Errorf("got %v, %v", tasks, err)
	}
}

func TestTime(t *testing.T) {
	want := time.Date(2026, 11, 23, 9, 23, 45, 0, time.UTC)
	for _, text := range []string{`"2026-11-23T09:23:45"`, `"2026-11-23T09:23:45Z"`, `"2026-11-23T10:23:45+01:00"`} {
		var got Time
		if err := json.Unmarshal([]byte(text), &got); err != nil || !got.Equal(want) {
			t.Errorf("%s is %v, %v", text, got, err)
		}
	}
	var got Time
	if err := json.Unmarshal([]byte(`null`), &got); err != nil || !got.IsZero() {
		t.Errorf("null is %v, %v", got, err)
	}
	if err := json.Unmarshal([]byte(`"yesterday"`), &got); err == nil {
		t.Error("yesterday is a date")
	}
}

// life answers for a task with one child, whose states come one after the other. Answer 0
// is none at all.
func life(states []string, broken map[int]int) (inProcess, *int) {
	asked := 0
	return func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/events") { // a daemon without streams
			write(w, 404, `{"detail":"Not Found"}`)
			return
		}
		if r.URL.Query().Has("parent_task_id") {
			state := states[min(asked, len(states))-1]
			write(w, 200, `{"items":[{"id":2,"parent_task_id":"1","state":"`+state+`"}],"total":1,"page":1,"page_size":50}`)
			return
		}
		asked++
		if status, ok := broken[asked]; ok {
			write(w, status, `{"detail":"later"}`)
			return
		}
		write(w, 200, `{"id":1,"state":"`+states[min(asked, len(states))-1]+`","stages":[]}`)
	}, &asked
}

func TestWaitTask(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		handler, asked := life([]string{"queued", "running", "running", "completed"}, nil)
		c := newClient(t, handler)
		var seen []string
		start := time.Now()
		task, err := c.WaitTask(t.Context(), 1, func(task TaskDetail, children []Task) {
			if len(children) != 1 || children[0].ID != 2 {
				t.Errorf("children are %+v", children)
			}
			seen = append(seen, task.State)
		})
		if err != nil || task.State != StateCompleted || !task.Good() {
			t.Errorf("task is %+v, %v", task, err)
		}
		if diff := cmp.Diff([]string{"queued", "running", "running", "completed"}, seen); diff != "" {
			t.Errorf("progress (-want +got):\n%s", diff)
		}
		if waited := time.Since(start); *asked != 4 || waited != 950*time.Millisecond { // 200 + 300 + 450
			t.Errorf("asked %d times in %s", *asked, waited)
		}
	})
}

func TestWaitTaskGetsSlower(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		asked := 0
		c := newClient(t, func(w http.ResponseWriter, _ *http.Request) {
			asked++
			state := "running"
			if time.Since(start) > time.Hour {
				state = "failed"
			}
			write(w, 200, `{"id":1,"state":"`+state+`"}`)
		})
		task, err := c.WaitTask(t.Context(), 1, nil)
		if err != nil || task.Good() || !task.Final() || asked < 1150 || asked > 1250 {
			t.Errorf("task is %+v, %v after %d requests", task, err, asked)
		}
	})
}

// A daemon that is restarted is waited for; one that stays away is not.
func TestWaitTaskThroughARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		handler, _ := life([]string{"running", "running", "running", "running", "running", "completed"}, map[int]int{2: 503, 3: http.StatusTeapot, 5: 502})
		if task, err := newClient(t, handler).WaitTask(t.Context(), 1, nil); err != nil || task.State != StateCompleted {
			t.Errorf("task is %+v, %v", task, err)
		}
		start := time.Now()
		gone := newClient(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
		if _, err := gone.WaitTask(t.Context(), 1, nil); ExitCode(err) != ExitUnavailable {
			t.Errorf("error is %v", err)
		}
		if waited := time.Since(start); waited < 2*time.Minute || waited > 130*time.Second {
			t.Errorf("gave up after %s", waited)
		}
		missing := newClient(t, func(w http.ResponseWriter, _ *http.Request) { write(w, 404, `{"detail":"no"}`) })
		start = time.Now()
		if _, err := missing.WaitTask(t.Context(), 1, nil); ExitCode(err) != ExitNotFound || time.Since(start) != 0 {
			t.Errorf("error is %v after %s", err, time.Since(start))
		}
	})
}

func TestWaitTaskIsStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		handler, _ := life([]string{"running"}, nil)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if _, err := newClient(t, handler).WaitTask(ctx, 1, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error is %v", err)
		}
	})
}
