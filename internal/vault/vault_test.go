// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// agent is a Vault with mounts as real ones answer. It notes what it is asked for.
type agent struct {
	v1, v2    map[string]map[string]any // secrets by "mount/path"; version 2: by "mount|path"
	forbidden map[string]bool           // paths below /v1/
	status    int                       // answered to everything, if not 0
	body      string                    // with that status

	mu        sync.Mutex
	asked     []string
	namespace string
}

func (a *agent) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, "/v1/")
	a.mu.Lock()
	a.asked = append(a.asked, path)
	a.namespace = r.Header.Get("X-Vault-Namespace")
	a.mu.Unlock()
	answer := func(status int, body any) {
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(body)
	}
	switch {
	case r.Method != http.MethodGet || r.Header.Get("X-Vault-Request") != "true" || r.Header.Get("X-Vault-Token") != "":
		answer(http.StatusBadRequest, map[string]any{"errors": []string{"not as an agent is asked"}})
		return
	case a.status != 0:
		w.WriteHeader(a.status)
		fmt.Fprint(w, a.body)
		return
	case a.forbidden[path]:
		answer(http.StatusForbidden, map[string]any{"errors": []string{"permission denied"}})
		return
	}
	if data, ok := a.v1[path]; ok {
		answer(http.StatusOK, map[string]any{"data": data})
		return
	}
	for key, data := range a.v2 {
		mount, rest, _ := strings.Cut(key, "|")
		if path == mount+"/data/"+rest {
			answer(http.StatusOK, map[string]any{"data": map[string]any{"data": data, "metadata": map[string]any{"version": 3}}})
			return
		}
	}
	answer(http.StatusNotFound, map[string]any{"errors": []string{}, "warnings": []string{"Invalid path for a versioned K/V secrets engine."}})
}

func (a *agent) client(t *testing.T, namespace string) *Client {
	t.Helper()
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	c, err := New(Config{Addr: server.URL + "/", Namespace: namespace})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func fleetOf() *agent {
	return &agent{
		v1: map[string]map[string]any{
			"service-accounts/creds/admin": {"current_password": "pw", "last_password": "old"},
			"kv1/a b/c":                    {"f": "one", "number": 5, "empty": "", "null": nil},
		},
		v2:        map[string]map[string]any{"kv2|redhat/cert": {"key": "two"}, "team/kv|x/y": {"f": "three"}, "strict|p": {"f": "four"}},
		forbidden: map[string]bool{"strict/p": true, "strict/nope": true, "kv1/closed": true, "kv1/data/closed": true},
	}
}

func TestSecret(t *testing.T) {
	a := fleetOf()
	c := a.client(t, "")
	for _, s := range []struct {
		ref, want string
		asked     []string
	}{
		{"vault:service-accounts/creds/admin#current_password", "pw", []string{"service-accounts/creds/admin"}},
		{"vault:kv1/a b/c#f", "one", []string{"kv1/a b/c"}},
		{"vault:kv2/redhat/cert#key", "two", []string{"kv2/redhat/cert", "kv2/data/redhat/cert"}},
		{"vault:kv2/redhat/cert#key", "two", []string{"kv2/data/redhat/cert"}}, // remembered (D130)
		{"vault:kv2/data/redhat/cert#key", "two", []string{"kv2/data/data/redhat/cert", "kv2/data/redhat/cert"}},
		{"vault:team/kv/x/y#f", "three", []string{"team/kv/x/y", "team/data/kv/x/y", "team/kv/data/x/y"}},
		{"vault:strict/p#f", "four", []string{"strict/p", "strict/data/p"}}, // may not read beside data/
	} {
		a.asked = nil
		secret, err := c.Secret(t.Context(), fleet.SecretRef(s.ref))
		if err != nil || secret.Reveal() != s.want {
			t.Errorf("%s: %q %v", s.ref, secret.Reveal(), err)
		}
		if diff := cmp.Diff(s.asked, a.asked); diff != "" {
			t.Errorf("%s: %s", s.ref, diff)
		}
	}
	if a.namespace != "" {
		t.Errorf("namespace %q", a.namespace)
	}
}

func TestSource(t *testing.T) {
	a := fleetOf()
	c := a.client(t, "pulp")
	for _, s := range []struct {
		source fleet.SecretSource
		want   string
		asked  int
	}{
		{fleet.SecretSource{Property: "client_key", Mount: "kv2", Path: "redhat/cert", Field: "key"}, "two", 2},
		{fleet.SecretSource{Property: "client_key", Mount: "kv2/", Path: "/redhat/cert", Field: "key"}, "two", 1},
		{fleet.SecretSource{Mount: "team/kv", Path: "x/y", Field: "f"}, "three", 2},
		{fleet.SecretSource{Mount: "kv1", Path: "a b/c", Field: "f"}, "one", 1},
	} {
		a.asked = nil
		secret, err := c.Source(t.Context(), s.source)
		if err != nil || secret.Reveal() != s.want || len(a.asked) != s.asked {
			t.Errorf("%+v: %q %v, asked for %v", s.source, secret.Reveal(), err, a.asked)
		}
	}
	if a.namespace != "pulp" {
		t.Errorf("namespace %q", a.namespace)
	}
}

func TestErrors(t *testing.T) {
	a := fleetOf()
	c := a.client(t, "")
	if _, err := c.Secret(t.Context(), "vault:strict/p#f"); err != nil {
		t.Fatal(err)
	}
	for ref, want := range map[string]struct {
		kind fault.Kind
		text string
	}{
		"vault:kv1/nope#f":       {fault.NotFound, "there is no secret kv1/nope"},
		"vault:kv1/closed#f":     {fault.Forbidden, "secret kv1/closed may not be read"},
		"vault:strict/nope#f":    {fault.NotFound, "there is no secret strict/nope"}, // although beside data/ nothing may be read
		"vault:kv1/a b/c#g":      {fault.NotFound, `secret kv1/a b/c has no field "g"`},
		"vault:kv1/a b/c#null":   {fault.NotFound, `has no field "null"`},
		"vault:kv1/a b/c#number": {fault.Invalid, `field "number" of secret kv1/a b/c is empty or not text`},
		"vault:kv1/a b/c#empty":  {fault.Invalid, `field "empty" of secret kv1/a b/c is empty or not text`},
		"vault:kv1#f":            {fault.Invalid, "is not vault:MOUNT/PATH#FIELD"},
		"vault:kv1/a":            {fault.Invalid, "is not vault:MOUNT/PATH#FIELD"},
		"vault:kv1/a#":           {fault.Invalid, "is not vault:MOUNT/PATH#FIELD"},
		"hunter2":                {fault.Invalid, "is not vault:MOUNT/PATH#FIELD"},
	} {
		_, err := c.Secret(t.Context(), fleet.SecretRef(ref))
		if !fault.Is(err, want.kind) || !strings.Contains(fault.Message(err), want.text) {
			t.Errorf("%s: %v (%v), want %s (%v)", ref, err, fault.KindOf(err), want.text, want.kind)
		}
		if text := fmt.Sprint(err); strings.Contains(text, "hunter2") || strings.Contains(text, "one") {
			t.Errorf("%s: %v shows a secret", ref, err)
		}
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	for _, s := range []struct {
		status int
		body   string
		kind   fault.Kind
		text   string
	}{
		{503, `{"errors":["Vault is sealed"]}`, fault.Unavailable, "503 Service Unavailable"},
		{500, "hunter2", fault.Unavailable, "500 Internal Server Error"},
		{429, "", fault.Unavailable, "429 Too Many Requests"},
		{400, "", fault.Invalid, "is refused"},
		{401, "", fault.Forbidden, "may not be read"},
		{200, "<html>hunter2", fault.Unavailable, "did not answer with a secret"},
		{200, `{"data": "hunter2"}`, fault.Unavailable, "did not answer with a secret"},
		{200, `{}`, fault.Unavailable, "did not answer with a secret"},
	} {
		a := &agent{status: s.status, body: s.body}
		_, err := a.client(t, "").Secret(t.Context(), "vault:kv/a#f")
		if !fault.Is(err, s.kind) || !strings.Contains(fault.Message(err), s.text) || fault.Hint(err) == "" {
			t.Errorf("%d %s: %v (%v)", s.status, s.body, err, fault.KindOf(err))
		}
		if strings.Contains(fmt.Sprint(err), "hunter2") {
			t.Errorf("%v shows a part of the answer", err)
		}
		if len(a.asked) != 1 {
			t.Errorf("%d: asked for %v", s.status, a.asked)
		}
	}
}

func TestUnreachable(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	// Nobody accepts: the connection is made, no answer comes.
	c, err := New(Config{Addr: "http://" + listener.Addr().String(), Timeout: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Secret(t.Context(), "vault:kv/a#f"); !fault.Is(err, fault.Unavailable) || !strings.Contains(fault.Message(err), "did not answer for kv/a: it took too long") {
		t.Errorf("hanging: %v", err)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Secret(t.Context(), "vault:kv/a#f"); !fault.Is(err, fault.Unavailable) || !strings.Contains(fault.Message(err), "connection refused") {
		t.Errorf("refused: %v", err)
	}
}

func TestNewRefuses(t *testing.T) {
	for _, addr := range []string{"", "vault:8200", "127.0.0.1:8200", "ftp://h", "http://user:hunter2@h:8200"} {
		if _, err := New(Config{Addr: addr}); !fault.Is(err, fault.Invalid) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", addr, err)
		}
	}
}
