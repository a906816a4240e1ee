// SPDX-License-Identifier: Apache-2.0

package vault_test

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/vault"
)

// A redirect is told, not followed: the token stays with the server that it is for.
func TestRedirect(t *testing.T) {
	other := server()
	to := other.Start(t)
	for _, login := range []vault.Login{appRole, {}} {
		fake := server()
		fake.Agent = login.Method == ""
		c := connect(t, fake.Start(t), login, all)
		if login.Method != "" {
			read(t, c, ref, "hunter2")
		}
		fake.Answer(func(w http.ResponseWriter, r *http.Request) bool {
			if strings.HasPrefix(r.URL.Path, "/v1/kv/") {
				http.Redirect(w, r, to+r.URL.Path, http.StatusTemporaryRedirect)
				return true
			}
			return false
		})
		_, err := c.Secret(t.Context(), ref)
		if !fault.Is(err, fault.Invalid) || !strings.Contains(fault.Message(err), "redirected to "+to) || !strings.Contains(fault.Hint(err), "vault_addr") {
			t.Errorf("%v (%s)", err, fault.Hint(err))
		}
	}
	if n := len(other.Asked("")); n != 0 {
		t.Errorf("%d requests went to the other host", n)
	}
}

// TLS with a company's own CA.
func TestPrivateCA(t *testing.T) {
	fake := server()
	srv := httptest.NewTLSServer(fake)
	t.Cleanup(srv.Close)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})
	read(t, connect(t, srv.URL, appRole, all, func(cfg *vault.Config) { cfg.CA = ca }), ref, "hunter2")
	_, err := connect(t, srv.URL, appRole, all).Secret(t.Context(), ref)
	if !fault.Is(err, fault.Unavailable) || !strings.Contains(fault.Message(err), "certificate") || !strings.Contains(fault.Hint(err), "ca_file") {
		t.Errorf("%v (%s)", err, fault.Hint(err))
	}
	if _, err := vault.New(vault.Config{Addr: srv.URL, CA: []byte("none")}); !fault.Is(err, fault.Invalid) || !strings.Contains(fault.Hint(err), "ca_file") {
		t.Errorf("%v", err)
	}
}

// The environment's variables of Vault's own tools do not reach us.
func TestEnvironmentDoesNotCount(t *testing.T) {
	t.Setenv("VAULT_TOKEN", "hvs.mine")
	t.Setenv("VAULT_NAMESPACE", "mine")
	t.Setenv("VAULT_ADDR", "http://127.0.0.1:1")
	t.Setenv("BAO_TOKEN", "hvs.mine")
	fake := server()
	fake.Agent = true
	read(t, connect(t, fake.Start(t), vault.Login{}, nil), ref, "hunter2")
	for _, r := range fake.Asked("") {
		if r.Token != "" || r.Namespace != "" {
			t.Errorf("%+v", r)
		}
	}
}
