// SPDX-License-Identifier: Apache-2.0

package git

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/go-git/go-git/v5/plumbing/transport/http"
	"github.com/go-git/go-git/v5/plumbing/transport/ssh"
	"golang.org/x/net/proxy"

	"github.com/pulp/pulp-manager/internal/fault"
)

// auth gives the login and the address without it. Over ssh without a password the agent's keys are
// used, and known_hosts in any case.
func (s Source) auth(ctx context.Context, endpoint *transport.Endpoint) (transport.AuthMethod, string, error) {
	user, password := endpoint.User, endpoint.Password
	if s.Username != "" {
		user = s.Username
	}
	if s.Password != "" {
		if s.Secrets == nil {
			return nil, "", fault.New(fault.Invalid, "Git: there is nothing to read secret %s with", s.Password)
		}
		secret, err := s.Secrets.Secret(ctx, s.Password)
		if err != nil {
			return nil, "", fmt.Errorf("password of the Git repository: %w", err)
		}
		password = secret.Reveal()
	}
	if endpoint.Protocol == overSSH {
		if password == "" {
			return nil, s.URL, nil
		}
		return &ssh.Password{User: user, Password: password}, s.URL, nil
	}
	address := s.URL
	if u, err := url.Parse(s.URL); err == nil && u.User != nil {
		u.User = nil
		address = u.String()
	}
	if user == "" && password == "" {
		return nil, address, nil
	}
	if user == "" {
		user = "git" // with a token alone; servers that take one ask for any name
	}
	return &http.BasicAuth{Username: user, Password: password}, address, nil
}

// greet waits for an ssh server's greeting, within ctx. The library keeps no time limit while it
// shakes hands, so a server that accepts and says nothing is found out here.
func greet(ctx context.Context, endpoint *transport.Endpoint) error {
	host, port := endpoint.Host, endpoint.Port
	if config := ssh.DefaultSSHConfig; config != nil {
		if name := config.Get(endpoint.Host, "Hostname"); name != "" {
			host = name
		}
		if n, err := strconv.Atoi(config.Get(endpoint.Host, "Port")); err == nil && port <= 0 {
			port = n
		}
	}
	if port <= 0 {
		port = ssh.DefaultPort
	}
	conn, err := proxy.Dial(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	start := make([]byte, len("SSH-"))
	if _, err := io.ReadFull(conn, start); err != nil {
		return fmt.Errorf("%s does not answer as an ssh server: %w", host, err)
	}
	if !strings.HasPrefix(string(start), "SSH-") {
		return fmt.Errorf("%s does not answer as an ssh server", host)
	}
	return nil
}
