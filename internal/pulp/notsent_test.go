// SPDX-License-Identifier: Apache-2.0

package pulp

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/pulp/pulp-manager/internal/fault"
)

// lose answers nothing: the connection breaks after the request was read.
func lose(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	conn, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		_ = conn.Close()
	}
}

// truncate promises more than it sends.
func truncate(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "1000")
	w.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(w, `{"task":`)
}

func TestNotSentOrAmbiguous(t *testing.T) {
	tests := []struct {
		name    string
		handler http.HandlerFunc
		notSent bool
		kind    fault.Kind
	}{
		{"reply lost after the request was read", lose, false, fault.Unavailable},
		{"reply broken off", truncate, false, fault.Unavailable},
		{"500", replyWith(500, ""), false, fault.Unavailable},
		{"502 page", replyWith(502, "<html><body>Bad Gateway"), false, fault.Unavailable},
		{"503", replyWith(503, ""), false, fault.Unavailable},
		{"success that is not Pulp's", replyWith(202, "<html>"), false, fault.Internal},
		{"success without a task", replyWith(202, `{"x":1}`), false, fault.Internal},
		{"400", replyWith(400, `{"name":["bad"]}`), true, fault.Invalid},
		{"401", replyWith(401, `{"detail":"no"}`), true, fault.Unauthenticated},
		{"403", replyWith(403, `{"detail":"no"}`), true, fault.Forbidden},
		{"404", replyWith(404, `{"detail":"no"}`), true, fault.NotFound},
		{"405", replyWith(405, `{"detail":"no"}`), true, fault.Invalid},
		{"409", replyWith(409, `{"detail":"no"}`), true, fault.Conflict},
		{"429", replyWith(429, `{"detail":"no"}`), true, fault.Unavailable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var sent atomic.Int32
			c := newServer(t, func(w http.ResponseWriter, r *http.Request) {
				sent.Add(1)
				tt.handler(w, r)
			})
			_, err := c.Sync(t.Context(), "/x/", nil)
			if NotSent(err) != tt.notSent || fault.KindOf(err) != tt.kind {
				t.Errorf("NotSent %v, kind %v: %v", NotSent(err), fault.KindOf(err), err)
			}
			if sent.Load() != 1 {
				t.Errorf("sent %d times", sent.Load())
			}
			if !strings.HasPrefix(fault.Message(err), "Pulp server alpha: sync repository: ") {
				t.Errorf("message %q", fault.Message(err))
			}
		})
	}
}

func TestNotSentWithoutAConnection(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refused := "http://" + listener.Addr().String()
	_ = listener.Close()

	c := newClient(t, refused)
	_, err = c.Sync(t.Context(), "/x/", nil)
	if !NotSent(err) || !fault.Is(err, fault.Unavailable) {
		t.Errorf("refused connection: NotSent %v: %v", NotSent(err), err)
	}
	if want := "Pulp server alpha: sync repository: cannot connect: connection refused"; fault.Message(err) != want {
		t.Errorf("message %q", fault.Message(err))
	}

	c = newClient(t, "http://pulp.invalid")
	_, err = c.Sync(t.Context(), "/x/", nil)
	if !NotSent(err) || !strings.Contains(fault.Message(err), "pulp.invalid") {
		t.Errorf("unknown name: NotSent %v: %v", NotSent(err), err)
	}

	plain := httptest.NewServer(http.NotFoundHandler()) // where TLS is expected
	defer plain.Close()
	c = newClient(t, strings.Replace(plain.URL, "http:", "https:", 1))
	if _, err = c.Sync(t.Context(), "/x/", nil); !NotSent(err) {
		t.Errorf("failed TLS handshake: %v", err)
	}
}

func TestReadingSurvivesALostReply(t *testing.T) {
	var tries atomic.Int32
	c := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		switch tries.Add(1) {
		case 1:
			lose(w, r)
		case 2:
			truncate(w, r)
		default:
			reply(w, 200, `{"name":"x"}`)
		}
	})
	got, err := c.Repository(t.Context(), "/x/")
	if err != nil || got.Name != "x" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestGate(t *testing.T) {
	closed := fault.New(fault.Conflict, "another process has taken over")
	c, w := newWire(t, replyWith(503, ""))
	passed := 0
	ctx := WithGate(t.Context(), func(context.Context) error {
		if passed++; passed == 3 {
			return closed
		}
		return nil
	})
	_, err := c.Object(ctx, "/x/")
	if !errors.Is(err, closed) || !fault.Is(err, fault.Conflict) || !NotSent(err) {
		t.Errorf("%v", err)
	}
	if n := len(w.seen("", "")); n != 2 {
		t.Errorf("%d requests passed a gate that closed at the third", n)
	}

	plain := errors.New("lost")
	_, err = c.Sync(WithGate(t.Context(), func(context.Context) error { return plain }), "/x/", nil)
	if !errors.Is(err, plain) || !NotSent(err) || len(w.seen(http.MethodPost, "")) != 0 {
		t.Errorf("%v", err)
	}
}

func TestGateIsPassedBeforeTheSecondTryAfterALogin(t *testing.T) {
	d := &django{password: "right"}
	c, w := newWire(t, d.ServeHTTP, withLogin(fixed("right")))
	if _, err := c.Count(t.Context(), "tasks/", nil); err != nil {
		t.Fatal(err)
	}
	d.endSessions()
	passed := 0
	ctx := WithGate(t.Context(), func(context.Context) error {
		if passed++; passed == 2 {
			return errors.New("closed")
		}
		return nil
	})
	if _, err := c.CreateRepository(ctx, "file/file", nil); !NotSent(err) {
		t.Errorf("%v", err)
	}
	if n := len(w.seen(http.MethodPost, apiRoot+"repositories/file/file/")); n != 1 {
		t.Errorf("sent %d times, want the first refused one only", n)
	}
}
