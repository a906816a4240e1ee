// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"
)

// userAgent tells the harness's own requests from the daemon's in nginx's log.
const userAgent = "pulp-manager-bench"

// pulp is the barest client of Pulp's API: a session, JSON, no retries.
type pulp struct {
	base string // http://host:port
	http *http.Client
	sent int // requests so far
}

// login opens a session, which spares Pulp the hashing of the password at each request.
func login(ctx context.Context, base string) (*pulp, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	p := &pulp{base: base, http: &http.Client{Jar: jar, Timeout: time.Minute}}
	return p, p.send(ctx, http.MethodPost, "/pulp/api/v3/login/", nil, nil, true)
}

func (p *pulp) get(ctx context.Context, path string, query url.Values, into any) error {
	return p.send(ctx, http.MethodGet, path+"?"+query.Encode(), nil, into, false)
}

func (p *pulp) post(ctx context.Context, path string, body, into any) error {
	return p.send(ctx, http.MethodPost, path, body, into, false)
}

func (p *pulp) send(ctx context.Context, method, path string, body, into any, password bool) error {
	p.sent++
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		content = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, p.base+path, content)
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", userAgent)
	request.Header.Set("Referer", p.base)
	for _, cookie := range p.http.Jar.Cookies(request.URL) {
		if cookie.Name == "csrftoken" {
			request.Header.Set("X-CSRFToken", cookie.Value)
		}
	}
	if password {
		request.SetBasicAuth("admin", "password")
	}
	answer, err := p.http.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	got, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode > 299 {
		return fmt.Errorf("%s %s: %s: %s", method, path, answer.Status, got)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(got, into)
}

// pulpTask is what Pulp tells of a task.
type pulpTask struct {
	Href     string    `json:"pulp_href"`
	Name     string    `json:"name"`
	State    string    `json:"state"`
	Started  time.Time `json:"started_at"`
	Finished time.Time `json:"finished_at"`
}

func (t pulpTask) id() string {
	parts := strings.Split(strings.Trim(t.Href, "/"), "/")
	return parts[len(parts)-1]
}

const taskFields = "pulp_href,name,state,started_at,finished_at"

type taskPage struct {
	Count   int        `json:"count"`
	Results []pulpTask `json:"results"`
}

// ownTime gives the number of Pulp tasks started since a moment and the seconds they took in Pulp itself.
func (p *pulp) ownTime(ctx context.Context, since time.Time) (tasks int, seconds float64, err error) {
	var page taskPage
	err = p.get(ctx, "/pulp/api/v3/tasks/", url.Values{
		"started_at__gte": {since.UTC().Format(time.RFC3339Nano)}, "fields": {taskFields}, "limit": {"1000"},
	}, &page)
	if err == nil && page.Count > len(page.Results) {
		err = fmt.Errorf("%d Pulp tasks, more than one answer holds", page.Count)
	}
	for _, t := range page.Results {
		if t.State != "completed" {
			return 0, 0, fmt.Errorf("the Pulp task %s (%s) is %s: the time means nothing", t.Href, t.Name, t.State)
		}
		seconds += t.Finished.Sub(t.Started).Seconds()
	}
	return len(page.Results), seconds, err
}
