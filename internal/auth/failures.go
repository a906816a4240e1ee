// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
)

// How many failed logins are free of any wait. One more, and each further one, doubles it.
const (
	freeOfBoth    = 5  // of a user from an address
	freeOfUser    = 20 // of a user from all addresses
	freeOfAddress = 30 // of an address as any users
)

const (
	firstWait   = time.Second
	longestWait = 15 * time.Minute
	// forget is after how long without a failure the count begins anew.
	forget = time.Hour
	// addressTurns is how many logins from one address are looked at at once: the passwords of a company may all come by
	// one proxy, and a directory that does not answer must not stop all of them.
	addressTurns = 4
)

// keys are what failures of a login are counted by. They are hashes: what people type for a name may be a password, which
// belongs into no database.
type keys struct{ user, address, both string }

func keysOf(user, address string) keys {
	name, from := plainName(user), network(address)
	return keys{user: key("user", name), address: key("address", from), both: key("both", name+"\x00"+from)}
}

func (k keys) all() []string { return []string{k.user, k.address, k.both} }

func key(what, text string) string {
	sum := sha256.Sum256([]byte(what + "\x00" + text))
	return what + ":" + hex.EncodeToString(sum[:])
}

// plainName makes one of the ways to write a user: the directory takes them all for the same (D50).
func plainName(user string) string {
	if at := strings.LastIndexByte(user, '\\'); at >= 0 {
		user = user[at+1:]
	}
	if at := strings.IndexByte(user, '@'); at > 0 {
		user = user[:at]
	}
	return strings.ToLower(strings.TrimSpace(user))
}

// network gives what counts as one address: of IPv6 a machine has 2^64 of its own.
func network(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is6() {
		if prefix, err := ip.Prefix(64); err == nil {
			return prefix.String()
		}
	}
	return ip.String()
}

// wait gives how long after its last failure a key is not heard.
func wait(failures, free int) time.Duration {
	if failures < free {
		return 0
	}
	if doublings := failures - free; doublings < 10 {
		return min(firstWait<<doublings, longestWait)
	}
	return longestWait
}

// heard tells whether a login may be tried now. It is asked before the directory is, so that guesses reach that no faster.
func (s *Service) heard(ctx context.Context, k keys) error {
	failures, now, err := s.o.Logins.FailedLogins(ctx, k.all())
	if err != nil {
		return closed(err)
	}
	var left time.Duration
	for key, free := range map[string]int{k.user: freeOfUser, k.address: freeOfAddress, k.both: freeOfBoth} {
		f := failures[key]
		left = max(left, f.Last.Add(wait(f.Count, free)).Sub(now))
	}
	if left <= 0 {
		return nil
	}
	left = (left + time.Second - 1).Truncate(time.Second)
	return fault.Wrap(fault.TooMany, &TooManyError{After: left}, "too many logins have failed").
		WithHint("wait %s, and log in again with the right password", left)
}

// turns lets logins of one user be looked at one after the other, and few of one address at once: else many at once would
// all be looked at before the first failure is counted.
type turns struct {
	mu   sync.Mutex
	open map[string]*turn
}

type turn struct {
	places chan struct{}
	users  int // who hold or wait for a place
}

// enter waits for a login's turn, which ends with leave. Unavailable where ctx ends before.
func (t *turns) enter(ctx context.Context, k keys) (leave func(), err error) {
	leaveUser, err := t.take(ctx, k.user, 1)
	if err != nil {
		return nil, err
	}
	leaveAddress, err := t.take(ctx, k.address, addressTurns)
	if err != nil {
		leaveUser()
		return nil, err
	}
	return func() { leaveAddress(); leaveUser() }, nil
}

func (t *turns) take(ctx context.Context, key string, places int) (leave func(), err error) {
	t.mu.Lock()
	if t.open == nil {
		t.open = map[string]*turn{}
	}
	if t.open[key] == nil {
		t.open[key] = &turn{places: make(chan struct{}, places)}
	}
	at := t.open[key]
	at.users++
	t.mu.Unlock()
	done := func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if at.users--; at.users == 0 {
			delete(t.open, key)
		}
	}
	select {
	case at.places <- struct{}{}:
		return func() { <-at.places; done() }, nil
	case <-ctx.Done():
		done()
		return nil, busy(ctx)
	}
}

// busy is why a login was not looked at.
func busy(ctx context.Context) error {
	return fault.Wrap(fault.Unavailable, context.Cause(ctx), "too many logins are being checked").WithHint("try again in a moment")
}
