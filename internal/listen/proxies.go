// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

type httpsKey struct{}

// IsHTTPS tells whether the client speaks TLS: to us, or to a proxy that is trusted.
func IsHTTPS(r *http.Request) bool {
	said, _ := r.Context().Value(httpsKey{}).(bool)
	return r.TLS != nil || said
}

// OverHTTPS gives a request whose client speaks TLS to a trusted proxy before us.
func OverHTTPS(r *http.Request) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), httpsKey{}, true))
}

// hearsay are the headers in which proxies tell of the client. Nobody else may.
var hearsay = []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Prefix", "X-Real-Ip"}

// believe puts the client's address in place of a trusted proxy's, and remembers whether the client spoke TLS. What
// anybody else says about it is taken out of the request.
func (s *Server) believe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if peer := addressOf(r.RemoteAddr); s.trusts(peer) {
			from, https := s.clientOf(peer, r.Header)
			if https {
				r = OverHTTPS(r)
			}
			if from != peer {
				r.RemoteAddr = net.JoinHostPort(from.String(), "0") // nobody tells the port
			}
		}
		for _, name := range hearsay {
			r.Header.Del(name)
		}
		next.ServeHTTP(w, r)
	})
}

// trusts tells whether an address is a trusted proxy's.
func (s *Server) trusts(address netip.Addr) bool {
	return slices.ContainsFunc(s.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(address) })
}

// clientOf reads what a proxy says: X-Forwarded-For and X-Forwarded-Proto; without the first, Forwarded; without
// either, X-Real-IP. A list grows at its end, so the client is the last one in it that is no proxy of ours: what
// stands before was said by the client itself.
func (s *Server) clientOf(peer netip.Addr, h http.Header) (client netip.Addr, https bool) {
	hops := hopsOf(strings.Join(h.Values("X-Forwarded-For"), ","))
	if len(hops) == 0 {
		hops = forwarded(strings.Join(h.Values("Forwarded"), ","))
	}
	if real := h.Get("X-Real-Ip"); len(hops) == 0 && real != "" {
		hops = hopsOf(real)
	}
	proto := ""
	if len(hops) > 0 {
		proto = hops[len(hops)-1].proto
	}
	if said := h.Values("X-Forwarded-Proto"); len(said) > 0 {
		proto = said[len(said)-1]
		proto = strings.TrimSpace(proto[strings.LastIndexByte(proto, ',')+1:])
	}
	client = peer
	for _, hop := range slices.Backward(hops) {
		if !hop.client.IsValid() {
			break // "unknown", or nonsense: only that proxy knows
		}
		client = hop.client
		if !s.trusts(client) {
			break
		}
	}
	return client, strings.EqualFold(proto, "https")
}

// hop is one step of a request's way.
type hop struct {
	client netip.Addr // who came to the proxy; not valid: it does not tell
	proto  string     // how
}

// hopsOf reads a list of addresses.
func hopsOf(list string) []hop {
	if strings.TrimSpace(list) == "" {
		return nil
	}
	var hops []hop
	for part := range strings.SplitSeq(list, ",") {
		hops = append(hops, hop{client: node(strings.TrimSpace(part))})
	}
	return hops
}

// node reads an address with or without a port; an IPv6 one may stand in brackets.
func node(text string) netip.Addr {
	if at, err := netip.ParseAddrPort(text); err == nil {
		return at.Addr().Unmap().WithZone("")
	}
	if inner, ok := strings.CutPrefix(text, "["); ok {
		text, _ = strings.CutSuffix(inner, "]")
	}
	address, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Addr{}
	}
	return address.Unmap().WithZone("")
}
