// SPDX-License-Identifier: Apache-2.0

// Package pulp is a client of the REST API of a Pulp 3 server.
//
// It knows Pulp and nothing of the fleet: one file per Pulp noun, hrefs are
// opaque, and every error says in Pulp's own words what went wrong. Requests that
// change something are sent once; after an error NotSent tells whether the request
// can have had an effect. Only requests that read are repeated by themselves.
package pulp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
)

const (
	defaultTimeout   = 60 * time.Second
	defaultRetries   = 3
	defaultRetryWait = 250 * time.Millisecond
	dialTimeout      = 10 * time.Second
	idleTimeout      = 30 * time.Second // below the 75 s after which nginx hangs up
	logoutTimeout    = 5 * time.Second
	maxConnections   = 16
)

// Config says which server to talk to, and how.
type Config struct {
	Base     string // "http://host:port" or "https://…", without a path
	APIRoot  string // Pulp's setting API_ROOT, default "/pulp/"
	Domain   string // Pulp domain, "" when the server has none
	Name     string // name of the server in error texts, default: host of Base
	Username string // "" sends every request without a login

	// Password is asked before each login, and once more when Pulp refuses
	// what it gave, so a rotated password is picked up.
	Password func(ctx context.Context) (string, error)

	CA []byte // PEM of root certificates trusted in addition to the system's

	// RequestTimeout limits a request that changes something as a whole, login
	// included: it is not sent later than this after the call. A request that
	// reads is limited each time it is tried. Default 60 s.
	RequestTimeout time.Duration

	MaxRetries int           // further tries of a request that reads; default 3, negative: none
	RetryWait  time.Duration // before the first further try, doubling, with jitter; default 250 ms

	Observe func(Observation) // called after each exchange with Pulp, from many goroutines; may be nil
}

// Observation is one exchange with a server, for metrics and logs. It holds no
// secret and no query.
type Observation struct {
	Method      string
	Path        string
	Status      int // 0 when there was no answer
	Duration    time.Duration
	Err         error
	Correlation string // id under which Pulp logged the request
}

// Client talks to one Pulp server. It is safe for use by many goroutines.
type Client struct {
	name    string
	base    *url.URL
	api     string // path of the API, with a slash at both ends
	timeout time.Duration
	retries int
	wait    time.Duration
	observe func(Observation)
	http    *http.Client
	session session

	jitter  func() float64 // in [0, 1)
	maxBody int64          // of an answer
}

// New makes a client. It sends nothing. Errors are of kind Invalid.
func New(cfg Config) (*Client, error) {
	base, err := parseBase(cfg.Base)
	if err != nil {
		return nil, err
	}
	if cfg.Username != "" && cfg.Password == nil {
		return nil, fault.New(fault.Invalid, "Pulp server %s: a user name without a password", base.Host)
	}
	pool, err := rootCAs(cfg.CA)
	if err != nil {
		return nil, err
	}
	c := &Client{
		name:    cfg.Name,
		base:    base,
		api:     apiPath(cfg.APIRoot, cfg.Domain),
		timeout: cfg.RequestTimeout,
		retries: cfg.MaxRetries,
		wait:    cfg.RetryWait,
		observe: cfg.Observe,
		http:    &http.Client{Transport: newTransport(pool), CheckRedirect: sameHostOnly},
		jitter:  rand.Float64,
		maxBody: maxBody,
	}
	if c.name == "" {
		c.name = base.Host
	}
	if c.timeout <= 0 {
		c.timeout = defaultTimeout
	}
	if c.retries == 0 {
		c.retries = defaultRetries
	}
	if c.wait <= 0 {
		c.wait = defaultRetryWait
	}
	c.session.init(c, cfg.Username, cfg.Password)
	return c, nil
}

// Name gives the server's name as it appears in error texts.
func (c *Client) Name() string { return c.name }

// Base gives the server's address: scheme, host and port.
func (c *Client) Base() string { return c.base.String() }

// Close logs out, if it is logged in, and closes connections. No request may be
// under way. The client must not be used afterwards.
func (c *Client) Close(ctx context.Context) error {
	defer c.http.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(ctx, logoutTimeout)
	defer cancel()
	return c.session.logout(ctx)
}

func parseBase(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fault.New(fault.Invalid, "the address of a Pulp server must look like https://host or http://host:port")
	}
	if u.User != nil {
		return nil, fault.New(fault.Invalid, "Pulp server %s: its address must not hold a user name or password", u.Host)
	}
	if strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fault.New(fault.Invalid, "Pulp server %s: its address must not have a path", u.Host).
			WithHint("give a different API root by its own setting")
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}, nil
}

// apiPath joins API_ROOT, the domain and "api/v3/".
func apiPath(root, domain string) string {
	root = strings.Trim(root, "/")
	if root == "" {
		root = "pulp"
	}
	path := "/" + root + "/"
	if domain != "" {
		path += url.PathEscape(domain) + "/"
	}
	return path + "api/v3/"
}

func rootCAs(pem []byte) (*x509.CertPool, error) {
	if len(pem) == 0 {
		return nil, nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fault.New(fault.Invalid, "the root CA holds no certificate in PEM form")
	}
	return pool, nil
}

// newTransport speaks HTTP/1.1 only: a request then has a connection of its own,
// and "the connection was never made" proves that it was not sent.
func newTransport(pool *x509.CertPool) *http.Transport {
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           dialer.DialContext,
		TLSClientConfig:       &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:   dialTimeout,
		MaxIdleConnsPerHost:   maxConnections,
		MaxConnsPerHost:       maxConnections,
		IdleConnTimeout:       idleTimeout,
		ExpectContinueTimeout: time.Second,
		Protocols:             protocols,
	}
}

// sameHostOnly follows redirects of reading requests within the server. Any other
// redirect is left as the answer, so nothing (and no login) is sent elsewhere.
func sameHostOnly(next *http.Request, via []*http.Request) error {
	first := via[0]
	if first.Method != http.MethodGet || len(via) > 3 ||
		next.URL.Host != first.URL.Host || next.URL.Scheme != first.URL.Scheme {
		return http.ErrUseLastResponse
	}
	return nil
}
