// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/api"
	"github.com/pulp/pulp-manager/internal/config"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/listen"
)

// certificateFiles makes a certificate for 127.0.0.1 that ends in so many days.
func certificateFiles(t *testing.T, dir string, days int) (certificate, key string, pool *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Duration(days) * 24 * time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	certificate, key = filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	for file, block := range map[string]*pem.Block{certificate: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool = x509.NewCertPool()
	pool.AddCert(parsed)
	return certificate, key, pool
}

// tlsOptions are a daemon's with the given [http] section.
func tlsOptions(t *testing.T, dir, section string) options {
	t.Helper()
	ini := filepath.Join(dir, "config.ini")
	if err := os.WriteFile(ini, []byte("[http]\n"+section), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv(config.EnvSkipSync, "1")
	return options{
		sources: config.Sources{ConfigPath: ini, DataDir: dir}, listen: "127.0.0.1:0", metricsListen: "127.0.0.1:0",
		logFormat: "text", logLevel: "error", drain: 10 * time.Second,
	}
}

// The daemon serves by TLS with the settings' certificate, and tells when it ends.
func TestServeTLS(t *testing.T) {
	dir := t.TempDir()
	certificate, key, pool := certificateFiles(t, dir, 3)
	d, err := openDaemon(t.Context(), tlsOptions(t, dir, "tls_certificate_file = "+certificate+"\ntls_key_file = "+key+"\n"), roles{true, true, true})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ready, ended := make(chan string, 1), make(chan error, 1)
	d.onReady = func(address string) { ready <- address }
	go func() { ended <- d.serve(ctx, roles{true, true, true}) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	var address string
	select {
	case address = <-ready:
	case err := <-ended:
		ended <- err
		t.Fatal("ended early")
	case <-time.After(30 * time.Second):
		t.Fatal("not ready")
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	answer, err := (&http.Client{Transport: transport, Timeout: 30 * time.Second}).Get("https://" + address + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var got api.Readiness
	if err := json.NewDecoder(answer.Body).Decode(&got); err != nil || answer.StatusCode != http.StatusOK || answer.ProtoMajor != 2 {
		t.Fatalf("answered %s %d, %v", answer.Proto, answer.StatusCode, err)
	}
	warned := false
	for _, check := range got.Checks {
		warned = warned || check.Name == "serving" && check.OK && strings.Contains(check.Warning, "expires on")
	}
	if !warned {
		t.Errorf("checks %+v", got.Checks)
	}
}

// A pair that is no good is a reason not to start.
func TestServeWithABadPair(t *testing.T) {
	dir := t.TempDir()
	certificate, _, _ := certificateFiles(t, dir, 300)
	o := tlsOptions(t, dir, "")
	o.tlsCert, o.tlsKey = certificate, certificate
	d, err := openDaemon(t.Context(), o, roles{true, true, true})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.serve(t.Context(), roles{true, true, true}); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "TLS certificate") {
		t.Errorf("serve = %v", err)
	}
}

func TestExposed(t *testing.T) {
	for name, test := range map[string]struct {
		listen, certificate string
		proxies             []string
		auth                config.Auth
		warned              bool
	}{
		"loopback":      {"127.0.0.1:8080", "", nil, config.Auth{RequireJWT: true}, false},
		"IPv6 loopback": {"[::1]:8080", "", nil, config.Auth{RequireJWT: true}, false},
		"everywhere":    {"0.0.0.0:8080", "", nil, config.Auth{RequireJWT: true}, true},
		"an address":    {"192.0.2.1:8080", "", nil, config.Auth{RequireJWT: true}, true},
		"no host":       {":8080", "", nil, config.Auth{RequireJWT: true}, true},
		"TLS":           {"0.0.0.0:8080", "tls.crt", nil, config.Auth{RequireJWT: true}, false},
		"a proxy":       {"0.0.0.0:8080", "", []string{"192.0.2.1"}, config.Auth{RequireJWT: true}, false},
		"no logins":     {"0.0.0.0:8080", "", nil, config.Auth{RequireJWT: false}, false},
		"method none":   {"0.0.0.0:8080", "", nil, config.Auth{RequireJWT: true, Method: config.MethodNone}, false},
	} {
		d := &daemon{options: options{listen: test.listen}, served: &listen.Server{CertificateFile: test.certificate}}
		d.current.Store(&config.Config{Settings: config.Settings{Auth: test.auth, HTTP: config.HTTP{TrustedProxies: test.proxies}}})
		if got := d.exposed(); (got != "") != test.warned {
			t.Errorf("%s: %q", name, got)
		}
	}
}
