// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/openbao/openbao/api/v2"

	"github.com/pulp/pulp-manager/internal/fault"
)

const maxBody = 4 << 20 // bytes

// newWire makes the library's client, without a token. The environment's variables for it
// (BAO_…, VAULT_…) do not count: config.ini says all.
func newWire(addr string, cfg Config) (*api.Client, error) {
	settings := api.NewConfig()
	settings.Address, settings.Timeout = addr, cfg.Timeout
	settings.DisableRedirects = true
	settings.MaxRetries = 0 // tasks are tried again
	if settings.Timeout <= 0 {
		settings.Timeout = timeout
	}
	transport, ok := settings.HttpClient.Transport.(*http.Transport)
	if settings.Error != nil || !ok {
		return nil, fault.Wrap(fault.Internal, settings.Error, "the client of Vault cannot be made")
	}
	if len(cfg.CA) > 0 {
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		if !pool.AppendCertsFromPEM(cfg.CA) {
			return nil, fault.New(fault.Invalid, "the CA for Vault holds no certificate in PEM").
				WithHint("correct the file that [vault] ca_file or [ca] root_ca_file_path names")
		}
		transport.TLSClientConfig.RootCAs = pool
	}
	settings.HttpClient.Transport = guarded{transport}
	client, err := api.NewClient(settings)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "the address of Vault cannot be used").WithHint("set [vault] vault_addr in config.ini")
	}
	return client, nil
}

// guarded bounds answers and makes an error of each redirect: the library would send the token
// along, to whatever host.
type guarded struct{ next http.RoundTripper }

func (g guarded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := g.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		to, _ := resp.Location()
		_ = resp.Body.Close()
		return nil, &redirectError{to}
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(resp.Body, maxBody), resp.Body}
	return resp, nil
}

// redirectError is an answer that points elsewhere.
type redirectError struct{ to *url.URL } // nil: nowhere

func (e *redirectError) Error() string {
	if e.to == nil {
		return "redirected"
	}
	return "redirected to " + e.to.Scheme + "://" + e.to.Host
}

var (
	errNoSecret = errors.New("no secret in the answer")
	errClosed   = errors.New("closed")
)

// statusOf gives the HTTP status of a refusal; 0: it is none.
func statusOf(err error) int {
	if e, ok := errors.AsType[*api.ResponseError](err); ok {
		return e.StatusCode
	}
	return 0
}

// refused says what a failed request for a secret means. Vault answers Forbidden also where
// there is no login, or nothing at the path. No error of the library is kept: they hold
// bodies.
func (c *Client) refused(path string, err error) error {
	if f := (*fault.Error)(nil); errors.As(err, &f) {
		return err // of the login
	}
	status := statusOf(err)
	switch status {
	case 0:
		return noAnswer(c.addr, "for "+path, err)
	case http.StatusNotFound:
		return fault.New(fault.NotFound, "Vault: there is no secret %s", path).
			WithHint("create it, or correct mount, path and namespace")
	case http.StatusForbidden, http.StatusUnauthorized:
		return fault.New(fault.Forbidden, "Vault: secret %s may not be read", path).
			WithHint("check the policy of %s for this path and namespace", c.session.login.who)
	case http.StatusBadRequest:
		return fault.New(fault.Invalid, "Vault: path %s is refused", path).WithHint("correct mount and path")
	}
	return failing(c.addr, "for "+path, status)
}

// failing is the error of a Vault that answers that it cannot answer.
func failing(addr, what string, status int) error {
	e := fault.New(fault.Unavailable, "Vault at %s answered %d %s %s", addr, status, http.StatusText(status), what)
	if status == http.StatusServiceUnavailable {
		return e.WithHint("unseal Vault: 503 says that it is sealed or has no active server")
	}
	return e.WithHint("look at Vault's log; check that it is unsealed and can be reached")
}

// noAnswer is the error of a request that got no answer, or not one of Vault.
func noAnswer(addr, what string, err error) error {
	redirect, redirected := errors.AsType[*redirectError](err)
	_, untrusted := errors.AsType[x509.UnknownAuthorityError](err)
	why, hint := err, "check that it runs and can be reached"
	if e := (*url.Error)(nil); errors.As(err, &e) {
		why = e.Err
	}
	switch {
	case redirected:
		return fault.New(fault.Invalid, "Vault at %s does not answer %s itself: %v", addr, what, redirect).
			WithHint("set [vault] vault_addr to the address it redirects to, if that is Vault")
	case errors.Is(err, errNoSecret):
		return fault.New(fault.Unavailable, "Vault at %s did not answer with a secret %s", addr, what).
			WithHint("check that [vault] vault_addr is an agent or server of Vault or OpenBao")
	case errors.Is(err, errClosed):
		return fault.New(fault.Unavailable, "Vault at %s is not asked %s: its settings change, or pulp-manager stops", addr, what).
			WithHint("wait a moment")
	case errors.Is(err, context.DeadlineExceeded) || isTimeout(err):
		why = errors.New("it took too long")
	case untrusted:
		hint = "name the CA that signed its certificate in [vault] ca_file"
	}
	text := why.Error()
	if at := strings.LastIndex(text, "connect: "); at >= 0 {
		text = text[at+len("connect: "):]
	}
	return fault.Wrap(fault.Unavailable, fmt.Errorf("%T", err), "Vault at %s did not answer %s: %s", addr, what, text).WithHint("%s", hint)
}

func isTimeout(err error) bool {
	e, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	return ok && e.Timeout()
}
