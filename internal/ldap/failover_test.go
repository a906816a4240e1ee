// SPDX-License-Identifier: Apache-2.0

package ldap

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/ldap/ldapfake"
)

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// D48: the next server is asked where one cannot be, at whatever point that shows.
func TestTheNextServerIsAsked(t *testing.T) {
	for name, trouble := range map[string]ldapfake.Trouble{
		"silent from the start":  {Hang: "accept"},
		"silent at the bind":     {Hang: "bind"},
		"silent at the search":   {Hang: "search"},
		"silent at the groups":   {Hang: "groups"},
		"gone at once":           {Drop: "accept"},
		"gone at the bind":       {Drop: "bind"},
		"gone at the search":     {Drop: "search"},
		"gone at the groups":     {Drop: "groups"},
		"no LDAP at all":         {Garbage: "accept"},
		"no LDAP at the bind":    {Garbage: "bind"},
		"too much at the bind":   {Flood: "bind"},
		"too much at the search": {Flood: "search"},
		"busy":                   {Code: "bind", Result: 51},
		"unavailable":            {Code: "bind", Result: 52},
		"unavailable later":      {Code: "search", Result: 52},
		"unavailable at last":    {Code: "groups", Result: 52},
	} {
		t.Run(name, func(t *testing.T) {
			one, two := town(t, "", ldapfake.Options{}), town(t, "", ldapfake.Options{})
			one.GoWrong(trouble)
			cfg := townConfig(one, two)
			cfg.Timeout = 200 * time.Millisecond
			d := open(t, cfg)
			for range 3 {
				login(t, d, "alice", "wonderland")
			}
			fails(t, d, "alice", "not-this-one", fault.Unauthenticated)
			if n := one.Accepted(); n != 1 { // its time is paid for once
				t.Errorf("the bad server was asked %d times", n)
			}
		})
	}
}

func TestAWrongPasswordIsNotTriedOnTheNextServer(t *testing.T) {
	for _, code := range []uint16{19, 32, 34, 48, 49, 50, 53} {
		one, two := town(t, "", ldapfake.Options{}), town(t, "", ldapfake.Options{})
		one.GoWrong(ldapfake.Trouble{Code: "bind", Result: code, Text: "wonderland? no"}) // what a server says is not shown
		d := open(t, townConfig(one, two))
		fails(t, d, "alice", "wonderland", fault.Unauthenticated)
		if n := two.Accepted(); n != 0 {
			t.Errorf("code %d: the second server was asked %d times", code, n)
		}
	}
}

// An answer that may be about this user alone does not make others pass the server by.
func TestAnOddAnswerIsNotAnOutageForOthers(t *testing.T) {
	for _, code := range []uint16{1, 2, 3, 8, 10, 11, 13, 80} {
		one, two := town(t, "", ldapfake.Options{}), town(t, "", ldapfake.Options{})
		one.GoWrong(ldapfake.Trouble{Code: "bind", Result: code})
		d := open(t, townConfig(one, two))
		login(t, d, "alice", "wonderland")
		if d.order()[0].name != two.TLS || d.order()[1].deadUntil.After(time.Now()) {
			t.Errorf("code %d: the order is %+v", code, d.order())
		}
	}
}

func TestServersComeBack(t *testing.T) {
	one, two := town(t, "", ldapfake.Options{}), town(t, "", ldapfake.Options{})
	d := open(t, townConfig(one, two))
	clock := time.Now()
	d.now = func() time.Time { return clock }
	first := func(want *ldapfake.Server, when string) {
		t.Helper()
		if got := d.order()[0].name; got != want.TLS {
			t.Errorf("%s %s is asked first", when, got)
		}
	}
	login(t, d, "alice", "wonderland")
	first(one, "at first")
	one.GoWrong(ldapfake.Trouble{Drop: "bind"})
	login(t, d, "alice", "wonderland")
	one.GoWrong(ldapfake.Trouble{})
	first(two, "after a failure")
	clock = clock.Add(skip + time.Second)
	first(two, "where the other might answer again")
	clock = clock.Add(stay)
	first(one, "in the long run")

	// Where all are dead, all are asked.
	one.GoWrong(ldapfake.Trouble{Drop: "bind"})
	two.GoWrong(ldapfake.Trouble{Drop: "bind"})
	for range 2 {
		before := one.Accepted() + two.Accepted()
		fails(t, d, "alice", "wonderland", fault.Unavailable)
		if n := one.Accepted() + two.Accepted() - before; n != 2 {
			t.Errorf("%d servers were asked", n)
		}
	}
	two.GoWrong(ldapfake.Trouble{})
	login(t, d, "alice", "wonderland")
}

func TestAllServersDeadNamesEachWithItsReason(t *testing.T) {
	silent, busy := town(t, "", ldapfake.Options{}), town(t, "", ldapfake.Options{})
	silent.GoWrong(ldapfake.Trouble{Hang: "bind"})
	busy.GoWrong(ldapfake.Trouble{Code: "bind", Result: 51, Text: "secret of the server"})
	named := town(t, "", ldapfake.Options{Host: "ldap.town.test"})
	cfg := townConfig(silent, busy, named)
	cfg.Servers = append(cfg.Servers, dead(t), named.Plain, "no-such-host.invalid")
	cfg.Timeout = 200 * time.Millisecond
	var log bytes.Buffer
	cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
	err := fails(t, open(t, cfg), "alice", "wonderland", fault.Unavailable)
	for _, want := range []string{
		silent.TLS + ": no answer within 200ms", busy.TLS + ": it answered: Busy", named.TLS + ": its certificate is for ldap.town.test, not for 127.0.0.1",
		cfg.Servers[3] + ": it refuses the connection", named.Plain + ": ", "no-such-host.invalid: ",
	} {
		if !strings.Contains(fault.Message(err), want) {
			t.Errorf("%q is not in %q", want, fault.Message(err))
		}
	}
	for _, secret := range []string{"wonderland", "secret of the server"} {
		if strings.Contains(err.Error()+log.String(), secret) {
			t.Errorf("%q is in the error or the log", secret)
		}
	}
	if !strings.Contains(log.String(), "ldap_server="+silent.TLS) {
		t.Errorf("the log says %s", log.String())
	}
}

func TestWhoLeavesDoesNotMakeAServerDead(t *testing.T) {
	s := town(t, "", ldapfake.Options{})
	s.GoWrong(ldapfake.Trouble{Hang: "bind"})
	d := open(t, townConfig(s))
	ctx, leave := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := d.Login(ctx, "alice", fleet.NewSecret("wonderland"))
		done <- err
	}()
	for len(s.Binds()) == 0 {
		select {
		case err := <-done:
			t.Fatal(err)
		case <-time.After(time.Millisecond):
		}
	}
	leave()
	if err := <-done; !errors.Is(err, context.Canceled) || !fault.Is(err, fault.Unavailable) {
		t.Errorf("got %v", err)
	}
	if d.order()[0].deadUntil.After(time.Now()) {
		t.Error("the server is dead")
	}
}

func TestTheRequestsTimeIsALimit(t *testing.T) {
	one, two := town(t, "", ldapfake.Options{}), town(t, "", ldapfake.Options{})
	one.GoWrong(ldapfake.Trouble{Hang: "search"})
	cfg := townConfig(one, two)
	cfg.Timeout = 400 * time.Millisecond
	d := open(t, cfg)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	began := time.Now()
	if _, err := d.Login(ctx, "alice", fleet.NewSecret("wonderland")); !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), one.TLS) {
		t.Errorf("got %v", err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
	login(t, d, "alice", "wonderland") // the silent one had its time, so the next comes first
	if n := one.Accepted(); n != 1 {
		t.Errorf("the silent server was asked %d times", n)
	}
}

func TestManyAtOnce(t *testing.T) {
	one, two := town(t, "", ldapfake.Options{}), town(t, "", ldapfake.Options{})
	one.GoWrong(ldapfake.Trouble{Drop: "bind"})
	d := open(t, townConfig(one, two))
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if _, err := d.Login(t.Context(), "alice", fleet.NewSecret("wonderland")); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}
