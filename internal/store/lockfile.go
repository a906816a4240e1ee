// SPDX-License-Identifier: Apache-2.0

package store

import (
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/pulp/pulp-manager/internal/fault"
)

// fileLock keeps other processes off a SQLite database. The system frees it when the
// process ends, however it ends.
type fileLock struct{ file *os.File }

// lockFile takes the lock and notes who holds it; Conflict where another process has it.
func lockFile(path, dir string) (*fileLock, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "lock file %s cannot be opened", path).
			WithHint("check the disk, and who owns the directory")
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer func() { _ = f.Close() }()
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fault.Wrap(fault.Unavailable, err, "lock file %s cannot be locked", path).
				WithHint("keep the data directory on a local disk")
		}
		return nil, fault.New(fault.Conflict, "another daemon%s uses the data directory %s", holder(f), dir).
			WithHint("stop it first, or give this one a data directory of its own; several daemons need PostgreSQL (DATABASE_URL)")
	}
	l := &fileLock{file: f}
	if err := l.note(); err != nil {
		return nil, fault.Wrap(fault.Unavailable, errors.Join(err, l.release()), "lock file %s cannot be written", path).
			WithHint("check that the disk has space")
	}
	return l, nil
}

func (l *fileLock) note() error {
	if err := l.file.Truncate(0); err != nil {
		return err
	}
	_, err := l.file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

// release frees the lock. The file stays: removing it would let two processes lock
// two files of one name. Closing it alone would leave the lock to a process that is just being started, until it is another program.
func (l *fileLock) release() error {
	return errors.Join(syscall.Flock(int(l.file.Fd()), syscall.LOCK_UN), l.file.Close())
}

// holder names the process that noted itself in the file, where there is one.
func holder(f *os.File) string {
	text, err := io.ReadAll(io.LimitReader(f, 32))
	if pid := strings.TrimSpace(string(text)); err == nil && pid != "" {
		return " (pid " + pid + ")"
	}
	return ""
}
