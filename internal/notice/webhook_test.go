// SPDX-License-Identifier: Apache-2.0

package notice

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/fault"
)

// hook is a receiver of webhooks.
type hook struct {
	*httptest.Server
	mu     sync.Mutex
	status int // 0: 200
	bodies []string
	header http.Header
}

func newHook(t *testing.T) *hook {
	h := &hook{}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.status != 0 {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(h.status)
			_, _ = io.WriteString(w, "no\r\nservice\x1b[31m")
			return
		}
		h.bodies, h.header = append(h.bodies, r.Method+" "+r.URL.RequestURI()+" "+string(body)), r.Header
	}))
	t.Cleanup(h.Close)
	return h
}

// answer makes it answer otherwise.
func (h *hook) answer(status int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.status = status
}

// take gives what came since it was asked last.
func (h *hook) take() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	got := h.bodies
	h.bodies = nil
	return got
}

func (h *hook) client() *http.Client {
	c := *h.Client()
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &c
}

func TestWebhookGetsJSON(t *testing.T) {
	h := newHook(t)
	w := Webhook{URL: constant(h.URL + "/in?key=hunter2"), Token: constant("token"), Client: h.client()}
	if err := SendOne(t.Context(), w, example()); err != nil {
		t.Fatal(err)
	}
	got := h.take()
	text, ok := strings.CutPrefix(got[0], "POST /in?key=hunter2 ")
	if len(got) != 1 || !ok || h.header.Get("Content-Type") != "application/json" || h.header.Get("Authorization") != "Bearer token" || h.header.Get("Idempotency-Key") != example().ID {
		t.Fatalf("%v, %v", got, h.header)
	}
	var m Message
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(example(), m); diff != "" {
		t.Error(diff)
	}
	for _, key := range []string{`"event":"failed"`, `"kind":"repo_group_sync"`, `"server":"a.test"`, `"task_id":12`, `"link":"https://pm.example.com/v1/tasks/12"`, `"until":"2026-03-01T13:00:00Z"`, `"test":false`} {
		if !strings.Contains(text, key) {
			t.Errorf("there is no %s in %s", key, text)
		}
	}
}

func TestSlackGetsText(t *testing.T) {
	h := newHook(t)
	if err := SendOne(t.Context(), Webhook{URL: constant(h.URL), Slack: true, Client: h.client()}, example()); err != nil {
		t.Fatal(err)
	}
	var body map[string]string
	if err := json.Unmarshal([]byte(strings.TrimPrefix(h.take()[0], "POST / ")), &body); err != nil || len(body) != 1 {
		t.Fatalf("%v, %v", body, err)
	}
	for _, want := range []string{"*Pulp Manager: 1 failed, 1 recovered*\n", "*repo_group_sync failed on a.test*", "group &lt;äußeres&gt;", "404 &amp; more", "<https://pm.example.com/v1/tasks/12|task 12>"} {
		if !strings.Contains(body["text"], want) {
			t.Errorf("there is no %q in\n%s", want, body["text"])
		}
	}
}

func TestWebhookThatDoesNotTakeIt(t *testing.T) {
	h := newHook(t)
	w := Webhook{URL: constant(h.URL + "/hunter2"), Client: h.client()}
	for _, status := range []int{http.StatusFound, http.StatusNotFound, http.StatusBadGateway} {
		h.answer(status)
		err := SendOne(t.Context(), w, example())
		if !fault.Is(err, fault.Unavailable) || !strings.Contains(fault.Message(err), "no service[31m") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%d: %v", status, err)
		}
	}
	h.Close()
	if err := SendOne(t.Context(), w, example()); !fault.Is(err, fault.Unavailable) || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("nobody there: %v", err)
	}
	for _, bad := range []string{"", "ftp://hunter2", "hunter2", "http://[hunter2"} {
		if err := SendOne(t.Context(), Webhook{URL: constant(bad), Client: h.client()}, example()); !fault.Is(err, fault.Invalid) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestMuchIsCounted(t *testing.T) {
	m := example()
	for range 100 {
		m.Groups[0].Items = append(m.Groups[0].Items, m.Groups[0].Items[0])
		m.Groups = append(m.Groups, m.Groups[1])
	}
	m.Groups[0].Items[0].Reason = strings.Repeat("ä", 2000)
	text := m.text(plainText)
	if len(text) > 20000 || !strings.Contains(text, "  and 91 more\n") || !strings.HasSuffix(text, "and 82 more\n") || !strings.Contains(text, "ä…\n") {
		t.Errorf("%d bytes:\n%s", len(text), text)
	}
}
