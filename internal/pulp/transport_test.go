// SPDX-License-Identifier: Apache-2.0

package pulp

import (
	"bytes"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
)

func TestPrivateCA(t *testing.T) {
	server := httptest.NewUnstartedServer(replyWith(200, `{"name":"x"}`))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()

	var tries atomic.Int32
	c := newClient(t, server.URL, func(cfg *Config) { cfg.Observe = func(Observation) { tries.Add(1) } })
	_, err := c.Object(t.Context(), "/x/")
	if !fault.Is(err, fault.Unavailable) || !strings.Contains(fault.Message(err), "certificate is not trusted") ||
		!strings.Contains(fault.Hint(err), "root CA") || !NotSent(err) {
		t.Errorf("unknown CA: %v; hint %q", err, fault.Hint(err))
	}
	if tries.Load() != 1 {
		t.Errorf("a certificate was looked at %d times", tries.Load())
	}

	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	c = newClient(t, server.URL, func(cfg *Config) { cfg.CA = ca })
	if _, err := c.Object(t.Context(), "/x/"); err != nil {
		t.Errorf("known CA: %v", err)
	}
}

func TestConnectionsAreKept(t *testing.T) {
	var opened atomic.Int32
	server := httptest.NewUnstartedServer(replyWith(200, "{}"))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	c := newClient(t, server.URL)
	for range 5 {
		if _, err := c.Object(t.Context(), "/x/"); err != nil {
			t.Fatal(err)
		}
	}
	if opened.Load() != 1 {
		t.Errorf("%d connections for 5 requests", opened.Load())
	}
}

func TestRedirectsStayOnTheServer(t *testing.T) {
	var elsewhere atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		elsewhere.Add(1)
		reply(w, 200, "{}")
	}))
	defer other.Close()
	c := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/away/", "/away/sync/":
			http.Redirect(w, r, other.URL+"/x/", http.StatusTemporaryRedirect)
		case "/slash/sync/":
			http.Redirect(w, r, "/slash/", http.StatusMovedPermanently)
		case "/slash":
			http.Redirect(w, r, "/slash/", http.StatusMovedPermanently)
		case "/loop/":
			http.Redirect(w, r, "/loop/", http.StatusFound)
		default:
			reply(w, 200, `{"name":"here"}`)
		}
	})
	for _, do := range []func() error{
		func() error { _, err := c.Object(t.Context(), "/away/"); return err },
		func() error { _, err := c.Sync(t.Context(), "/away/", Fields{"a": 1}); return err },
		func() error { _, err := c.Object(t.Context(), "/loop/"); return err },
		func() error { _, err := c.Sync(t.Context(), "/slash/", nil); return err }, // would become a GET
	} {
		if err := do(); !fault.Is(err, fault.Invalid) || fault.Hint(err) == "" {
			t.Errorf("%v", err)
		}
	}
	if elsewhere.Load() != 0 {
		t.Error("a request followed a redirect to another host")
	}
	if got, err := c.Object(t.Context(), "/slash"); err != nil || got.text("name") != "here" {
		t.Errorf("redirect within the server: %v, %v", got, err)
	}
}

func TestAnswersAreBounded(t *testing.T) {
	const endless = 100 << 20
	for _, status := range []int{http.StatusOK, http.StatusBadRequest} {
		written := make(chan int, 1)
		c := newServer(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(status)
			chunk, n := bytes.Repeat([]byte("word "), 10_000), 0
			for n < endless {
				more, err := w.Write(chunk)
				n += more
				if err != nil {
					break
				}
			}
			written <- n
		})
		c.maxBody = 1 << 20
		_, err := c.Object(t.Context(), "/x/")
		if len(fault.Message(err)) > 400 || err == nil {
			t.Errorf("%d: a message of %d bytes", status, len(fault.Message(err)))
		}
		if status == http.StatusOK && (!fault.Is(err, fault.Internal) || !strings.Contains(fault.Message(err), "larger than 1 MB")) {
			t.Errorf("%v", err)
		}
		if n := <-written; n >= endless {
			t.Errorf("%d: all of an endless answer was read", status)
		}
	}
}

func TestNoSecretIsShown(t *testing.T) {
	secrets := []string{"hunter2-login", "hunter2-remote", "hunter2-key", "hunter2-proxy", "hunter2-header"}
	var seen []Observation
	body := Fields{
		"name": "r", "password": secrets[1], "client_key": secrets[2], "proxy_password": secrets[3],
		"headers": []map[string]string{{"name": "Authorization", "value": secrets[4]}},
	}
	echo := `{"url":["not valid: hunter2-remote"],"headers":[{"value":["hunter2-header"]}],"client_key":"hunter2-key","detail":"hunter2-proxy"}`
	c, w := newWire(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == apiRoot+loginPath {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		reply(w, 400, echo)
	}, withLogin(fixed(secrets[0])), func(cfg *Config) {
		cfg.Observe = func(o Observation) { seen = append(seen, o) }
	})
	_, err := c.CreateRemote(t.Context(), "file/file", body)
	e, ok := errors.AsType[*Error](err)
	if !ok || len(seen) != 2 {
		t.Fatalf("%v, %d observations", err, len(seen))
	}
	shown := err.Error() + fault.Hint(err) + e.Detail
	for _, messages := range e.Fields {
		shown += strings.Join(messages, " ")
	}
	for _, o := range seen {
		shown += o.Path
		if o.Err != nil {
			shown += o.Err.Error()
		}
	}
	for _, secret := range secrets {
		if strings.Contains(shown, secret) {
			t.Errorf("%s is shown in: %s", secret, shown)
		}
	}
	if !strings.Contains(e.Detail, "not valid: ***") {
		t.Errorf("the rest of Pulp's words is gone: %s", e.Detail)
	}
	for _, r := range w.seen("", "") {
		if len(r.Query) != 0 {
			t.Errorf("a write with a query: %v", r.Query)
		}
	}
}

func TestObservations(t *testing.T) {
	var seen []Observation
	tries := 0
	c, _ := newWire(t, func(w http.ResponseWriter, _ *http.Request) {
		if tries++; tries == 1 {
			reply(w, 503, "")
			return
		}
		w.Header().Set("Correlation-ID", strings.Repeat("a", 32))
		reply(w, 200, `{"count":0,"results":[]}`)
	}, func(cfg *Config) { cfg.Observe = func(o Observation) { seen = append(seen, o) } })
	if _, err := c.List(t.Context(), "tasks/", url.Values{"name": {"private"}}); err != nil {
		t.Fatal(err)
	}
	if len(seen) != 2 {
		t.Fatalf("%d observations of two exchanges", len(seen))
	}
	if o := seen[0]; o.Status != 503 || o.Err == nil || o.Method != "GET" || o.Path != apiRoot+"tasks/" {
		t.Errorf("%+v", o)
	}
	if o := seen[1]; o.Status != 200 || o.Correlation != strings.Repeat("a", 32) || o.Duration < 0 || o.Duration > time.Minute {
		t.Errorf("%+v", o)
	}
}
