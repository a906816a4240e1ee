// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/bcrypt"
	"pgregory.net/rapid"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// cheap is an argon2id hash of "password" that costs little. Made by the reference implementation:
// echo -n password | argon2 somesalt -id -t 2 -k 256 -p 1 (RFC 9106).
const cheap = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"

func cheapBcrypt(t testing.TB, password string) string {
	t.Helper()
	h, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	must(t, err)
	return string(h)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("unexpected error: %v (%s)", err, fault.Hint(err))
	}
}

func is(t testing.TB, err error, kind fault.Kind) {
	t.Helper()
	if !fault.Is(err, kind) {
		t.Fatalf("error %v, want one of kind %s", err, kind)
	}
}

func TestHashes(t *testing.T) {
	for _, text := range []string{
		cheap, HashPassword(fleet.NewSecret("password")), cheapBcrypt(t, "password"), strings.Replace(cheapBcrypt(t, "password"), "$2a$", "$2y$", 1),
	} {
		h, err := parseHash(text)
		must(t, err)
		if !h.fits("password") || h.fits("Password") || h.fits("") {
			t.Errorf("%s does not tell passwords apart", text)
		}
	}
}

func TestBadHashes(t *testing.T) {
	for text, says := range map[string]string{
		"":                                  "in clear",
		"hunter2":                           "in clear",
		"$apr1$abc$def":                     "neither",
		"$argon2i$v=19$m=256,t=2,p=1$a$b":   "neither",
		"$2a$10$short":                      "60 characters",
		"$2a$15$" + strings.Repeat("a", 53): "more than 14",
		"$2a$10$" + strings.Repeat("!", 53): "60 characters",
		strings.Replace(cheap, "v=19", "v=16", 1):              "another version",
		strings.Replace(cheap, "m=256", "m=4000000000", 1):     "parameters",
		strings.Replace(cheap, "m=256", "m=99999999999", 1):    "is not $argon2id",
		strings.Replace(cheap, "m=256", "m=262144", 1):         "", // the most
		strings.Replace(cheap, "m=256,t=2", "m=262144,t=8", 1): "parameters",
		strings.Replace(cheap, "t=2", "t=0", 1):                "parameters",
		strings.Replace(cheap, "t=2", "t=17", 1):               "parameters",
		strings.Replace(cheap, "p=1", "p=255", 1):              "parameters",
		strings.Replace(cheap, "p=1", "p=+1", 1):               "is not $argon2id",
		strings.Replace(cheap, "p=1", "p=1,x=1", 1):            "is not $argon2id",
		strings.Replace(cheap, "c29tZXNhbHQ", "c29t", 1):       "salt",
		strings.Replace(cheap, "$nf65EOgL", "$nf65EO!L", 1):    "base64",
		cheap[:len(cheap)-30]:                                  "base64",
		cheap + "$x":                                           "is not $argon2id",
	} {
		_, err := parseHash(text)
		if (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want %q", text, err, says)
		}
	}
}

func TestUsersText(t *testing.T) {
	text := "\ufeff# people\n\nalice:" + cheap + ":admin\r\nbob@example.com:" + cheap + "\n  carol x:" + cheap + ":reader"
	users, err := parseUsers("f", []byte(text))
	must(t, err)
	got := []string{}
	for _, u := range users {
		got = append(got, u.Name+" "+string(u.Role)+" "+u.Hash())
	}
	if diff := cmp.Diff([]string{"alice admin argon2id", "bob@example.com reader argon2id", "carol x reader argon2id"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestUsersProblems(t *testing.T) {
	text := "alice:hunter2:admin\nbob\n#\nbob:" + cheap + ":root\n:" + cheap + "\na\x00b:" + cheap + "\ndora:" + cheap + "\ndora:" + cheap + ":admin\n \tx :" + cheap +
		"\n" + strings.Repeat("n", 129) + ":" + cheap + "\nx:y:z:w\n\xff:" + cheap
	_, err := parseUsers("/etc/users", []byte(text))
	is(t, err, fault.Invalid)
	want := `the users file cannot be used:
/etc/users:1: there is no hash, but a text that may be a password in clear
/etc/users:2: the line is not name:hash:role
/etc/users:4: the role is not admin or reader
/etc/users:5: there is no user name
/etc/users:6: the user name has a character that cannot be seen
/etc/users:8: the user is there already, in line 7
/etc/users:9: the user name has a colon, begins with #, or begins or ends with a space
/etc/users:10: the user name is longer than 128 bytes
/etc/users:11: the line is not name:hash:role
/etc/users:12: the user name has a character that cannot be seen`
	if diff := cmp.Diff(want, fault.Message(err)); diff != "" {
		t.Error(diff)
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Error("a password is shown")
	}
}

// TestUsersAreReadAsWritten: whatever users there are, their lines among comments give them back; any other line is a problem of
// its own number.
func TestUsersAreReadAsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfNDistinct(rapid.StringMatching(`[^\s\p{Z}:#\pC][^\s\p{Z}:\pC]{0,20}`), 0, 8, rapid.ID[string]).Draw(t, "names")
		var text strings.Builder
		want, bad, number := []string{}, 0, 0
		for i, name := range names {
			for range rapid.IntRange(0, 2).Draw(t, "between") {
				number++
				text.WriteString(rapid.SampledFrom([]string{"\n", "# x:y:z\n", " \r\n"}).Draw(t, "line"))
			}
			u := User{Name: name, Role: rapid.SampledFrom(fleet.Roles[1:]).Draw(t, "role"), text: cheap}
			want = append(want, name+string(u.Role))
			number++
			text.WriteString(u.line())
			if i == 3 && rapid.Bool().Draw(t, "spoilt") {
				number++
				bad = number
				text.WriteString("x:plain:admin\n")
			}
		}
		users, err := parseUsers("f", []byte(text.String()))
		if bad > 0 {
			if !fault.Is(err, fault.Invalid) || !strings.Contains(fault.Message(err), fmt.Sprintf("\nf:%d: ", bad)) {
				t.Fatalf("line %d: %v", bad, err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		got := []string{}
		for _, u := range users {
			got = append(got, u.Name+string(u.Role))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

func FuzzUsersFile(f *testing.F) {
	for _, seed := range []string{"", "alice:" + cheap + ":admin\n", "# c\r\n\r\nbob:$2a$04$" + strings.Repeat("a", 53), "a:b:c:d", "\xff\x00:", ":::", "a:$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		users, err := parseUsers("f", text)
		if err != nil {
			if !fault.Is(err, fault.Invalid) || !strings.Contains(fault.Message(err), "\nf:") {
				t.Fatalf("%v", err)
			}
			return
		}
		var again strings.Builder
		for _, u := range users {
			h := u.hash
			if u.Role != fleet.RoleAdmin && u.Role != fleet.RoleReader || h.bcrypt == "" && (h.memory > mostMemory || h.time > mostTime || h.lanes == 0) {
				t.Fatalf("%+v", u)
			}
			again.WriteString(u.line())
		}
		same, err := parseUsers("f", []byte(again.String()))
		if err != nil || len(same) != len(users) {
			t.Fatalf("written again: %v", err)
		}
	})
}

// usersFile writes a users file.
func usersFile(t testing.TB, path, text string) {
	t.Helper()
	must(t, os.WriteFile(path, []byte(text), 0o600))
}

func TestUsersFileFollowsItsFile(t *testing.T) {
	ctx := t.Context()
	var log bytes.Buffer
	path := filepath.Join(t.TempDir(), "users")
	u := NewUsersFile(path, slog.New(slog.NewTextHandler(&log, nil)))
	_, err := u.Login(ctx, "alice", fleet.NewSecret("password"))
	is(t, err, fault.Unavailable)
	_, err = u.Standing(ctx, "alice")
	is(t, err, fault.Unavailable) // D40

	usersFile(t, path, "alice:"+cheap+":admin\n")
	who, err := u.Login(ctx, "alice", fleet.NewSecret("password"))
	must(t, err)
	if who.User != "alice" || who.Role != fleet.RoleAdmin || who.Stamp == "" {
		t.Errorf("%+v", who)
	}
	for name, password := range map[string]string{"alice": "wrong", "bob": "password", "Alice": "password", "": "password"} {
		_, err := u.Login(ctx, name, fleet.NewSecret(password))
		is(t, err, fault.Unauthenticated)
	}
	_, err = u.Login(ctx, "alice", fleet.Secret{})
	is(t, err, fault.Unauthenticated) // D49

	old := time.Now().Add(-time.Hour)
	must(t, os.Chtimes(path, old, old))
	must(t, u.Problem())
	must(t, os.Chmod(path, 0o604))
	is(t, u.Problem(), fault.Invalid)
	usersFile(t, path, "alice:plain:admin\n")
	must(t, os.Chmod(path, 0o600))
	for range 2 {
		is(t, u.Problem(), fault.Invalid)
		again, err := u.Standing(ctx, "alice")
		must(t, err)
		if diff := cmp.Diff(who, again); diff != "" {
			t.Errorf("the bad file counts: %s", diff)
		}
	}
	if n := strings.Count(log.String(), path+":1: "); n != 1 || strings.Contains(log.String(), "plain:") {
		t.Errorf("logged %d times: %s", n, log.String())
	}
	usersFile(t, path, "alice:"+cheap+":reader\n")
	must(t, u.Problem())
	now, err := u.Standing(ctx, "alice")
	must(t, err)
	if now.Stamp == who.Stamp || now.Role != fleet.RoleReader {
		t.Errorf("after another role: %+v", now)
	}
	usersFile(t, path, "")
	_, err = u.Standing(ctx, "alice")
	is(t, err, fault.NotFound)
	_, err = u.Login(ctx, "alice", fleet.NewSecret("password"))
	is(t, err, fault.Unauthenticated)
}

func TestFirstUsersIsMadeOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", "users")
	passwords := make([]fleet.Secret, 4)
	var all sync.WaitGroup
	for i := range passwords {
		all.Go(func() {
			var err error
			if passwords[i], err = FirstUsers(path); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	var made []string
	for _, p := range passwords {
		if !p.Empty() {
			made = append(made, p.Reveal())
		}
	}
	if len(made) != 1 || len(made[0]) < 24 {
		t.Fatalf("%d passwords", len(made))
	}
	u := NewUsersFile(path, slog.New(slog.DiscardHandler))
	who, err := u.Login(t.Context(), FirstUser, fleet.NewSecret(made[0]))
	must(t, err)
	info, err := os.Stat(path)
	must(t, err)
	if who.Role != fleet.RoleAdmin || info.Mode().Perm() != 0o600 {
		t.Errorf("%+v, mode %04o", who, info.Mode().Perm())
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
		t.Errorf("left are %v, %v", left, err)
	}
	_, err = FirstUsers("/proc/nowhere/users")
	is(t, err, fault.Invalid)
}

func TestUsersAreEdited(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users")
	secret := fleet.NewSecret("correct horse")
	is(t, RemoveUser(path, "bob"), fault.NotFound)
	must(t, AddUser(path, "bob", fleet.RoleReader, secret))
	is(t, AddUser(path, "bob", fleet.RoleAdmin, secret), fault.Conflict)
	is(t, AddUser(path, "a:b", fleet.RoleAdmin, secret), fault.Invalid)
	is(t, AddUser(path, "c", "root", secret), fault.Invalid)
	is(t, AddUser(path, "c", fleet.RoleAdmin, fleet.NewSecret("short")), fault.Invalid)
	must(t, os.WriteFile(path, append([]byte("# kept"), append([]byte("\n"), mustRead(t, path)...)...), 0o600))
	must(t, os.Chmod(path, 0o640))
	must(t, AddUser(path, "carol", fleet.RoleAdmin, secret))
	before := mustRead(t, path)
	must(t, SetPassword(path, "bob", fleet.NewSecret("battery staple")))
	must(t, RemoveUser(path, "carol"))
	is(t, SetPassword(path, "carol", secret), fault.NotFound)
	users, err := FindUsers(path)
	must(t, err)
	info, err := os.Stat(path)
	must(t, err)
	if len(users) != 1 || users[0].Name != "bob" || !users[0].hash.fits("battery staple") || !strings.HasPrefix(string(before), "# kept\n") ||
		!strings.HasPrefix(string(mustRead(t, path)), "# kept\n") || info.Mode().Perm() != 0o640 {
		t.Errorf("%+v, mode %04o, file:\n%s", users, info.Mode().Perm(), mustRead(t, path))
	}
	usersFile(t, path, "bad\n")
	is(t, AddUser(path, "dora", fleet.RoleAdmin, secret), fault.Invalid)
	if string(mustRead(t, path)) != "bad\n" {
		t.Error("a bad file was changed")
	}
}

func TestUsersEditedAtOnceAreAllThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users")
	var all sync.WaitGroup
	for i := range 6 {
		all.Go(func() {
			if err := AddUser(path, fmt.Sprint("u", i), fleet.RoleReader, fleet.NewSecret("password")); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if users, err := FindUsers(path); err != nil || len(users) != 6 {
		t.Errorf("%d users, %v", len(users), err)
	}
}

func mustRead(t testing.TB, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	must(t, err)
	return text
}
