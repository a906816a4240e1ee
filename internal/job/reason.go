// SPDX-License-Identifier: Apache-2.0

package job

import (
	"fmt"
	"strings"

	"github.com/pulp/pulp-manager/internal/pulp"
)

// class is what sort of reason a Pulp task failed for.
type class string

// The classes. Which reasons may pass is said of each reason.
const (
	classWorker   class = "worker"   // a Pulp worker died
	classServer   class = "server"   // the Pulp server itself: its database, its disk
	classUpstream class = "upstream" // upstream does not answer, or says itself that it cannot now
	classAddress  class = "address"  // the url leads to nothing, or to something else
	classLogin    class = "login"    // upstream wants another login
	classTLS      class = "tls"      // certificates
	classContent  class = "content"  // what upstream serves does not fit together
	classUnknown  class = "unknown"
)

// reason says what Pulp's words about a failed task mean.
type reason struct {
	text  string // occurs in them
	class class
	again bool // it may pass: the same is tried again after a while
	todo  string
}

const (
	todoBusy   = "upstream does not answer now, or is overloaded: try later, or tell whoever runs it"
	todoDown   = "the Pulp server cannot reach upstream: check address, proxy and firewall"
	todoCut    = "the connection to upstream broke: try later; if it stays so, look at the network and at proxies between"
	todoSlow   = "upstream is too slow: raise sock_read_timeout, or try later"
	todoTLS    = "TLS to upstream fails: check the certificates, or tls_validation"
	todoTrust  = "Pulp does not trust the upstream's certificate: give the definition its CA as ca_cert, or look at tls_validation"
	todoName   = "the name in the url is not known: check the url of the definition, or the name service of the Pulp server"
	todoURL    = "upstream does not have it: check the url of the definition"
	todoDiffer = "upstream serves a file that differs from what its metadata says: try later, or tell whoever runs it"
	todoKilled = "a Pulp worker's process was killed, perhaps for memory: see the server's log"
	todoDied   = "a Pulp worker died: see the server's log; the next run repeats it"
	todoData   = "the Pulp server's database failed: see its log"
)

// reasons are all that we know, for Pulp's words as seen with pulpcore 3.85 and 3.123: the first whose text occurs counts. The
// words are the same with the code that newer servers put before them and without it. A reason that is not here is not
// taken for one that may pass.
var reasons = []reason{
	{"Could not find a Release file", classAddress, false, "check the url and the suites (releases) of the definition"},
	{"Unable to verify any Release files", classContent, false, "the upstream's signature does not fit the remote's gpgkey: check both"},
	{"missing the required field", classAddress, false, "the url does not lead to a deb repository: check it"},
	{"Repository doesn't contain required metadata file", classAddress, false, "the url does not lead to an rpm repository: check it"},
	{"Parsing of the manifest file failed", classAddress, false, "the url does not lead to a PULP_MANIFEST: check it"},
	{"failed validation due to checksum", classContent, false, todoDiffer},
	{"failed validation due to size", classContent, false, todoDiffer},
	{"unexpected EOF", classContent, false, "the remote's gpgkey cannot be read: check it"},
	{"No space left", classServer, false, "the Pulp server's disk is full"},
	{"Request timed out", classUpstream, true, todoSlow},
	{"Connection timeout to host", classUpstream, true, todoDown},
	{"Timeout on reading data", classUpstream, true, todoSlow},
	{"is not https scheme", classAddress, false, "pulp_python before 3.26.1 syncs by https only: give the definition a url with https, or the primary that it is mirrored from a mirror_url with https, or update Pulp"},
	{"CERTIFICATE_VERIFY_FAILED", classTLS, false, todoTrust},
	{"[SSL", classTLS, false, todoTLS},
	{"SSLError", classTLS, false, todoTLS},
	{"404, message", classAddress, false, todoURL},
	{"410, message", classAddress, false, todoURL},
	{"401, message", classLogin, false, "upstream wants a login: check the remote's credentials"},
	{"403, message", classLogin, false, "upstream refuses: check the remote's credentials or certificates"},
	{"407, message", classLogin, false, "the proxy wants a login: check the remote's proxy_username and proxy_password"},
	{"408, message", classUpstream, true, todoBusy},
	{"429, message", classUpstream, true, todoBusy},
	{"500, message", classUpstream, true, todoBusy},
	{"502, message", classUpstream, true, todoBusy},
	{"503, message", classUpstream, true, todoBusy},
	{"504, message", classUpstream, true, todoBusy},
	{"Temporary failure in name resolution", classUpstream, true, todoName},
	{"Name or service not known", classAddress, false, todoName},
	{"No address associated with hostname", classAddress, false, todoName},
	{"Cannot connect to host", classUpstream, true, todoDown},
	{"Response payload is not completed", classUpstream, true, todoCut},
	{"Connection reset by peer", classUpstream, true, todoCut},
	{"Server disconnected", classUpstream, true, todoCut},
	{"not supported", classAddress, false, "Pulp cannot read such a url: check the definition"},
	{"Worker has gone missing", classWorker, true, todoDied},
	{"Killed by signal", classWorker, true, todoKilled},
	{"process died unexpectedly", classWorker, true, todoKilled},
	{"Aborted during worker shutdown", classWorker, true, "the Pulp server was stopped meanwhile: the next run repeats it"},
	{"server closed the connection unexpectedly", classServer, true, todoData},
	{"connection to server at", classServer, true, todoData},
	{"deadlock detected", classServer, true, todoData},
}

// reasonOf gives what is known about why a Pulp task failed.
func reasonOf(t *pulp.Task) reason {
	for _, r := range reasons {
		if strings.Contains(t.Reason, r.text) {
			return r
		}
	}
	return reason{class: classUnknown, todo: fmt.Sprintf("see Pulp task %s and the server's log (correlation id %s)", t.Href, t.Correlation)}
}
