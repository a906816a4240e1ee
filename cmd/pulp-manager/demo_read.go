// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pulp/pulp-manager/internal/content"
	"github.com/pulp/pulp-manager/internal/fault"
)

const (
	demoContent   = "/pulp/content/"
	demoFetchTime = 10 * time.Second
	demoReaders   = 4         // repositories that are read at a time
	demoMaxFile   = 256 << 20 // bytes
)

// What a client sees of a repository.
const (
	demoServed      = "served"
	demoSame        = "same" // as on the primary, byte for byte
	demoDifferent   = "different"
	demoEmpty       = "empty"
	demoIncomplete  = "incomplete" // metadata that names what is not there, or is damaged
	demoAbsent      = "absent"
	demoUnreachable = "unreachable"
)

// reading is what a client saw of a repository on a server.
type reading struct {
	state string // served, empty, incomplete, absent or unreachable
	view  content.View
}

// demoReader reads repositories as clients do: over HTTP, from where their servers serve them,
// without a login.
type demoReader struct{ http *http.Client }

// newDemoReader makes a reader that trusts a CA (PEM; nil: only the system's).
func newDemoReader(ca []byte) demoReader {
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, DisableCompression: true, IdleConnTimeout: 30 * time.Second}
	if pool, err := x509.SystemCertPool(); err == nil && pool.AppendCertsFromPEM(ca) {
		transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	return demoReader{&http.Client{Transport: content.Registry{Next: transport}, Timeout: demoFetchTime}}
}

func (r demoReader) close() { r.http.CloseIdleConnections() }

// readAll reads repositories on two servers.
func (r demoReader) readAll(ctx context.Context, all []demoRepository, primary, secondary string) (first, second []reading) {
	first, second = make([]reading, len(all)), make([]reading, len(all))
	slots := make(chan struct{}, demoReaders)
	var readers sync.WaitGroup
	for i, repository := range all {
		slots <- struct{}{}
		readers.Go(func() {
			defer func() { <-slots }()
			first[i] = r.read(ctx, repository, primary)
			second[i] = r.read(ctx, repository, secondary)
		})
	}
	readers.Wait()
	return first, second
}

// place is where clients read a repository, given the content address of its server.
func (d demoRepository) place(origin string) string {
	if d.kind.Place == nil {
		return origin + d.basePath + "/"
	}
	return strings.TrimSuffix(origin, demoContent) + d.kind.Place(d.basePath)
}

// read reads a repository of the server with that content address.
func (r demoReader) read(ctx context.Context, repository demoRepository, origin string) reading {
	got := 0
	view, err := repository.kind.Read(ctx, func(ctx context.Context, path string) ([]byte, error) {
		body, err := r.fetch(ctx, repository.place(origin)+path)
		if err == nil {
			got++
		}
		return body, err
	}, repository.remote)
	switch {
	case fault.Is(err, fault.NotFound) && got == 0:
		return reading{state: demoAbsent}
	case fault.Is(err, fault.NotFound), fault.Is(err, fault.Invalid):
		return reading{state: demoIncomplete}
	case err != nil:
		return reading{state: demoUnreachable}
	case len(view.Metadata) == 0, len(view.Units) == 0, slices.ContainsFunc(slices.Collect(maps.Values(view.Metadata)), isEmpty):
		return reading{state: demoEmpty, view: view}
	}
	return reading{state: demoServed, view: view}
}

func isEmpty(b []byte) bool { return len(b) == 0 }

// fetch gets one file. The error is NotFound where the server says so, else Unavailable.
func (r demoReader) fetch(ctx context.Context, address string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "%q is not an address", address)
	}
	res, err := r.http.Do(req)
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "no answer from %s", req.URL.Host)
	}
	defer func() { _ = res.Body.Close() }()
	switch res.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound, http.StatusGone:
		return nil, fault.New(fault.NotFound, "%s is not there", address)
	default:
		return nil, fault.New(fault.Unavailable, "%s: %s", address, res.Status)
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, demoMaxFile+1))
	switch {
	case err != nil:
		return nil, fault.Wrap(fault.Unavailable, err, "%s broke off", address)
	case len(body) > demoMaxFile:
		return nil, fault.New(fault.Invalid, "%s is larger than %d MiB", address, demoMaxFile>>20)
	}
	return body, nil
}

// comparedWith tells what a client sees of a repository, and if it is all there, whether that is
// what clients of the primary see.
func (r reading) comparedWith(primary reading) string {
	switch {
	case r.state != demoServed || primary.state != demoServed:
		return r.state
	case maps.EqualFunc(r.view.Metadata, primary.view.Metadata, bytes.Equal) && slices.Equal(r.view.Units, primary.view.Units):
		return demoSame
	}
	return demoDifferent
}
