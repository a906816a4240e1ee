// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

const pem = "-----BEGIN CERTIFICATE-----\nMIIB\nAAAA\n-----END CERTIFICATE-----"

func TestSame(t *testing.T) {
	for _, test := range []struct {
		what       string
		field      string
		want, have any
		same       bool
	}{
		{"a number and its decimals", "sock_read_timeout", 120, 120.0, true},
		{"a wanted number with decimals", "sock_read_timeout", 120.0, float64(120), true},
		{"other numbers", "sock_read_timeout", 120, 120.5, false},
		{"a number and none", "sock_read_timeout", 0, nil, false},
		{"a number and its text", "sock_read_timeout", 120, "120", false},
		{"outer blanks", "url", " http://x/ \n", "http://x/", true},
		{"inner blanks", "components", "main  contrib", "main contrib", false},
		{"case", "url", "http://x/A", "http://x/a", false},
		{"null and absent", "proxy_url", nil, nil, true},
		{"empty and null", "description", "", nil, true},
		{"blanks and null", "description", "  ", nil, true},
		{"null and a text", "proxy_url", nil, "http://proxy/", false},
		{"true and false", "tls_validation", true, false, false},
		{"false and null", "tls_validation", false, nil, false},
		{"true and its text", "tls_validation", true, "true", false},
		{"lists", "headers", []string{"a"}, []any{"a"}, true},
		{"order in lists", "headers", []string{"a", "b"}, []any{"b", "a"}, false},
		{"objects", "repo_config", map[string]int{"gpgcheck": 1}, map[string]any{"gpgcheck": 1.0}, true},

		{"certificates", "ca_cert", pem, pem, true},
		{"a certificate with comments", "ca_cert", "# our root\nsubject=x\n" + pem + "\n", pem, true},
		{"a certificate with other line ends", "ca_cert", "-----BEGIN CERTIFICATE-----\r\nMIIB\r\nAAAA\r\n-----END CERTIFICATE-----\r\n", pem, true},
		{"a certificate with blank lines", "client_cert", "\n" + pem + "\n\n", pem, true},
		{"two certificates with words between", "ca_cert", pem + "\n# second\n" + pem, pem + "\n" + pem, true},
		{"one certificate and two", "ca_cert", pem + "\n" + pem, pem, false},
		{"other certificates", "ca_cert", pem, "-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----", false},
		{"a certificate and none", "ca_cert", pem, nil, false},
		{"no certificate at all is told by Pulp", "ca_cert", "garbage", nil, false},
		{"comments count elsewhere", "gpgkey", "# x\n" + pem, pem, false},
	} {
		if got := same(test.field, test.want, test.have); got != test.same {
			t.Errorf("%s: %v and %v are the same: %v", test.what, test.want, test.have, got)
		}
		if got := same(test.field, test.have, test.want); got != test.same {
			t.Errorf("%s, the other way round: %v", test.what, got)
		}
	}
}

func TestDiffering(t *testing.T) {
	want := map[string]any{"url": "http://two/", "proxy_url": nil, "policy": "immediate", "sock_read_timeout": 120, "ca_cert": nil}
	have := map[string]any{"url": "http://one/", "proxy_url": "http://proxy/", "policy": "immediate", "sock_read_timeout": 120.0, "gpgkey": "ours"}
	if diff := cmp.Diff(map[string]any{"url": "http://two/", "proxy_url": nil}, differing(want, have)); diff != "" {
		t.Error(diff)
	}
}
