// SPDX-License-Identifier: Apache-2.0

package pulpfake

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"
)

// remote is what a sync takes from a remote before it lets go of the lock.
type remote struct {
	id, href                  string
	url, policy               string
	username, password        string
	suites, components, archs string
	gpgkey                    string
	ignoreMissing             bool
	timeout                   time.Duration
	tries                     int
	client                    *http.Client
	downloads                 int
	header                    http.Header // of the last answer

	// python and container
	lists       map[string][]string // includes, excludes, package_types
	prereleases bool
	upstream    string // name of a repository in a registry
}

func (s *Server) remoteOf(o *object) *remote {
	r := &remote{
		id: o.id, href: o.href(), url: o.str("url"), policy: text(s.value(o, "policy")),
		username: o.str("username"), password: o.str("password"),
		suites: o.str("distributions"), components: o.str("components"), archs: o.str("architectures"), gpgkey: o.str("gpgkey"),
		ignoreMissing: o.flag("ignore_missing_package_indices"), timeout: 300 * time.Second, tries: 4,
	}
	if v, isNumber := number(o.f["max_retries"]); isNumber && v > 0 { // 0 means the default too
		r.tries = 1 + int(v)
	}
	if v, isNumber := number(o.f["total_timeout"]); isNumber && v > 0 {
		r.timeout = time.Duration(v * float64(time.Second))
	}
	if v, isNumber := number(o.f["sock_read_timeout"]); isNumber && v > 0 {
		r.timeout = min(r.timeout, time.Duration(v*float64(time.Second)))
	}
	r.prereleases, r.upstream, r.lists = o.flag("prereleases"), o.str("upstream_name"), map[string][]string{}
	for _, field := range []string{"includes", "excludes", "package_types"} {
		list, _ := o.f[field].([]any)
		for _, x := range list {
			r.lists[field] = append(r.lists[field], text(x))
		}
	}
	transport := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 4}
	config := &tls.Config{InsecureSkipVerify: !o.flag("tls_validation")}
	if pem := o.str("ca_cert"); pem != "" {
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM([]byte(pem))
		config.RootCAs = pool
	}
	transport.TLSClientConfig = config
	if p, err := url.Parse(o.str("proxy_url")); err == nil && p.Host != "" {
		transport.Proxy = http.ProxyURL(p)
	}
	r.client = &http.Client{Transport: transport}
	return r
}

func (r *remote) close() { r.client.CloseIdleConnections() }

// statusError is an answer other than 200.
type statusError struct {
	status int
	url    string
}

func (e statusError) Error() string {
	return fmt.Sprintf("%d, message='%s', url='%s'", e.status, http.StatusText(e.status), e.url)
}

// missing tells a 404, which deb syncs tolerate for files that are optional.
func missing(err error) bool {
	var e statusError
	return errors.As(err, &e) && e.status == http.StatusNotFound
}

// get fetches one file, again if it is worth it, as often as max_retries says. Pulp waits between the tries, the fake
// does not.
func (r *remote) get(ctx context.Context, at string) ([]byte, error) {
	for try := 1; ; try++ {
		data, err := r.try(ctx, at)
		if err == nil || try >= r.tries || ctx.Err() != nil || !worthRetrying(err) {
			return data, err
		}
	}
}

func worthRetrying(err error) bool {
	var status statusError
	if errors.As(err, &status) {
		return status.status == http.StatusTooManyRequests || status.status >= 500
	}
	return true
}

// try fetches one file once. Its errors read like Pulp's.
func (r *remote) try(ctx context.Context, at string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	u, err := url.Parse(at)
	if err != nil || u.Host == "" {
		return nil, taskError{text: "URL: " + at + " not supported."}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return nil, err
	}
	if r.username != "" {
		req.SetBasicAuth(r.username, r.password)
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return nil, downloadError(u, err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, statusError{resp.StatusCode, at}
	}
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		if ctx.Err() == nil {
			return nil, taskError{text: "Response payload is not completed: <ContentLengthError: 400, message='Not enough data to satisfy content length header.'>"}
		}
		return nil, downloadError(u, err)
	}
	r.downloads++
	r.header = resp.Header
	return data, nil
}

func downloadError(u *url.URL, err error) error {
	host, port := u.Hostname(), u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	var dns *net.DNSError
	why := err.Error()
	switch {
	case errors.Is(err, context.DeadlineExceeded), os.IsTimeout(err):
		return taskError{"PLP0005", "Request timed out for " + u.String() +
			". Increasing the total_timeout value on the remote might help."}
	case errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, syscall.ECONNREFUSED):
		why = fmt.Sprintf("Connect call failed ('%s', %s)", host, port)
	case errors.As(err, &dns):
		why = "Name or service not known"
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET):
		return taskError{text: "Server disconnected"}
	case strings.Contains(why, "tls:"), strings.Contains(why, "HTTP response to HTTPS"):
		why = "[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)"
	}
	return taskError{text: fmt.Sprintf("Cannot connect to host %s:%s ssl:default [%s]", host, port, why)}
}

func checksumError(at, want, got string) error {
	return taskError{"PLP0003", fmt.Sprintf("A file located at the url %s failed validation due to checksum. Expected '%s', Actual '%s'", at, want, got)}
}

// checked fetches one file and compares its sha256. known returns the bytes if the server has them already.
func (r *remote) checked(ctx context.Context, at, sum string, known func(string) []byte) ([]byte, error) {
	if data := known(sum); data != nil {
		return data, nil
	}
	data, err := r.get(ctx, at)
	if err != nil {
		return nil, err
	}
	if got := sha256Hex(data); got != sum {
		return nil, checksumError(at, sum, got)
	}
	return data, nil
}

// known looks a file up that was stored before.
func (s *Server) known(sum string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.artifacts[sum]; a != nil {
		return a.data
	}
	return nil
}
