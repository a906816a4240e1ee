// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// after gives how long a login is refused for; 0: it is not.
func after(t testing.TB, err error) time.Duration {
	t.Helper()
	if tooMany := (*TooManyError)(nil); errors.As(err, &tooMany) {
		is(t, err, fault.TooMany)
		if fault.Hint(err) == "" || strings.Contains(fault.Message(err), "alice") {
			t.Errorf("%v (%s)", err, fault.Hint(err))
		}
		return tooMany.After
	}
	return 0
}

func TestFailuresOfAUserFromAnAddress(t *testing.T) { // D52
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		for range freeOfBoth {
			_, err := o.login(t, "alice", "wrong", "192.0.2.1")
			is(t, err, fault.Unauthenticated)
		}
		for _, seconds := range []int{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900} {
			asked := o.dir.count()
			for _, user := range []string{"alice", `CORP\alice`, "ALICE@example.com", " alice"} { // D50
				_, err := o.login(t, user, "right", "192.0.2.1")
				if got := after(t, err); got != time.Duration(seconds)*time.Second {
					t.Fatalf("%s waits %s, want %d s (%v)", user, got, seconds, err)
				}
			}
			if o.dir.count() != asked {
				t.Fatal("the directory was asked")
			}
			<-time.After(time.Duration(seconds) * time.Second)
			_, err := o.login(t, "alice", "wrong", "192.0.2.1")
			is(t, err, fault.Unauthenticated)
		}
		if _, err := o.login(t, "bob", "right", "192.0.2.1"); err != nil {
			t.Errorf("another user: %v", err)
		}
		<-time.After(longestWait)
		_, err := o.login(t, "alice", "right", "192.0.2.9")
		must(t, err)
		_, err = o.login(t, "alice", "right", "192.0.2.1")
		must(t, err)
		for range freeOfBoth { // a success begins anew
			_, err := o.login(t, "alice", "wrong", "192.0.2.1")
			if after(t, err) > longestWait || err == nil {
				t.Fatal(err)
			}
		}
	})
}

func TestFailuresFromManyAddressesAndOfManyUsers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		for i := range freeOfUser {
			_, err := o.login(t, "alice", "wrong", fmt.Sprintf("192.0.2.%d", i))
			is(t, err, fault.Unauthenticated)
		}
		_, err := o.login(t, "alice", "right", "198.51.100.1")
		if after(t, err) != time.Second {
			t.Errorf("a user from everywhere: %v", err)
		}
		for i := range freeOfAddress {
			_, err := o.login(t, fmt.Sprint("user", i), "wrong", fmt.Sprintf("2001:db8:1:2::%x", i))
			is(t, err, fault.Unauthenticated)
		}
		_, err = o.login(t, "bob", "right", "2001:db8:1:2:ffff::1")
		if after(t, err) != time.Second {
			t.Errorf("an address as everybody: %v", err)
		}
		_, err = o.login(t, "bob", "right", "2001:db8:1:3::1")
		must(t, err)
		<-time.After(forget + time.Second)
		_, err = o.login(t, "alice", "wrong", "198.51.100.1")
		is(t, err, fault.Unauthenticated)
		_, err = o.login(t, "alice", "right", "198.51.100.1")
		must(t, err) // counted anew
	})
}

func TestADirectoryThatFailsIsNoFailureOfTheUser(t *testing.T) {
	o := newOffice(t)
	o.dir.err = fault.New(fault.Unavailable, "the directory does not answer")
	for range 3 * freeOfBoth {
		_, err := o.login(t, "alice", "right", "192.0.2.1")
		is(t, err, fault.Unavailable)
	}
	o.dir.err = nil
	_, err := o.login(t, "alice", "right", "192.0.2.1")
	must(t, err)
}

// Guesses at once are not heard more often than one after the other.
func TestFailuresAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		o.dir.takes = 10 * time.Millisecond
		var all sync.WaitGroup
		for i := range 100 {
			all.Go(func() {
				_, _ = o.login(t, []string{"alice", "ALICE"}[i%2], "wrong", "192.0.2.1")
			})
		}
		all.Wait()
		if o.dir.count() != freeOfBoth {
			t.Errorf("%d guesses were heard", o.dir.count())
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
		defer cancel()
		leave, err := o.turns.enter(t.Context(), keysOf("carol", "x"))
		must(t, err)
		_, err = o.Login(ctx, Attempt{User: "carol", Password: fleet.NewSecret("right"), Address: "x"})
		is(t, err, fault.Unavailable)
		leave()
		if len(o.turns.open) != 0 {
			t.Errorf("left are %d turns", len(o.turns.open))
		}
	})
}

func TestKeysTellNothing(t *testing.T) {
	k := keysOf("my password, typed into the wrong field", "192.0.2.1")
	for _, text := range k.all() {
		if strings.Contains(text, "password") || strings.Contains(text, "192.0") || len(text) > 80 {
			t.Error(text)
		}
	}
	if keysOf("a", "::ffff:192.0.2.1") != keysOf("A", "192.0.2.1") || keysOf("a", "192.0.2.1") == keysOf("a", "192.0.2.2") || keysOf("a", "b") == keysOf("b", "a") {
		t.Error("addresses or users are taken for one another")
	}
}
