// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// FirstUser is the name of the user that the first start makes.
const FirstUser = "admin"

const usersHeading = "# Users of pulp-manager: name:hash:role. Changed by `pulp-manager user`, or by hand; read again when it changes.\n"

// FirstUsers makes a users file with one admin, where there is no file, and gives the admin's password. Of several
// processes one makes it; the others get an empty password, as does everybody where the file is there already. Errors are Invalid.
func FirstUsers(path string) (fleet.Secret, error) {
	if _, err := os.Lstat(path); err == nil {
		return fleet.Secret{}, nil
	}
	password := fleet.NewSecret(strings.ToLower(rand.Text()))
	line := User{Name: FirstUser, Role: fleet.RoleAdmin, text: HashPassword(password)}.line()
	made, err := writeUsers(path, usersHeading+line, nil)
	if err != nil {
		return fleet.Secret{}, unwritable(path, err)
	}
	if !made {
		return fleet.Secret{}, nil
	}
	return password, nil
}

func unwritable(path string, err error) error {
	return fault.Wrap(fault.Invalid, err, "users file %s cannot be written: %v", path, reason(err)).
		WithHint("let the user that pulp-manager runs as write in its folder, or name another file")
}

// FindUsers gives the users of a file, in its order. NotFound, Invalid.
func FindUsers(path string) ([]User, error) {
	text, err := readUsers(path)
	if err != nil {
		return nil, err
	}
	return parseUsers(path, text)
}

// AddUser adds a user to a file, which is made where it is not there. Conflict where the user is there already; Invalid.
func AddUser(path, name string, role fleet.Role, password fleet.Secret) error {
	err := errors.Join(CheckUserName(name), CheckPassword(password))
	if err == nil {
		_, err = ParseRole(string(role))
	}
	if err != nil {
		return err
	}
	added := User{Name: name, Role: role, text: HashPassword(password)}
	return edit(path, true, func(users []User, lines []string) ([]string, error) {
		if _, found := find(users, name); found {
			return nil, fault.New(fault.Conflict, "user %q is there already", name).WithHint("`pulp-manager user passwd` gives it another password")
		}
		return append(lines, added.line()), nil
	})
}

// SetPassword gives a user another password, which ends all their logins. NotFound, Invalid.
func SetPassword(path, name string, password fleet.Secret) error {
	if err := CheckPassword(password); err != nil {
		return err
	}
	text := HashPassword(password)
	return editUser(path, name, func(u User) string {
		u.text = text
		return u.line()
	})
}

// RemoveUser takes a user out of a file, which ends all their logins. NotFound, Invalid.
func RemoveUser(path, name string) error {
	return editUser(path, name, func(User) string { return "" })
}

// ShortestPassword that a user is given, characters.
const ShortestPassword = 8

// CheckPassword says what is wrong with a new password; Invalid.
func CheckPassword(password fleet.Secret) error {
	text := password.Reveal()
	switch {
	case len([]rune(text)) < ShortestPassword:
		return fault.New(fault.Invalid, "the password is shorter than %d characters", ShortestPassword)
	case len(text) > longestPassword:
		return fault.New(fault.Invalid, "the password is longer than %d bytes", longestPassword)
	}
	return nil
}

// line gives a user as a line of the file.
func (u User) line() string { return u.Name + ":" + u.text + ":" + string(u.Role) + "\n" }

// editUser puts another line in the place of a user's.
func editUser(path, name string, change func(User) string) error {
	return edit(path, false, func(users []User, lines []string) ([]string, error) {
		user, found := find(users, name)
		if !found {
			return nil, fault.New(fault.NotFound, "there is no user %q in %s", name, path).WithHint("`pulp-manager user list` lists them")
		}
		at := slices.IndexFunc(lines, func(line string) bool {
			of, ok, err := parseUser(strings.TrimPrefix(line, "\ufeff"))
			return ok && err == nil && of.Name == name
		})
		lines[at] = change(user)
		return lines, nil
	})
}

// edit changes the lines of a users file, as one and without another doing so meanwhile. What it does not change stays as it is,
// comments too. A file with something wrong in it is left alone: Invalid.
func edit(path string, mayMake bool, change func(users []User, lines []string) ([]string, error)) error {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target // or the link would be replaced
	}
	unlock, err := lockFolder(filepath.Dir(path), mayMake)
	if err != nil {
		return unwritable(path, err)
	}
	defer unlock()
	text, err := readUsers(path)
	var old os.FileInfo
	switch {
	case err == nil:
		if old, err = os.Stat(path); err != nil {
			return unwritable(path, err)
		}
	case mayMake && fault.Is(err, fault.NotFound):
		text = []byte(usersHeading)
	default:
		return err
	}
	users, err := parseUsers(path, text)
	if err != nil {
		return err
	}
	if len(text) > 0 && text[len(text)-1] != '\n' {
		text = append(text, '\n')
	}
	lines, err := change(users, slices.Collect(strings.Lines(string(text))))
	if err != nil {
		return err
	}
	made, err := writeUsers(path, strings.Join(lines, ""), old)
	switch {
	case err != nil:
		return unwritable(path, err)
	case !made:
		return fault.New(fault.Conflict, "users file %s was made by another process meanwhile", path).WithHint("try again")
	}
	return nil
}

// lockFolder keeps other editors out until unlock.
func lockFolder(dir string, mayMake bool) (unlock func(), err error) {
	if mayMake {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
	}
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() { _ = f.Close() }, nil
}

// writeUsers writes a users file, whole or not at all, in place of old; with old nil only where there is none, and tells
// whether it did. Root leaves the file to whom it or its folder belongs, who has to read it.
func writeUsers(path, text string, old os.FileInfo) (made bool, err error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return false, err
	}
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*") // mode 0600, never an existing file
	if err != nil {
		return false, err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.WriteString(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = handOver(f.Name(), dir, old)
	}
	if err != nil {
		return false, err
	}
	if old != nil {
		return true, os.Rename(f.Name(), path)
	}
	err = os.Link(f.Name(), path)
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	return err == nil, err
}

// handOver gives a new file the owner and mode of the one it replaces.
func handOver(name, dir string, old os.FileInfo) error {
	like := old
	if old != nil {
		if err := os.Chmod(name, old.Mode().Perm()); err != nil {
			return err
		}
	} else {
		var err error
		if like, err = os.Stat(dir); err != nil {
			return err
		}
	}
	owner, ok := like.Sys().(*syscall.Stat_t)
	if !ok || os.Geteuid() != 0 {
		return nil
	}
	return os.Chown(name, int(owner.Uid), int(owner.Gid))
}
