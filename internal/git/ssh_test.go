// SPDX-License-Identifier: Apache-2.0

package git

import (
	"crypto/ed25519"
	"crypto/rand"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/pulp/pulp-manager/internal/fault"
)

// sshServer takes one password, and hangs up on whoever knows it: what a Git server then says is
// the same as over HTTP. It gives its address and its line for known_hosts.
func sshServer(t *testing.T) (address, known string) {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	config := &ssh.ServerConfig{PasswordCallback: func(_ ssh.ConnMetadata, password []byte) (*ssh.Permissions, error) {
		if string(password) != "hunter2" {
			return nil, os.ErrPermission
		}
		return nil, nil
	}}
	config.AddHostKey(signer)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() {
		listener.Close()
		<-done
	})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			if server, _, _, err := ssh.NewServerConn(conn, config); err == nil {
				server.Close()
			}
			conn.Close()
		}
	}()
	address = listener.Addr().String()
	return address, knownhosts.Line([]string{knownhosts.Normalize(address)}, signer.PublicKey())
}

func TestSSH(t *testing.T) {
	address, line := sshServer(t)
	_, otherLine := sshServer(t)
	known := filepath.Join(t.TempDir(), "known_hosts")
	t.Setenv("SSH_KNOWN_HOSTS", known)
	for name, c := range map[string]struct {
		password, known string
		kind            fault.Kind
		text            string
	}{
		"wrong password": {"hunter3", line, fault.Forbidden, "the login is refused"},
		"unknown host":   {"hunter2", otherLine, fault.Unavailable, "key is unknown"},
		"hung up":        {"hunter2", line, fault.Unavailable, "cannot be fetched"},
	} {
		if err := os.WriteFile(known, []byte(c.known+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := checkout(t, Source{
			URL: "ssh://git@" + address + "/repo.git", Password: "env:TOKEN", Secrets: secrets{"env:TOKEN", c.password}, Timeout: 10 * time.Second,
		})
		if !fault.Is(err, c.kind) || !strings.Contains(fault.Message(err), c.text) || strings.Contains(err.Error(), "hunter") {
			t.Errorf("%s: %v (%v)", name, err, fault.KindOf(err))
		}
	}
}
