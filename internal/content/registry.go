// SPDX-License-Identifier: Apache-2.0

package content

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/pulp/pulp-manager/internal/fault"
)

// Registry makes requests to a container registry as clients do: it says which manifests it takes, and
// logs in where the registry asks for it, by a password or by a token that it fetches (the registry's
// token authentication). Other servers are asked as by Next alone.
type Registry struct {
	Next http.RoundTripper
	// Username and Password are what to log in with; without them tokens are asked for as nobody.
	Username string
	Password func(ctx context.Context) (string, error)
}

var _ http.RoundTripper = Registry{}

// RoundTrip makes a request, and makes it again with a login where the answer asks for one. It has no body.
func (r Registry) RoundTrip(req *http.Request) (*http.Response, error) {
	registry := strings.HasPrefix(req.URL.Path, "/v2/")
	if !registry && !strings.HasPrefix(req.URL.Path, "/pulp/container/") { // where pulp_container before 2.28 redirects to
		return r.Next.RoundTrip(req)
	}
	ctx := req.Context()
	first := req.Clone(ctx)
	if strings.Contains(req.URL.Path, "/manifests/") {
		first.Header.Set("Accept", strings.Join(ManifestTypes, ", "))
	}
	res, err := r.Next.RoundTrip(first)
	if !registry || err != nil || res.StatusCode != http.StatusUnauthorized || req.Header.Get("Authorization") != "" {
		return res, err
	}
	login, err := r.login(ctx, res.Header.Get("WWW-Authenticate"))
	if err != nil || login == "" {
		return res, err
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<16))
	_ = res.Body.Close()
	second := first.Clone(ctx)
	second.Header.Set("Authorization", login)
	return r.Next.RoundTrip(second)
}

// CloseIdleConnections closes those of Next.
func (r Registry) CloseIdleConnections() {
	if c, ok := r.Next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// login gives the header that answers a challenge; empty: there is none.
func (r Registry) login(ctx context.Context, challenge string) (string, error) {
	scheme, _, _ := strings.Cut(challenge, " ")
	basic := &http.Request{Header: http.Header{}}
	if r.Username != "" && r.Password != nil {
		password, err := r.Password(ctx)
		if err != nil {
			return "", err
		}
		basic.SetBasicAuth(r.Username, password)
	}
	if !strings.EqualFold(scheme, "Bearer") {
		return basic.Header.Get("Authorization"), nil
	}
	token, err := r.token(ctx, parameters(challenge), basic.Header)
	if err != nil || token == "" {
		return "", err
	}
	return "Bearer " + token, nil
}

var parameter = regexp.MustCompile(`([a-z]+)="([^"]*)"`)

func parameters(challenge string) map[string]string {
	found := map[string]string{}
	for _, match := range parameter.FindAllStringSubmatch(challenge, -1) {
		found[match[1]] = match[2]
	}
	return found
}

// token asks for a token where a challenge says.
func (r Registry) token(ctx context.Context, asked map[string]string, header http.Header) (string, error) {
	query := url.Values{}
	for _, name := range []string{"service", "scope"} {
		if asked[name] != "" {
			query.Set(name, asked[name])
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, asked["realm"]+"?"+query.Encode(), nil)
	if err != nil || req.URL.Host == "" {
		return "", fault.Wrap(fault.Invalid, err, "the registry names no place to get a token from")
	}
	req.Header = header
	res, err := r.Next.RoundTrip(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = res.Body.Close() }()
	var found struct {
		Token       string `json:"token"`
		AccessToken string `json:"access_token"`
	}
	if res.StatusCode != http.StatusOK {
		return "", nil // the answer without a token says why
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(&found); err != nil {
		return "", fault.Wrap(fault.Invalid, err, "the registry's token cannot be read")
	}
	if found.Token == "" {
		return found.AccessToken, nil
	}
	return found.Token, nil
}
