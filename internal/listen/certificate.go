// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
)

// soon is how long before its end a certificate is warned of.
const soon = 14 * 24 * time.Hour

// certificate is a pair of files. What they hold is used as it changes; a pair that is no good leaves the one before.
type certificate struct {
	file, key string
	log       *slog.Logger

	inForce atomic.Pointer[tls.Certificate]
	problem atomic.Pointer[string] // why what the files hold is not in force
	tried   pair
}

// newCertificate reads the pair. The error is Invalid.
func newCertificate(file, key string, log *slog.Logger) (*certificate, error) {
	c := &certificate{file: file, key: key, log: log}
	c.tried = c.read()
	made, err := c.tried.certificate(file, key)
	if err != nil {
		return nil, err
	}
	c.inForce.Store(made)
	return c, nil
}

// get is for TLS.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return c.inForce.Load(), nil
}

// watch uses what the files hold as they change, until ctx ends. Files that are being written are left alone until
// they have been the same for a while.
func (c *certificate) watch(ctx context.Context, every time.Duration, hangup <-chan os.Signal) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	seen := c.tried.sum
	c.remind()
	reminded := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangup:
			now := c.read()
			seen = now.sum
			c.try(now)
		case <-ticker.C:
			now := c.read()
			if now.sum == seen && now.sum != c.tried.sum {
				c.try(now)
			}
			seen = now.sum
		}
		if time.Since(reminded) >= 24*time.Hour {
			c.remind()
			reminded = time.Now()
		}
	}
}

// try puts a pair in force if it is good.
func (c *certificate) try(p pair) {
	again := p.sum == c.tried.sum
	c.tried = p
	made, err := p.certificate(c.file, c.key)
	if err != nil {
		text := fault.Message(err) + "; the one before is still used"
		c.problem.Store(&text)
		c.log.Error("TLS certificate not changed", "err", err)
		return
	}
	c.inForce.Store(made)
	c.problem.Store(nil)
	if !again {
		c.log.Info("TLS certificate in force", "file", c.file, "expires", made.Leaf.NotAfter.UTC())
		c.remind()
	}
}

// remind logs what state says.
func (c *certificate) remind() {
	if problem, warning := c.state(time.Now()); problem != "" || warning != "" {
		c.log.Warn("TLS certificate needs attention", "problem", cmp.Or(problem, warning))
	}
}

// state tells what is wrong with the certificate, and what is about to be.
func (c *certificate) state(now time.Time) (problem, warning string) {
	leaf := c.inForce.Load().Leaf
	switch {
	case now.After(leaf.NotAfter):
		problem = fmt.Sprintf("the certificate in %s has expired (%s): give it a new one; it is read by itself", c.file, leaf.NotAfter.UTC().Format(time.RFC3339))
	case now.Before(leaf.NotBefore):
		problem = fmt.Sprintf("the certificate in %s is not valid before %s", c.file, leaf.NotBefore.UTC().Format(time.RFC3339))
	case now.Add(soon).After(leaf.NotAfter):
		warning = fmt.Sprintf("the certificate in %s expires on %s: give it a new one; it is read by itself", c.file, leaf.NotAfter.UTC().Format(time.RFC3339))
	}
	if why := c.problem.Load(); why != nil {
		warning = *why
	}
	return problem, warning
}

// pair is what both files hold.
type pair struct {
	certificatePEM, keyPEM []byte
	err                    error
	sum                    [sha256.Size]byte
}

func (c *certificate) read() pair {
	var p pair
	if p.certificatePEM, p.err = readPEM(c.file, "TLS certificate"); p.err == nil {
		p.keyPEM, p.err = readPEM(c.key, "TLS key")
	}
	sum := sha256.New()
	fmt.Fprintf(sum, "%d\n%v\n", len(p.certificatePEM), p.err)
	sum.Write(p.certificatePEM)
	sum.Write(p.keyPEM)
	p.sum = [sha256.Size]byte(sum.Sum(nil))
	return p
}

func (p pair) certificate(file, key string) (*tls.Certificate, error) {
	if p.err != nil {
		return nil, p.err
	}
	made, err := tls.X509KeyPair(p.certificatePEM, p.keyPEM)
	if err != nil {
		return nil, fault.New(fault.Invalid, "TLS certificate %s and key %s: %v", file, key, err).
			WithHint("both must be PEM; the certificate that belongs to the key comes first, then its chain")
	}
	return &made, nil
}

// readPEM reads a file of sensible size. The error is Invalid.
func readPEM(file, what string) ([]byte, error) {
	const largest = 1 << 20
	refused := func(err error) error {
		if e := (*fs.PathError)(nil); errors.As(err, &e) {
			err = e.Err // without the path, which is said already
		}
		return fault.New(fault.Invalid, "%s %s cannot be read: %v", what, file, err).
			WithHint("correct the path, or let the user that pulp-manager runs as read it")
	}
	if file == "" {
		return nil, fault.New(fault.Invalid, "there is no file with the %s", what).WithHint("give both files, or none")
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, refused(err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, largest))
	if err != nil {
		return nil, refused(err)
	}
	return text, nil
}
