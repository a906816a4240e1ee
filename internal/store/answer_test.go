// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// asked gives a connection with patience, and its other end, in a bubble with a clock of its own.
func asked() (*answering, net.Conn) {
	near, far := net.Pipe()
	return &answering{Conn: near, within: patience}, far
}

func TestQuestionsAreAnsweredInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, far := asked()
		defer func() { _ = conn.Close() }()
		go func() { _, _ = io.Copy(io.Discard, far) }()
		for range 2 {
			if _, err := conn.Write([]byte("select 1")); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			_, err := conn.Read(make([]byte, 1))
			if took := time.Since(began); !errors.Is(err, os.ErrDeadlineExceeded) || took != patience {
				t.Errorf("no answer: %v after %s", err, took)
			}
		}
		_ = far.Close()
	})
}

// Who listens waits for as long as it takes; the next question has its own time.
func TestSilenceWithoutAQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, far := asked()
		defer func() { _ = conn.Close() }()
		go func() {
			buffer := make([]byte, 64)
			_, _ = far.Read(buffer)
			_, _ = far.Write([]byte("ok"))
			<-time.After(time.Hour) // in the bubble's time
			_, _ = far.Write([]byte("news"))
			_, _ = io.Copy(io.Discard, far)
		}()
		if _, err := conn.Write([]byte("listen")); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"ok", "news"} {
			buffer := make([]byte, 64)
			n, err := conn.Read(buffer)
			if err != nil || string(buffer[:n]) != want {
				t.Fatalf("%q %v, want %q", buffer[:n], err, want)
			}
		}
		if _, err := conn.Write([]byte("ping")); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("no answer to the ping: %v", err)
		}
		_ = far.Close()
	})
}

// The owner's deadlines count as they did: a driver ends what it waits for by setting one that is over.
func TestOwnDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, far := asked()
		defer func() { _ = conn.Close() }()
		go func() { _, _ = io.Copy(io.Discard, far) }()
		if _, err := conn.Write([]byte("select 1")); err != nil {
			t.Fatal(err)
		}
		context.AfterFunc(endsIn(t, time.Second), func() { _ = conn.SetDeadline(time.Now()) })
		began := time.Now()
		if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("canceled: %v after %s", err, time.Since(began))
		}
		if _, err := conn.Write([]byte("x")); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("written after the end: %v", err)
		}
		if err := conn.SetDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write([]byte("x")); err != nil {
			t.Errorf("written when there is no end any more: %v", err)
		}
		_ = far.Close()
	})
}

func endsIn(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}
