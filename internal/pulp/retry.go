// SPDX-License-Identifier: Apache-2.0

package pulp

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
)

const (
	maxBackoff    = 10 * time.Second
	maxRetryAfter = 30 * time.Second
)

// do sends a request and repeats it as far as that is safe. Beside an error there
// is an answer only where Pulp did what was asked (see WithCorrelation).
func (c *Client) do(ctx context.Context, r request) (*answer, error) {
	if !r.safe() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, c.timeout, errTimeLimit)
		defer cancel()
	}
	id, chosen := correlationOf(ctx)
	if !chosen {
		ctx = WithCorrelation(ctx, id) // one id for all tries
	} else if !validCorrelation(id) {
		return nil, c.broken(fault.Internal, r.what, failure{notSent: true}, "its correlation id is not a uuid")
	}
	return c.repeat(ctx, r, func() (*answer, error) {
		got, err := c.authorized(ctx, r)
		if err == nil && chosen && !r.safe() {
			err = c.checkCorrelation(r, id, got)
		}
		return got, err
	})
}

// repeat calls once again and again while r is safe and the error may pass.
func (c *Client) repeat(ctx context.Context, r request, once func() (*answer, error)) (*answer, error) {
	for try := 0; ; try++ {
		got, err := once()
		if err == nil || !r.safe() || try >= c.retries {
			return got, err
		}
		f, ok := errors.AsType[*failure](err)
		if !ok || !f.again {
			return nil, err
		}
		if sleep(ctx, c.backoff(try, f.after)) != nil {
			return nil, err
		}
	}
}

// backoff gives the wait after the given try: doubling, half of it by chance, not
// less than Pulp asked for, and bounded.
func (c *Client) backoff(try int, after time.Duration) time.Duration {
	d := c.wait << min(try, 10)
	if d <= 0 || d > maxBackoff {
		d = maxBackoff
	}
	d = d/2 + time.Duration(c.jitter()*float64(d/2))
	return max(d, min(after, maxRetryAfter))
}

// checkCorrelation makes sure that the task a request started will be found again.
// A missing header says nothing: a proxy may have dropped it.
func (c *Client) checkCorrelation(r request, sent string, got *answer) error {
	used := got.header.Get(correlationHeader)
	if used == "" || sameCorrelation(used, sent) {
		return nil
	}
	return c.broken(fault.Internal, r.what, failure{},
		"done, but the server did not use the correlation id it was given").
		WithHint("let the proxy before server %s pass the header %s on", c.name, correlationHeader)
}

// passing tells whether a status is likely to go away by itself.
func passing(status int) bool {
	switch status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// retryAfter reads the header in its two forms, 0 when it is missing or wrong.
func retryAfter(header http.Header) time.Duration {
	text := header.Get("Retry-After")
	if seconds, err := strconv.Atoi(text); err == nil {
		return time.Duration(min(max(seconds, 0), int(maxRetryAfter/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(time.Until(at), 0)
	}
	return 0
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
