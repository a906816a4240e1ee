// SPDX-License-Identifier: Apache-2.0

package reposync

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/inventory"
	"github.com/pulp/pulp-manager/internal/pulp"
)

// Bounds of what probing an upstream may take. What is beyond them is odd, so the repository is synced.
const (
	probeTime      = 30 * time.Second // for all files of a repository
	probeDial      = 5 * time.Second
	probeSize      = 32 << 20 // of a file
	probeRedirects = 3
)

// errNotProbed tells that an upstream does not tell whether it has changed, or not to us.
var errNotProbed = errors.New("not probed")

// probe reads the files of a repository's upstream that tell whether anything there has changed, asking
// for those known only where they have changed. Anything odd is an error: then Pulp looks itself.
func probe(ctx context.Context, r *inventory.Repository, known []fleet.SourceFile) ([]fleet.SourceFile, error) {
	if r.Type.Probe == nil {
		return nil, fmt.Errorf("%w: its type cannot", errNotProbed)
	}
	groups := r.Type.Probe(r.Remote.Fields())
	if len(groups) == 0 {
		return nil, fmt.Errorf("%w: its remote does not say where", errNotProbed)
	}
	client, err := probeClient(r.Remote)
	if err != nil {
		return nil, err
	}
	defer client.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	before := make(map[string]fleet.SourceFile, len(known))
	for _, f := range known {
		before[f.URL] = f
	}
	var files []fleet.SourceFile
	for _, group := range groups {
		found := false
		for _, address := range group {
			file, err := probeFile(ctx, client, address, before[address])
			if err != nil {
				return nil, err
			}
			found = found || file.SHA256 != ""
			files = append(files, file)
		}
		if !found {
			return nil, fmt.Errorf("%w: none of %v is there", errNotProbed, group)
		}
	}
	return files, nil
}

// secretFields are those of a remote that we cannot read, or that may hold a login.
var secretFields = []string{"client_cert", "headers", "sles_auth_token"}

// probeClient reads as Pulp does with the remote's settings. A remote that logs in is not for us: its
// secrets are Pulp's.
func probeClient(remote *pulp.Remote) (*http.Client, error) {
	if remote.Hidden == nil {
		return nil, fmt.Errorf("%w: Pulp does not tell whether the remote has secrets", errNotProbed)
	}
	for name, set := range remote.Hidden {
		if set {
			return nil, fmt.Errorf("%w: the remote has a %s", errNotProbed, name)
		}
	}
	fields := remote.Fields()
	for _, name := range secretFields {
		switch value := fields[name].(type) {
		case nil:
		case []any:
			if len(value) > 0 {
				return nil, fmt.Errorf("%w: the remote has %s", errNotProbed, name)
			}
		default:
			return nil, fmt.Errorf("%w: the remote has %s", errNotProbed, name)
		}
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if pem, _ := fields["ca_cert"].(string); pem != "" {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM([]byte(pem)) {
			return nil, fmt.Errorf("%w: its ca_cert cannot be read", errNotProbed)
		}
	}
	if validated, ok := fields["tls_validation"].(bool); ok && !validated {
		config.InsecureSkipVerify = true // as Pulp reads it: the hashes are compared, nothing of it is served
	}
	transport := &http.Transport{
		TLSClientConfig: config, DialContext: (&net.Dialer{Timeout: probeDial}).DialContext,
		TLSHandshakeTimeout: probeDial, ResponseHeaderTimeout: probeTime, MaxResponseHeaderBytes: 64 << 10,
	}
	if text, _ := fields["proxy_url"].(string); text != "" {
		proxy, err := url.Parse(text)
		if err != nil || proxy.Host == "" {
			return nil, fmt.Errorf("%w: its proxy_url cannot be read", errNotProbed)
		}
		transport.Proxy = http.ProxyURL(proxy)
	}
	return &http.Client{Transport: transport, CheckRedirect: checkRedirect}, nil
}

func checkRedirect(next *http.Request, via []*http.Request) error {
	switch {
	case len(via) > probeRedirects:
		return fmt.Errorf("%w: too many redirects", errNotProbed)
	case next.URL.Scheme != "https" && next.URL.Scheme != "http", next.URL.Scheme == "http" && via[0].URL.Scheme == "https":
		return fmt.Errorf("%w: redirected to %s", errNotProbed, next.URL.Scheme)
	}
	return nil
}

// probeFile reads one file. Only 200 with a body that is whole, 304 to a question by what we know, and
// 404 are answers.
func probeFile(ctx context.Context, client *http.Client, address string, known fleet.SourceFile) (fleet.SourceFile, error) {
	none := fleet.SourceFile{}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return none, err
	}
	request.Header.Set("User-Agent", "pulp-manager")
	request.Header.Set("Accept-Encoding", "identity")
	asked := known.SHA256 != "" && (known.ETag != "" || known.LastModified != "")
	if asked && known.ETag != "" {
		request.Header.Set("If-None-Match", known.ETag)
	}
	if asked && known.LastModified != "" {
		request.Header.Set("If-Modified-Since", known.LastModified)
	}
	answer, err := client.Do(request)
	if err != nil {
		return none, err
	}
	defer func() { _ = answer.Body.Close() }()
	switch {
	case answer.StatusCode == http.StatusNotModified && asked:
		return known, nil
	case answer.StatusCode == http.StatusNotFound:
		return fleet.SourceFile{URL: address}, nil
	case answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Encoding") != "":
		return none, fmt.Errorf("%w: %s answers %s", errNotProbed, address, answer.Status)
	}
	sum := sha256.New()
	n, err := io.Copy(sum, io.LimitReader(answer.Body, probeSize+1))
	switch {
	case err != nil:
		return none, err
	case n == 0 || n > probeSize:
		return none, fmt.Errorf("%w: %s has %d bytes or more", errNotProbed, address, n)
	}
	return fleet.SourceFile{
		URL: address, SHA256: hex.EncodeToString(sum.Sum(nil)),
		ETag: answer.Header.Get("ETag"), LastModified: answer.Header.Get("Last-Modified"),
	}, nil
}
