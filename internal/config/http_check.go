// SPDX-License-Identifier: Apache-2.0

package config

import (
	"crypto/tls"
	"errors"
	"io/fs"
	"net/netip"
	"net/url"
	"os"
	"strings"

	"github.com/pulp/pulp-manager/internal/fault"
)

// Proxies gives TrustedProxies as networks. The error is Invalid.
func (h HTTP) Proxies() ([]netip.Prefix, error) {
	var networks []netip.Prefix
	for _, text := range h.TrustedProxies {
		network, err := parseNetwork(text)
		if err != nil {
			return nil, err
		}
		networks = append(networks, network)
	}
	return networks, nil
}

func parseNetwork(text string) (netip.Prefix, error) {
	if address, err := netip.ParseAddr(text); err == nil && address.Zone() == "" {
		address = address.Unmap()
		return netip.PrefixFrom(address, address.BitLen()), nil
	}
	network, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		return network, fault.New(fault.Invalid, "%q is not an address or a network", text).WithHint("write it as 192.0.2.1 or 192.0.2.0/24")
	case network.Bits() == 0:
		return network, fault.New(fault.Invalid, "%s would believe everybody", text).WithHint("name the addresses of your proxies")
	}
	return network.Masked(), nil
}

// checkHTTP looks at how the API is to be served.
func checkHTTP(h HTTP, from origin, r *report) {
	checkPair(h, from, r)
	for _, text := range h.TrustedProxies {
		if _, err := parseNetwork(text); err != nil {
			r.fault(from[id("http", "trusted_proxies")], "[http] trusted_proxies", err)
		}
	}
	for _, text := range h.CORSOrigins {
		if err := checkSite(text); err != nil {
			r.fault(from[id("http", "cors_origins")], "[http] cors_origins", err)
		}
	}
}

// checkPair looks whether certificate and key are both given.
func checkPair(h HTTP, from origin, r *report) {
	if (h.CertificateFile == "") == (h.KeyFile == "") {
		return
	}
	given, missing := "tls_certificate_file", "tls_key_file"
	if h.CertificateFile == "" {
		given, missing = missing, given
	}
	r.errorf(from[id("http", given)], "give both, or none", "[http] %s is missing", missing)
}

// checkPairFiles looks whether certificate and key belong together. A daemon that runs does not ask: its files change one after the
// other, and what serves the API looks at them itself.
func checkPairFiles(h HTTP, from origin, r *report) {
	if h.CertificateFile == "" || h.KeyFile == "" {
		return
	}
	texts := map[string][]byte{}
	for _, given := range [][2]string{{"tls_certificate_file", h.CertificateFile}, {"tls_key_file", h.KeyFile}} {
		key, file := given[0], given[1]
		at := from[id("http", key)]
		text, err := os.ReadFile(file)
		if err != nil {
			if e := (*fs.PathError)(nil); errors.As(err, &e) {
				err = e.Err // without the path, which is said already
			}
			r.errorf(at, "correct the path, or let the user that pulp-manager runs as read it", "[http] %s: %s cannot be read: %v", key, file, err)
			continue
		}
		texts[key] = text
	}
	if len(texts) < 2 {
		return
	}
	if _, err := tls.X509KeyPair(texts["tls_certificate_file"], texts["tls_key_file"]); err != nil {
		r.errorf(from[id("http", "tls_certificate_file")], "both must be PEM; the certificate that belongs to the key comes first, then its chain",
			"[http] tls_certificate_file and tls_key_file do not go together: %v", err)
	}
}

// checkSite tells what is wrong with the address of a site as browsers write it. The error is Invalid.
func checkSite(text string) error {
	if text == "*" {
		return fault.New(fault.Invalid, "* would let every page in the world use the API").WithHint("name the sites: https://host")
	}
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.User != nil || text != u.Scheme+"://"+strings.ToLower(u.Host) {
		return fault.New(fault.Invalid, "%q is not an origin", text).WithHint("write it as browsers do, in small letters and without a path: https://host or https://host:port")
	}
	if port := u.Port(); strings.HasSuffix(u.Host, ":") || u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80" {
		return fault.New(fault.Invalid, "%q is not an origin as browsers write it", text).WithHint("leave out the port that is usual")
	}
	return nil
}
