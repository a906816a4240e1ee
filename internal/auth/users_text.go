// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// User is a line of a users file: `name:hash:role`.
type User struct {
	Name string
	Role fleet.Role
	text string // of the hash
	hash hash
}

// Hash names what made the hash of the user's password: argon2id or bcrypt.
func (u User) Hash() string { return u.hash.kind() }

const (
	largestUsers = 1 << 20 // bytes of a users file
	longestName  = 128     // bytes of a user's name
)

func find(users []User, name string) (User, bool) {
	at := slices.IndexFunc(users, func(u User) bool { return u.Name == name })
	if at < 0 {
		return User{}, false
	}
	return users[at], true
}

// readUsers reads a users file, which must not be open to everybody on the machine. NotFound, Invalid.
func readUsers(path string) ([]byte, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.NotFound, "users file %s is not there", path).WithHint("make it with `pulp-manager user add NAME --role admin`")
	}
	unreadable := func(err error) error {
		return fault.Wrap(fault.Invalid, err, "users file %s cannot be read: %v", path, reason(err)).WithHint("let the user that pulp-manager runs as read it")
	}
	if err != nil {
		return nil, unreadable(err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, unreadable(err)
	case !info.Mode().IsRegular():
		return nil, fault.New(fault.Invalid, "users file %s is not a file", path)
	case info.Mode().Perm()&0o007 != 0:
		return nil, fault.New(fault.Invalid, "users file %s is open to every user of this machine (mode %04o)", path, info.Mode().Perm()).
			WithHint("chmod 600 %s; if somebody may have read it, give its users new passwords", path)
	}
	text, err := io.ReadAll(io.LimitReader(f, largestUsers+1))
	switch {
	case err != nil:
		return nil, unreadable(err)
	case len(text) > largestUsers:
		return nil, fault.New(fault.Invalid, "users file %s is larger than %d MiB", path, largestUsers>>20)
	}
	return text, nil
}

// reason gives the system's words without the path, which is said already.
func reason(err error) error {
	if e := (*fs.PathError)(nil); errors.As(err, &e) {
		return e.Err
	}
	return err
}

// parseUsers reads the text of a users file. Invalid, naming everything that is wrong by its line; no line is repeated, as
// it may hold a password.
func parseUsers(path string, text []byte) ([]User, error) {
	users, lines := []User{}, map[string]int{}
	var problems []string
	number := 0
	for line := range strings.Lines(strings.TrimPrefix(string(text), "\ufeff")) {
		number++
		user, ok, err := parseUser(line)
		if ok && err == nil && lines[user.Name] > 0 {
			err = fmt.Errorf("the user is there already, in line %d", lines[user.Name])
		}
		switch {
		case err != nil:
			problems = append(problems, fmt.Sprintf("%s:%d: %v", path, number, err))
		case ok:
			lines[user.Name] = number
			users = append(users, user)
		}
	}
	if len(problems) > 0 {
		return nil, fault.New(fault.Invalid, "the users file cannot be used:\n%s", strings.Join(problems, "\n")).
			WithHint("correct the lines above: each is name:hash:role, as `pulp-manager user add` writes them")
	}
	return users, nil
}

// parseUser reads a line; ok is false where there is no user in it.
func parseUser(line string) (user User, ok bool, err error) {
	line = strings.TrimSpace(line)
	if line == "" || strings.HasPrefix(line, "#") {
		return User{}, false, nil
	}
	fields := strings.Split(line, ":")
	if len(fields) != 2 && len(fields) != 3 {
		return User{}, false, fmt.Errorf("the line is not name:hash:role")
	}
	user = User{Name: fields[0], Role: fleet.RoleReader, text: fields[1]}
	if err := CheckUserName(user.Name); err != nil {
		return User{}, false, err
	}
	if user.hash, err = parseHash(user.text); err != nil {
		return User{}, false, err
	}
	if len(fields) == 3 {
		if user.Role, err = ParseRole(fields[2]); err != nil {
			return User{}, false, err
		}
	}
	return user, true, nil
}

// ParseRole reads the role of a user.
func ParseRole(text string) (fleet.Role, error) {
	if role := fleet.Role(text); role == fleet.RoleAdmin || role == fleet.RoleReader {
		return role, nil
	}
	return fleet.RoleNobody, fault.New(fault.Invalid, "the role is not admin or reader")
}

// CheckUserName says what is wrong with the name of a user; Invalid.
func CheckUserName(name string) error {
	switch {
	case name == "":
		return fault.New(fault.Invalid, "there is no user name")
	case len(name) > longestName:
		return fault.New(fault.Invalid, "the user name is longer than %d bytes", longestName)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsGraphic(r) }):
		return fault.New(fault.Invalid, "the user name has a character that cannot be seen")
	case strings.TrimSpace(name) != name || strings.HasPrefix(name, "#") || strings.ContainsAny(name, ":"):
		return fault.New(fault.Invalid, "the user name has a colon, begins with #, or begins or ends with a space")
	}
	return nil
}
