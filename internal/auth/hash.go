// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// Bounds of the hashes that are accepted, so that no file makes a login eat the machine.
const (
	mostMemory = 256 << 10 // KiB
	mostTime   = 16
	mostLanes  = 16
	mostWork   = 1 << 20 // memory times time
	mostCost   = 14      // of bcrypt
)

// New hashes: OWASP's parameters, 20 to 40 ms and 19 MiB a login.
const (
	newMemory = 19 << 10 // KiB
	newTime   = 2
	newLanes  = 1
	saltSize  = 16
	hashSize  = 32
)

// hash is a password's hash as it is in a users file.
type hash struct {
	bcrypt       string // whole; empty: argon2id
	memory, time uint32
	lanes        uint8
	salt, sum    []byte
}

// plain64 is how argon2's reference implementation writes salt and hash.
var plain64 = base64.RawStdEncoding.Strict()

// HashPassword gives a new argon2id hash of a password.
func HashPassword(password fleet.Secret) string {
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt) // never fails
	sum := argon2.IDKey([]byte(password.Reveal()), salt, newTime, newMemory, newLanes, hashSize)
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, newMemory, newTime, newLanes, plain64.EncodeToString(salt), plain64.EncodeToString(sum))
}

// parseHash reads a hash. The error says what is wrong without repeating any of it.
func parseHash(text string) (hash, error) {
	switch {
	case strings.HasPrefix(text, "$argon2id$"):
		return parseArgon2(text)
	case strings.HasPrefix(text, "$2a$"), strings.HasPrefix(text, "$2b$"), strings.HasPrefix(text, "$2y$"):
		return parseBcrypt(text)
	case strings.HasPrefix(text, "$"):
		return hash{}, fmt.Errorf("the hash is neither argon2id nor bcrypt")
	}
	return hash{}, fmt.Errorf("there is no hash, but a text that may be a password in clear")
}

func parseArgon2(text string) (hash, error) {
	malformed := fmt.Errorf("the hash is not $argon2id$v=19$m=…,t=…,p=…$salt$hash")
	parts := strings.Split(text, "$")
	if len(parts) != 6 {
		return hash{}, malformed
	}
	if parts[2] != "v="+strconv.Itoa(argon2.Version) {
		return hash{}, fmt.Errorf("the hash is of another version of argon2id than %d", argon2.Version)
	}
	parameters := strings.Split(parts[3], ",")
	if len(parameters) != 3 {
		return hash{}, malformed
	}
	var numbers [3]uint32
	for i, name := range []string{"m=", "t=", "p="} {
		digits, ok := strings.CutPrefix(parameters[i], name)
		n, err := strconv.ParseUint(digits, 10, 32)
		if !ok || err != nil || strconv.FormatUint(n, 10) != digits {
			return hash{}, malformed
		}
		numbers[i] = uint32(n)
	}
	memory, time, lanes := numbers[0], numbers[1], numbers[2]
	if memory > mostMemory || time < 1 || time > mostTime || lanes < 1 || lanes > mostLanes || memory < 8*lanes || memory*time > mostWork {
		return hash{}, fmt.Errorf("the hash's parameters are not m from 8·p to %d, t from 1 to %d, p from 1 to %d, with m·t at most %d", mostMemory, mostTime, mostLanes, mostWork)
	}
	salt, err := plain64.DecodeString(parts[4])
	if err != nil || len(salt) < 8 || len(salt) > 64 {
		return hash{}, fmt.Errorf("the hash's salt is not base64 of 8 to 64 bytes")
	}
	sum, err := plain64.DecodeString(parts[5])
	if err != nil || len(sum) < 16 || len(sum) > 64 {
		return hash{}, fmt.Errorf("the hash is not base64 of 16 to 64 bytes")
	}
	return hash{memory: memory, time: time, lanes: uint8(lanes), salt: salt, sum: sum}, nil
}

const bcryptLetters = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

func parseBcrypt(text string) (hash, error) {
	cost, err := bcrypt.Cost([]byte(text))
	if err != nil || len(text) != 60 || text[6] != '$' || strings.Trim(text[7:], bcryptLetters) != "" {
		return hash{}, fmt.Errorf("the hash is not one of bcrypt, which has 60 characters")
	}
	if cost > mostCost {
		return hash{}, fmt.Errorf("the hash's cost %d is more than %d", cost, mostCost)
	}
	return hash{bcrypt: text}, nil
}

// kind names what made the hash.
func (h hash) kind() string {
	if h.bcrypt != "" {
		return "bcrypt"
	}
	return "argon2id"
}

// fits tells whether a password is the hash's.
func (h hash) fits(password string) bool {
	if h.bcrypt != "" {
		return bcrypt.CompareHashAndPassword([]byte(h.bcrypt), []byte(password)) == nil
	}
	sum := argon2.IDKey([]byte(password), h.salt, h.time, h.memory, h.lanes, uint32(len(h.sum)))
	return subtle.ConstantTimeCompare(sum, h.sum) == 1
}

// hashing bounds how many hashes are made at once, and so how much memory logins take.
type hashing chan struct{}

// hashesAtOnce times the memory of a hash is what logins take at most.
const hashesAtOnce = 2

// fits tells whether a password is the hash's, when its turn comes; Unavailable where ctx ends before.
func (c hashing) fits(ctx context.Context, h hash, password string) (bool, error) {
	select {
	case c <- struct{}{}:
		defer func() { <-c }()
		return h.fits(password), nil
	case <-ctx.Done():
		return false, busy(ctx)
	}
}
