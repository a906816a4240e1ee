// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"hash/fnv"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// UsersFile is the directory of `method = static`: the users of a file, which is read again when it changes.
// It implements fleet.Directory and Standing.
type UsersFile struct {
	path    string
	log     *slog.Logger
	hashing hashing

	mu      sync.Mutex
	users   []User // in force
	nobody  hash   // what is checked where there are no users
	seen    os.FileInfo
	settled bool   // seen is long enough ago to be sure that a later change shows
	text    []byte // last read
	problem error  // why the newest file is not in force
}

// NewUsersFile opens a users file. A file that is wrong, or not there, is no error here: nobody can log in until it is
// right, and Problem says why.
func NewUsersFile(path string, log *slog.Logger) *UsersFile {
	u := &UsersFile{path: path, log: log, hashing: make(hashing, hashesAtOnce)}
	u.nobody = hash{memory: newMemory, time: newTime, lanes: newLanes, salt: make([]byte, saltSize), sum: make([]byte, hashSize)}
	_, _ = u.refresh()
	return u
}

// Problem says why the newest file is not in force; nil where it is.
func (u *UsersFile) Problem() error {
	_, problem := u.refresh()
	return problem
}

// Login implements fleet.Directory. It takes as long for a user who is not there as for others.
func (u *UsersFile) Login(ctx context.Context, name string, password fleet.Secret) (fleet.Identity, error) {
	users, problem := u.refresh()
	if users == nil {
		return fleet.Identity{}, fault.Wrap(fault.Unavailable, problem, "nobody can log in: there is no list of users").
			WithHint("the daemon's log says why; `pulp-manager user add` makes one")
	}
	if password.Empty() {
		return fleet.Identity{}, fault.New(fault.Unauthenticated, "the password is empty")
	}
	user, found := find(users, name)
	h := user.hash
	if !found {
		h = u.instead(users, name)
	}
	right, err := u.hashing.fits(ctx, h, password.Reveal())
	switch {
	case err != nil:
		return fleet.Identity{}, err
	case !found:
		return fleet.Identity{}, fault.New(fault.Unauthenticated, "there is no such user")
	case !right:
		return fleet.Identity{}, fault.New(fault.Unauthenticated, "the password of user %q is wrong", name)
	}
	return user.identity(), nil
}

// instead gives the hash that is checked for a user who is not there: the one of some other user, always the same, so that
// the time it takes tells nothing.
func (u *UsersFile) instead(users []User, name string) hash {
	if len(users) == 0 {
		return u.nobody
	}
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(name))
	return users[int(sum.Sum32()%uint32(len(users)))].hash
}

// Standing implements Standing.
func (u *UsersFile) Standing(_ context.Context, name string) (fleet.Identity, error) {
	users, problem := u.refresh()
	if users == nil {
		return fleet.Identity{}, fault.Wrap(fault.Unavailable, problem, "logins cannot be checked: there is no list of users").
			WithHint("the daemon's log says why")
	}
	user, found := find(users, name)
	if !found {
		return fleet.Identity{}, fault.New(fault.NotFound, "there is no user %q", name)
	}
	return user.identity(), nil
}

// identity is who a user is. The stamp is of all that is said of them, so that any change ends their logins.
func (u User) identity() fleet.Identity {
	sum := sha256.Sum256([]byte(u.Name + "\x00" + u.text + "\x00" + string(u.Role)))
	return fleet.Identity{User: u.Name, Role: u.Role, Groups: []string{}, Stamp: hex.EncodeToString(sum[:12])}
}

// coarse is how far apart two changes of a file may be that leave it the same time.
const coarse = 2 * time.Second

// refresh reads the file again where it changed. It gives the users in force (nil: there never were any) and what is wrong
// with the newest file, which is logged once.
func (u *UsersFile) refresh() ([]User, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	now, err := os.Stat(u.path)
	if err == nil && u.settled && os.SameFile(now, u.seen) && now.ModTime().Equal(u.seen.ModTime()) && now.Size() == u.seen.Size() && now.Mode() == u.seen.Mode() {
		return u.users, u.problem
	}
	if err == nil {
		u.seen, u.settled = now, time.Since(now.ModTime()).Abs() > coarse
	} else {
		u.settled = false
	}
	text, err := readUsers(u.path)
	if err == nil && u.problem == nil && u.users != nil && bytes.Equal(text, u.text) {
		return u.users, nil
	}
	var users []User
	if err == nil {
		u.text = text
		users, err = parseUsers(u.path, text)
	}
	if err != nil {
		u.reject(err)
		return u.users, u.problem
	}
	if u.users != nil {
		u.log.Info("users file read again", "users", len(users))
	}
	u.users, u.problem = users, nil
	return users, nil
}

// reject keeps the users in force, and says once why.
func (u *UsersFile) reject(err error) {
	if u.problem == nil || fault.Message(u.problem) != fault.Message(err) {
		u.log.Error("users file not in force", "err", err, "hint", fault.Hint(err), "users", len(u.users))
	}
	u.problem = err
}
