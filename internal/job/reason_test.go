// SPDX-License-Identifier: Apache-2.0

package job

import (
	"strings"
	"testing"

	"github.com/pulp/pulp-manager/internal/pulp"
)

// TestReasons: what Pulp's words mean: their class, whether the same may work after a while, and what to do. All but those
// marked were seen on real servers.
func TestReasons(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		words string
		class class
		again bool
		todo  string
	}{
		{"404, message='Not Found', url='http://x'", classAddress, false, "does not have it"},
		{"401, message='Unauthorized', url='http://x'", classLogin, false, "credentials"},
		{"403, message='Forbidden', url='http://x'", classLogin, false, "credentials"},
		{"500, message='Internal Server Error', url='http://x'", classUpstream, true, "try later"},
		{"502, message='Bad Gateway', url='http://x'", classUpstream, true, "try later"},
		{"503, message='Service Unavailable', url='http://127.0.0.1:404/x'", classUpstream, true, "try later"},
		{"429, message='Too Many Requests', url='http://x'", classUpstream, true, "try later"}, // not seen
		{"Cannot connect to host 127.0.0.1:1 ssl:default [Connect call failed ('127.0.0.1', 1)]", classUpstream, true, "proxy and firewall"},
		{"Cannot connect to host no.such:80 ssl:default [Name or service not known]", classAddress, false, "name"},
		{"Cannot connect to host up:80 ssl:default [Temporary failure in name resolution]", classUpstream, true, "name"}, // not seen
		{"Cannot connect to host localhost:4040 ssl:True [SSLCertVerificationError: (1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: unable to get local issuer certificate (_ssl.c:1006)')]", classTLS, false, "ca_cert"},
		{"Cannot connect to host localhost:4040 ssl:default [[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)]", classTLS, false, "TLS to upstream"},
		{"[PLP0005] Request timed out for http://x. Increasing the total_timeout value on the remote might help.", classUpstream, true, "sock_read_timeout"},
		{"[PLP0003] A file located at the url x failed validation due to checksum. Expected 'a', Actual 'b'", classContent, false, "differs"},
		{"A file located at the url x failed validation due to checksum.", classContent, false, "differs"},
		{"Response payload is not completed: <ContentLengthError: 400, message='Not enough data'>", classUpstream, true, "connection"},
		{"Error: Parsing of the manifest file failed on line:1. Invalid line", classAddress, false, "PULP_MANIFEST"},
		{"[DEB0001] Could not find a Release file at 'http://x/dists/nosuch', try checking the url", classAddress, false, "suites"},
		{"[DEB0004] The release file is missing the required field 'Components'.", classAddress, false, "deb repository"},
		{"[DEB0002] Unable to verify any Release files from 'x'", classContent, false, "gpgkey"},
		{"Unable to verify any Release files from 'x'", classContent, false, "gpgkey"},
		{"[RPM0016] Repository doesn't contain required metadata file 'primary.xml'", classAddress, false, "rpm repository"},
		{"404, message='Not Found', url='http://x/simple/'", classAddress, false, "url"},
		{"404, message='Not Found', url='http://x/v2/no/such/tags/list'", classAddress, false, "url"},
		{"URL: notaurl not supported.", classAddress, false, "definition"},
		{"unexpected EOF", classContent, false, "gpgkey"},
		{"Master URL http://127.0.0.1:404/x is not https scheme", classAddress, false, "mirror_url with https"},
		{"Worker has gone missing.", classWorker, true, "next run"},
		{"Killed by signal 9.", classWorker, true, "memory"},
		{"Aborted during worker shutdown.", classWorker, true, "stopped"},                                 // not seen
		{"[Errno 28] No space left on device: '/var/lib/pulp/tmp/x'", classServer, false, "disk is full"}, // not seen
		{"server closed the connection unexpectedly", classServer, true, "database"},                      // not seen
		{"{'base_path': [ErrorDetail(string='This field must be unique.', code='unique')]}", classUnknown, false, "correlation id abc"},
		{"never seen", classUnknown, false, "correlation id abc"},
		{"", classUnknown, false, "correlation id abc"},
	} {
		got := reasonOf(&pulp.Task{Reason: c.words, Href: "/pulp/api/v3/tasks/1/", Correlation: "abc"})
		if got.class != c.class || got.again != c.again || !strings.Contains(got.todo, c.todo) {
			t.Errorf("%q: %s, again %v, %q", c.words, got.class, got.again, got.todo)
		}
	}
}

// TestReasonsAreSound: none is hidden by one before it, and each says what to do.
func TestReasonsAreSound(t *testing.T) {
	t.Parallel()
	for i, r := range reasons {
		if got := reasonOf(&pulp.Task{Reason: r.text}); got != r {
			t.Errorf("reason %d, %q, is hidden by %q", i, r.text, got.text)
		}
		if r.todo == "" || r.class == "" || r.class == classUnknown {
			t.Errorf("%q: %s %q", r.text, r.class, r.todo)
		}
	}
}
