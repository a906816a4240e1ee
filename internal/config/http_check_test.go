// SPDX-License-Identifier: Apache-2.0

package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// pairIn writes a certificate and its key into a folder.
func pairIn(t *testing.T, dir, name string) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	certificate, key = filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key")
	for file, block := range map[string]*pem.Block{certificate: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certificate, key
}

func TestHTTPSettings(t *testing.T) {
	dir := t.TempDir()
	file, key := pairIn(t, dir, "a")
	_, other := pairIn(t, dir, "b")
	const together = " (both must be PEM; the certificate that belongs to the key comes first, then its chain)"
	for _, c := range []struct {
		text string // below [http]
		want []string
	}{
		{"", nil},
		{"tls_certificate_file = " + file + "\ntls_key_file = " + key, nil},
		{"tls_certificate_file = " + file, []string{"config.ini:2: [http] tls_key_file is missing (give both, or none)"}},
		{"tls_key_file = " + key, []string{"config.ini:2: [http] tls_certificate_file is missing (give both, or none)"}},
		{"tls_certificate_file = " + file + "\ntls_key_file = /nonexistent/key", []string{
			"config.ini:3: [http] tls_key_file: /nonexistent/key cannot be read: no such file or directory (correct the path, or let the user that pulp-manager runs as read it)",
		}},
		{"tls_certificate_file = " + file + "\ntls_key_file = " + other, []string{
			"config.ini:2: [http] tls_certificate_file and tls_key_file do not go together: tls: private key does not match public key" + together,
		}},
		{"trusted_proxies = 192.0.2.1, 10.0.0.0/8, 2001:db8::/32, ::1", nil},
		{"trusted_proxies = proxy.example.com, 10.0.0.0/33, 0.0.0.0/0, fe80::1%%eth0", []string{
			`config.ini:2: [http] trusted_proxies: "proxy.example.com" is not an address or a network (write it as 192.0.2.1 or 192.0.2.0/24)`,
			`config.ini:2: [http] trusted_proxies: "10.0.0.0/33" is not an address or a network (write it as 192.0.2.1 or 192.0.2.0/24)`,
			`config.ini:2: [http] trusted_proxies: 0.0.0.0/0 would believe everybody (name the addresses of your proxies)`,
			`config.ini:2: [http] trusted_proxies: "fe80::1%eth0" is not an address or a network (write it as 192.0.2.1 or 192.0.2.0/24)`,
		}},
		{"cors_origins = https://ui.example.com, http://localhost:3000, https://[2001:db8::1]:8443", nil},
		{"cors_origins = *, https://ui.example.com:443", []string{
			"config.ini:2: [http] cors_origins: * would let every page in the world use the API (name the sites: https://host)",
			`config.ini:2: [http] cors_origins: "https://ui.example.com:443" is not an origin as browsers write it (leave out the port that is usual)`,
		}},
		{"max_requests = 0\nrequest_timeout = 0", []string{
			`config.ini:2: [http] max_requests is "0", not a whole number from 1 to 100000`,
			`config.ini:3: [http] request_timeout is "0", not a number of seconds more than 0`,
		}},
	} {
		r := &report{file: "config.ini"}
		settings, from := readSettings(parseINI("[http]\n"+c.text+"\n", r), r)
		checkPairFiles(settings.HTTP, from, r)
		var got []string
		for _, p := range r.problems {
			got = append(got, p.String())
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s\n%s", c.text, diff)
		}
	}
	for _, bad := range []string{
		"null", "ui.example.com", "https://", "https://ui.example.com/", "https://UI.example.com", "HTTPS://ui.example.com", "ftp://ui.example.com", "https://user@ui.example.com",
		"https://ui.example.com?", "https://ui.example.com#", "https://*.example.com:x", "http://ui.example.com:80", "https://ui.example.com:",
	} {
		if checkSite(bad) == nil {
			t.Errorf("%q is taken for an origin", bad)
		}
	}
}

// A daemon that runs takes its settings also while the certificate's files are being changed; `config check` tells.
func TestPairWhileItChanges(t *testing.T) {
	dir := t.TempDir()
	file, _ := pairIn(t, dir, "a")
	_, other := pairIn(t, dir, "b")
	f := newFiles(t, smallINI+"[http]\ntls_certificate_file = "+file+"\ntls_key_file = "+other+"\n", smallYAML)
	if c, err := Load(f.sources()); err != nil || c.Settings.HTTP.KeyFile != other {
		t.Errorf("Load = %v", err)
	}
	if problems := Check(f.sources()); !problems.Fatal() || !strings.Contains(problems.String(), "do not go together") {
		t.Errorf("Check = %s", problems)
	}
}

func TestProxies(t *testing.T) {
	got, err := HTTP{TrustedProxies: []string{"192.0.2.1", "10.1.2.3/8", "::ffff:192.0.2.2", "2001:db8::1"}}.Proxies()
	if want := "[192.0.2.1/32 10.0.0.0/8 192.0.2.2/32 2001:db8::1/128]"; err != nil || fmt.Sprint(got) != want {
		t.Errorf("Proxies = %v, %v; want %s", got, err, want)
	}
}
