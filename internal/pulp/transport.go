// SPDX-License-Identifier: Apache-2.0

package pulp

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
)

const (
	maxBody      = 64 << 20 // of a success: 1000 large content units are 10 MB
	maxErrorBody = 64 << 10
	userAgent    = "pulp-manager"
)

// errTimeLimit tells our own limit of a request from the caller's.
var errTimeLimit = errors.New("time limit of a request")

// exchange sends a request once and reads the answer.
func (c *Client) exchange(ctx context.Context, r request, as credentials) (*answer, error) {
	began := time.Now()
	seen := Observation{Method: r.method, Path: r.path}
	got, err := c.send(ctx, r, as, &seen)
	if c.observe != nil {
		seen.Duration = time.Since(began)
		if err != nil {
			seen.Err = err
		}
		c.observe(seen)
	}
	return got, err
}

func (c *Client) send(ctx context.Context, r request, as credentials, seen *Observation) (*answer, error) {
	caller := ctx
	if r.safe() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, c.timeout, errTimeLimit)
		defer cancel()
	}
	var connected atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	})
	req, err := c.newRequest(ctx, r, as)
	if err != nil {
		return nil, err
	}
	id := req.Header.Get(correlationHeader)
	seen.Correlation = id

	if !r.login {
		if err := passGate(ctx); err != nil {
			return nil, c.gateClosed(r, err)
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, c.noAnswer(caller, ctx, r, err, false)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.noAnswer(caller, ctx, r, err, connected.Load())
	}
	defer resp.Body.Close()
	as.keep(c.base, resp)

	seen.Status = resp.StatusCode
	if used := resp.Header.Get(correlationHeader); used != "" {
		seen.Correlation = used
		if !sameCorrelation(used, id) {
			seen.Err = fmt.Errorf("server %s used correlation id %s instead of %s", c.name, shorten(used, 64), id)
		}
	}
	success := resp.StatusCode >= 200 && resp.StatusCode < 300
	limit := int64(maxErrorBody)
	if success {
		limit = c.maxBody
	}
	body, err := readBody(resp, limit)
	if !success {
		return nil, c.refused(r, resp.StatusCode, resp.Header, body)
	}
	if err != nil {
		return nil, c.noAnswer(caller, ctx, r, err, true)
	}
	if int64(len(body)) > limit {
		return nil, c.broken(fault.Internal, r.what, failure{}, fmt.Sprintf("the answer is larger than %d MB", limit>>20))
	}
	return &answer{status: resp.StatusCode, header: resp.Header, body: body}, nil
}

// readBody reads what an answer says, up to one byte more than limit, into as much memory as it announces.
func readBody(resp *http.Response, limit int64) ([]byte, error) {
	announced := min(max(resp.ContentLength, 0), limit)
	into := bytes.NewBuffer(make([]byte, 0, announced+bytes.MinRead)) // ReadFrom wants that much room before it sees the end
	_, err := into.ReadFrom(io.LimitReader(resp.Body, limit+1))
	return into.Bytes(), err
}

func (c *Client) newRequest(ctx context.Context, r request, as credentials) (*http.Request, error) {
	var body io.Reader
	if r.body != nil {
		raw, err := json.Marshal(r.body)
		if err != nil {
			return nil, c.broken(fault.Internal, r.what, failure{notSent: true}, "the request cannot be written as JSON")
		}
		body = bytes.NewReader(raw)
	}
	address := c.base.String() + r.path
	if len(r.query) > 0 {
		address += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.method, address, body)
	if err != nil {
		return nil, c.broken(fault.Internal, r.what, failure{notSent: true}, "the request's address is wrong")
	}
	id, _ := correlationOf(ctx)
	req.Header.Set(correlationHeader, id)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", userAgent)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	as.put(c.base, req)
	return req, nil
}

func (c *Client) gateClosed(r request, err error) error {
	words := "not sent"
	if f, ok := errors.AsType[*fault.Error](err); ok {
		words += ": " + f.Msg
	}
	return c.broken(fault.KindOf(err), r.what, failure{notSent: true, err: err}, words)
}

// noAnswer makes the error of a request to which there was no (whole) answer. ctx
// is caller's with our own time limit.
func (c *Client) noAnswer(caller, ctx context.Context, r request, err error, connected bool) error {
	f := failure{notSent: !connected, again: caller.Err() == nil, err: withoutURL(err)}
	var words, hint string
	switch {
	case errors.Is(caller.Err(), context.Canceled):
		words = "given up by the caller"
	case ctx.Err() != nil:
		words = "no answer in the time the caller gave"
		if errors.Is(context.Cause(ctx), errTimeLimit) {
			words = fmt.Sprintf("no answer within %v", c.timeout)
		}
		hint = "look whether server %s is overloaded"
	case certificateError(err):
		f.again = false
		words = "its certificate is not trusted: " + reason(err)
		hint = "configure the root CA that signed the certificate of server %s"
	case !connected:
		words = "cannot connect: " + reason(err)
		hint = "check that server %s is running and can be reached from here"
	default:
		words = "the connection broke before the answer was complete: " + reason(err)
		hint = "look whether server %s or a proxy before it was restarted"
	}
	out := c.broken(fault.Unavailable, r.what, f, words)
	if hint != "" {
		return out.WithHint(hint, c.name)
	}
	return out
}

func certificateError(err error) bool {
	_, verification := errors.AsType[*tls.CertificateVerificationError](err)
	_, authority := errors.AsType[x509.UnknownAuthorityError](err)
	_, host := errors.AsType[x509.HostnameError](err)
	_, invalid := errors.AsType[x509.CertificateInvalidError](err)
	return verification || authority || host || invalid
}

// reason gives the innermost words of a network error.
func reason(err error) string {
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return "the name " + dns.Name + " is not known (" + dns.Err + ")"
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Err != nil {
		text := op.Err.Error()
		if _, tail, found := cutLast(text, "connect: "); found {
			text = tail
		}
		return text
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return "closed by the server"
	}
	return shorten(oneLine(strings.TrimPrefix(withoutURL(err).Error(), "tls: ")), maxHTMLWords)
}

// withoutURL drops the query that net/http puts into its errors.
func withoutURL(err error) error {
	type unwrapper interface{ Unwrap() error }
	if u, ok := err.(unwrapper); ok && strings.Contains(err.Error(), "://") {
		return u.Unwrap()
	}
	return err
}
