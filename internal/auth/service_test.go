// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/store/storecontract"
)

// memory is what processes share, without a database: its clock is the test's.
type memory struct {
	mu       sync.Mutex
	revoked  map[string]bool
	failures map[string]fleet.LoginFailures
	broken   error
}

func shared() *memory {
	return &memory{revoked: map[string]bool{}, failures: map[string]fleet.LoginFailures{}}
}

func (m *memory) Revoke(_ context.Context, r fleet.Revocation) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.revoked[r.TokenID] = m.broken == nil
	return m.broken
}

func (m *memory) Revoked(_ context.Context, id string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.revoked[id], m.broken
}

func (m *memory) FailedLogins(_ context.Context, keys []string) (map[string]fleet.LoginFailures, time.Time, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := map[string]fleet.LoginFailures{}
	for _, k := range keys {
		if f, ok := m.failures[k]; ok {
			all[k] = f
		}
	}
	return all, time.Now(), m.broken
}

func (m *memory) NoteFailedLogin(_ context.Context, keys []string, forget time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, k := range keys {
		f := m.failures[k]
		if time.Since(f.Last) > forget {
			f.Count = 0
		}
		m.failures[k] = fleet.LoginFailures{Key: k, Count: f.Count + 1, Last: time.Now()}
	}
	return m.broken
}

func (m *memory) ClearFailedLogins(_ context.Context, keys []string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, k := range keys {
		delete(m.failures, k)
	}
	return m.broken
}

// directory lets everybody in whose password is "right", and counts.
type directory struct {
	mu     sync.Mutex
	asked  int
	groups []string
	takes  time.Duration
	err    error
}

func (d *directory) Login(ctx context.Context, user string, password fleet.Secret) (fleet.Identity, error) {
	d.mu.Lock()
	d.asked++
	err := d.err
	d.mu.Unlock()
	if d.takes > 0 {
		select {
		case <-time.After(d.takes):
		case <-ctx.Done():
			return fleet.Identity{}, fault.Wrap(fault.Unavailable, ctx.Err(), "no answer")
		}
	}
	switch {
	case err != nil:
		return fleet.Identity{}, err
	case password.Reveal() != "right":
		return fleet.Identity{}, fault.New(fault.Unauthenticated, "LDAP says 49 of %s", user)
	}
	return fleet.Identity{User: plainName(user), Groups: d.groups}, nil
}

func (d *directory) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.asked
}

// office is a service with all that it needs.
type office struct {
	*Service
	memory *memory
	dir    *directory
	policy Policy
}

func newOffice(t testing.TB) *office {
	o := &office{memory: shared(), dir: &directory{groups: []string{"Domain Users", "ops.team"}}, policy: Policy{AdminGroups: []string{"OPS.Team"}}}
	o.Service = New(Options{Directory: o.dir, Logins: o.memory, Tokens: hsTokens(t, "HS256"), Policy: func() Policy { return o.policy }})
	return o
}

func (o *office) login(t testing.TB, user, password, address string) (Session, error) {
	return o.Login(t.Context(), Attempt{User: user, Password: fleet.NewSecret(password), Address: address})
}

func TestLoginAndLogout(t *testing.T) {
	o := newOffice(t)
	ctx := t.Context()
	session, err := o.login(t, `CORP\Alice`, "right", "192.0.2.1")
	must(t, err)
	p, err := o.Principal(ctx, session.Token.Reveal())
	must(t, err)
	if diff := cmp.Diff(session.Principal, p); diff != "" || p.User != "alice" || p.Role != fleet.RoleAdmin || p.TokenID == "" {
		t.Errorf("%+v: %s", p, diff)
	}
	other, err := o.login(t, "alice", "right", "192.0.2.1")
	must(t, err)
	for range 2 {
		must(t, o.Logout(ctx, p))
	}
	_, err = o.Principal(ctx, session.Token.Reveal())
	is(t, err, fault.Unauthenticated) // D53
	_, err = o.Principal(ctx, other.Token.Reveal())
	must(t, err)
	must(t, o.Logout(ctx, fleet.Principal{}))
}

func TestRoleFollowsThePolicyInForce(t *testing.T) {
	o := newOffice(t)
	session, err := o.login(t, "alice", "right", "")
	must(t, err)
	for _, c := range []struct {
		policy Policy
		want   fleet.Role
	}{
		{Policy{AdminGroups: []string{"x", "ops.TEAM"}}, fleet.RoleAdmin},
		{Policy{AdminGroups: []string{"x"}}, fleet.RoleReader},
		{Policy{}, fleet.RoleReader},
		{Policy{ReaderGroups: []string{"domain users"}}, fleet.RoleReader},
		{Policy{ReaderGroups: []string{"x"}}, fleet.RoleNobody},
		{Policy{AdminGroups: []string{""}, ReaderGroups: []string{""}}, fleet.RoleNobody},
		{Policy{AdminGroups: []string{"ops"}, ReaderGroups: []string{"ops.team.x"}}, fleet.RoleNobody},
		{Policy{ReaderGroups: []string{"x"}, PublicReads: true}, fleet.RoleNobody},
		{Policy{ReaderGroups: []string{"x"}, Open: true}, fleet.RoleAdmin},
	} {
		o.policy = c.policy
		p, err := o.Principal(t.Context(), session.Token.Reveal())
		if err != nil || p.Role != c.want || p.User != "alice" {
			t.Errorf("%+v: %+v, %v", c.policy, p, err)
		}
	}
}

func TestNoRole(t *testing.T) {
	o := newOffice(t)
	o.policy = Policy{AdminGroups: []string{"pulp admins"}, ReaderGroups: []string{"pulp readers"}}
	_, err := o.login(t, "alice", "right", "")
	is(t, err, fault.Forbidden)
	if hint := fault.Hint(err); !strings.Contains(hint, "admin: pulp admins; reader: pulp readers") || strings.Contains(hint, "Domain Users") {
		t.Error(hint)
	}
	o.dir.groups = nil // D51
	_, err = o.login(t, "alice", "right", "")
	is(t, err, fault.Forbidden)
	if len(o.memory.failures) != 0 {
		t.Error("a right password counts as a failure")
	}
}

func TestNobodyWithoutALogin(t *testing.T) {
	for _, c := range []struct {
		policy Policy
		want   fleet.Role
	}{{Policy{}, fleet.RoleNobody}, {Policy{PublicReads: true}, fleet.RoleReader}, {Policy{Open: true}, fleet.RoleAdmin}} {
		o := newOffice(t)
		o.policy = c.policy
		p, err := o.Principal(t.Context(), "")
		if err != nil || p.Role != c.want || p.User != "" {
			t.Errorf("%+v: %+v, %v", c.policy, p, err)
		}
		p, err = o.Principal(t.Context(), "nonsense")
		if c.policy.Open != (err == nil) || err != nil && !fault.Is(err, fault.Unauthenticated) || p.User != "" {
			t.Errorf("%+v, a bad token: %+v, %v", c.policy, p, err)
		}
	}
	closed := New(Options{Policy: func() Policy { return Policy{} }})
	_, err := closed.Login(t.Context(), Attempt{User: "a", Password: fleet.NewSecret("b")})
	is(t, err, fault.Unavailable)
	_, err = closed.Principal(t.Context(), "x")
	is(t, err, fault.Unauthenticated)
	if p, err := Everyone().Principal(t.Context(), "x"); err != nil || p.Role != fleet.RoleAdmin {
		t.Errorf("everyone: %+v, %v", p, err)
	}
	must(t, Everyone().Logout(t.Context(), fleet.Principal{}))
}

// Where the store cannot be asked nobody gets in. // D40
func TestFailsClosed(t *testing.T) {
	o := newOffice(t)
	session, err := o.login(t, "alice", "right", "")
	must(t, err)
	o.memory.broken = errors.New("disk on fire")
	asked := o.dir.count()
	_, err = o.login(t, "alice", "right", "")
	is(t, err, fault.Unavailable)
	_, err = o.Principal(t.Context(), session.Token.Reveal())
	is(t, err, fault.Unavailable)
	is(t, o.Logout(t.Context(), session.Principal), fault.Unavailable)
	if strings.Contains(fault.Message(err), "fire") || o.dir.count() != asked {
		t.Errorf("%v; the directory was asked %d times", err, o.dir.count()-asked)
	}
}

func TestWhatIsNoLogin(t *testing.T) {
	o := newOffice(t)
	for _, a := range [][2]string{{"alice", ""}, {"", "right"}, {"a\x00b", "right"}, {strings.Repeat("a", 257), "right"}, {"a", strings.Repeat("a", 1025)}} { // D49
		_, err := o.login(t, a[0], a[1], "")
		is(t, err, fault.Unauthenticated)
	}
	if o.dir.count() != 0 {
		t.Error("the directory was asked")
	}
	_, err := o.login(t, "alice", "wrong", "") // D52
	is(t, err, fault.Unauthenticated)
	if fault.Message(err) != wrong().Msg || strings.Contains(fault.Message(err)+fault.Hint(err), "49") {
		t.Errorf("%v", err)
	}
}

// Users of a file lose their logins with what the file says of them; all processes on one store agree.
func TestUsersOfAFile(t *testing.T) {
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "users")
	bcrypted := cheapBcrypt(t, "password")
	usersFile(t, path, "alice:"+cheap+":admin\nbob:"+bcrypted+"\n")
	s := storecontract.SQLite(t, 0)
	service := func() *Service {
		return New(Options{Directory: NewUsersFile(path, slog.New(slog.DiscardHandler)), Logins: s, Tokens: hsTokens(t, "HS256"), Policy: func() Policy {
			return Policy{ReaderGroups: []string{"nobody is in it"}}
		}})
	}
	here, there := service(), service()
	login := func(user string) Session {
		t.Helper()
		session, err := here.Login(ctx, Attempt{User: user, Password: fleet.NewSecret("password"), Address: "192.0.2.1"})
		must(t, err)
		return session
	}
	alice, bob := login("alice"), login("bob")
	for session, want := range map[*Session]fleet.Role{&alice: fleet.RoleAdmin, &bob: fleet.RoleReader} {
		p, err := there.Principal(ctx, session.Token.Reveal())
		if err != nil || p.Role != want {
			t.Errorf("%+v, %v", p, err)
		}
	}
	ended := func(session Session, why string) {
		t.Helper()
		_, err := there.Principal(ctx, session.Token.Reveal())
		if !fault.Is(err, fault.Unauthenticated) || !strings.Contains(fault.Message(err), why) {
			t.Errorf("%v, want %s", err, why)
		}
	}
	usersFile(t, path, "alice:"+cheap+":reader\nbob:"+bcrypted+"\n")
	ended(alice, "changed")
	_, err := there.Principal(ctx, bob.Token.Reveal())
	must(t, err)
	usersFile(t, path, "bob:"+cheapBcrypt(t, "password")+"\n")
	ended(alice, "gone")
	ended(bob, "changed")
	bob = login("bob")
	must(t, here.Logout(ctx, bob.Principal))
	ended(bob, "ended")

	bob = login("bob")
	ldap := New(Options{Directory: &directory{}, Logins: s, Tokens: hsTokens(t, "HS256"), Policy: func() Policy { return Policy{} }})
	_, err = ldap.Principal(ctx, bob.Token.Reveal())
	is(t, err, fault.Unauthenticated) // of another method
	of, err := ldap.Login(ctx, Attempt{User: "bob", Password: fleet.NewSecret("right")})
	must(t, err)
	ended(of, "changed")

	for _, user := range []string{"bob", "not there"} {
		var words []string
		for i := range freeOfBoth + 1 {
			process := []*Service{here, there}[i%2]
			_, err := process.Login(ctx, Attempt{User: user, Password: fleet.NewSecret("wrong"), Address: "192.0.2.7"})
			words = append(words, fault.Message(err)+fault.Hint(err))
			if (after(t, err) > 0) != (i == freeOfBoth) {
				t.Errorf("%s, try %d: %v", user, i, err)
			}
		}
		if len(slices.Compact(words)) != 2 || !strings.HasPrefix(words[0], wrong().Msg) {
			t.Errorf("%s: %q", user, words)
		}
	}
}
