// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

func networks(texts ...string) []netip.Prefix {
	var all []netip.Prefix
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

func TestTrustedProxies(t *testing.T) {
	s := &Server{TrustedProxies: networks("10.0.0.0/24", "fd00::/64")}
	seen := ""
	h := s.believe(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		seen = fmt.Sprintf("%s %v", addressOf(r.RemoteAddr), IsHTTPS(r))
		for _, name := range hearsay {
			if r.Header.Get(name) != "" {
				t.Errorf("%s is left: %q", name, r.Header.Values(name))
			}
		}
	}))
	for _, test := range []struct {
		name, peer string
		headers    []string
		want       string
	}{
		{"no proxy", "192.0.2.1:7", nil, "192.0.2.1 false"},
		{"a client that makes itself another", "192.0.2.1:7", []string{"X-Forwarded-For", "10.0.0.9", "X-Real-IP", "10.0.0.9", "X-Forwarded-Proto", "https", "Forwarded", "for=10.0.0.9;proto=https"}, "192.0.2.1 false"},
		{"one proxy", "10.0.0.1:7", []string{"X-Forwarded-For", "192.0.2.1", "X-Forwarded-Proto", "https"}, "192.0.2.1 true"},
		{"plain to the proxy", "10.0.0.1:7", []string{"X-Forwarded-For", "192.0.2.1", "X-Forwarded-Proto", "http"}, "192.0.2.1 false"},
		{"a client that lies to the proxy", "10.0.0.1:7", []string{"X-Forwarded-For", "203.0.113.5, 192.0.2.1"}, "192.0.2.1 false"},
		{"that lies in a line of its own", "10.0.0.1:7", []string{"X-Forwarded-For", "203.0.113.5", "X-Forwarded-For", "192.0.2.1"}, "192.0.2.1 false"},
		{"that says it were a proxy", "10.0.0.1:7", []string{"X-Forwarded-For", "10.0.0.5, 192.0.2.1"}, "192.0.2.1 false"},
		{"that lies about TLS", "10.0.0.1:7", []string{"X-Forwarded-Proto", "https", "X-Forwarded-Proto", "http"}, "10.0.0.1 false"},
		{"two proxies", "10.0.0.1:7", []string{"X-Forwarded-For", "203.0.113.5, 192.0.2.1, 10.0.0.2"}, "192.0.2.1 false"},
		{"proxies only", "10.0.0.1:7", []string{"X-Forwarded-For", "10.0.0.3, 10.0.0.2"}, "10.0.0.3 false"},
		{"with ports", "10.0.0.1:7", []string{"X-Forwarded-For", "192.0.2.1:4711"}, "192.0.2.1 false"},
		{"IPv6", "[fd00::1]:7", []string{"X-Forwarded-For", "2001:db8::1"}, "2001:db8::1 false"},
		{"IPv6 with a port", "[fd00::1]:7", []string{"X-Forwarded-For", "[2001:db8::1]:99"}, "2001:db8::1 false"},
		{"IPv4 in IPv6", "[::ffff:10.0.0.1]:7", []string{"X-Forwarded-For", "::ffff:192.0.2.1"}, "192.0.2.1 false"},
		{"nonsense", "10.0.0.1:7", []string{"X-Forwarded-For", "203.0.113.5, <script>"}, "10.0.0.1 false"},
		{"unknown before the proxy", "10.0.0.1:7", []string{"X-Forwarded-For", "unknown, 10.0.0.2"}, "10.0.0.2 false"},
		{"empty", "10.0.0.1:7", []string{"X-Forwarded-For", ""}, "10.0.0.1 false"},
		{"Forwarded", "10.0.0.1:7", []string{"Forwarded", `for=203.0.113.5, For="[2001:db8::1]:47";proto=https;by=10.0.0.1`}, "2001:db8::1 true"},
		{"Forwarded beside the older one", "10.0.0.1:7", []string{"X-Forwarded-For", "192.0.2.1", "Forwarded", "for=203.0.113.5;proto=https"}, "192.0.2.1 false"},
		{"Forwarded, hidden", "10.0.0.1:7", []string{"Forwarded", "for=_hidden"}, "10.0.0.1 false"},
		{"X-Real-IP", "10.0.0.1:7", []string{"X-Real-IP", "192.0.2.1"}, "192.0.2.1 false"},
		{"X-Real-IP beside the other", "10.0.0.1:7", []string{"X-Real-IP", "203.0.113.5", "X-Forwarded-For", "192.0.2.1"}, "192.0.2.1 false"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.RemoteAddr = test.peer
			for i := 0; i+1 < len(test.headers); i += 2 {
				r.Header.Add(test.headers[i], test.headers[i+1])
			}
			if h.ServeHTTP(httptest.NewRecorder(), r); seen != test.want {
				t.Errorf("taken for %s, want %s", seen, test.want)
			}
		})
	}
}

func TestForwarded(t *testing.T) {
	for text, want := range map[string]string{
		"":                             `[]`,
		"for=192.0.2.1":                `["192.0.2.1 "]`,
		"FOR=192.0.2.1;Proto=https":    `["192.0.2.1 https"]`,
		`for="192.0.2.1:80" ; proto=h`: `["192.0.2.1 h"]`,
		`for="[::1]",for=b`:            `["::1 " "invalid IP "]`,
		`by="a,b;for=1\"";for=1.2.3.4`: `["1.2.3.4 "]`,
		`for="192.0.2.1`:               `[]`,
		"for=":                         `[]`,
		"for":                          `[]`,
		"=x":                           `[]`,
		"for=192.0.2.1,":               `[]`,
		"for=192.0.2.1 proto=https":    `[]`,
		`for=192.0.2.1"x`:              `[]`,
		"for=1.1.1.1;for=2.2.2.2":      `["2.2.2.2 "]`,
		"a b=c":                        `[]`,
		strings.Repeat("for=1.2.3.4,", 3) + "for=4.3.2.1": `["1.2.3.4 " "1.2.3.4 " "1.2.3.4 " "4.3.2.1 "]`,
	} {
		shown := []string{}
		for _, h := range forwarded(text) {
			shown = append(shown, h.client.String()+" "+h.proto)
		}
		if got := fmt.Sprintf("%q", shown); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

// Whatever a client writes, a request is never taken for one from a client before a hop that is not trusted.
func FuzzForwarded(f *testing.F) {
	for _, seed := range []string{`for=1.2.3.4;proto=https`, `for="[::1]:80", for=x`, `a="\\";b`, ",,;=\"", "1.2.3.4, ::1"} {
		f.Add(seed)
	}
	s := &Server{TrustedProxies: networks("10.0.0.0/24")}
	peer, honest := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("192.0.2.1")
	f.Fuzz(func(t *testing.T, text string) {
		forwarded(text)
		hopsOf(text)
		if client, _ := s.clientOf(peer, http.Header{"X-Forwarded-For": {text, honest.String()}, "Forwarded": {text}, "X-Real-Ip": {text}}); client != honest {
			t.Errorf("%q: taken for %s", text, client)
		}
		if hops := forwarded(text + ",for=192.0.2.1"); len(hops) > 0 {
			if client, _ := s.clientOf(peer, http.Header{"Forwarded": {text, "for=192.0.2.1"}}); client != honest {
				t.Errorf("Forwarded %q: taken for %s", text, client)
			}
		}
	})
}
