// SPDX-License-Identifier: AGPL-3.0-or-later

package actor

import (
	"net/http"
	"net/netip"
	"strconv"
	"strings"
)

// The sources of a client address; "trusted_hop:n" names the n-th forwarder, counted from us.
const (
	SourceDirect    = "direct"          // the connection's own address, nothing forwarded
	SourceUntrusted = "proxy_untrusted" // somebody forwards, but nobody told us to trust it: the address is the proxy's
)

// From gives the visitor's address and how we know it. X-Forwarded-For is read
// from the right and only as far as the hops are configured as trusted; what stands
// further left is the visitor's own word and proves nothing. A consent proof keeps
// both values, so that a proxy's address is never passed off as a person's.
func From(r *http.Request, trusted []netip.Prefix) (netip.Addr, string) {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}, SourceDirect // a unix socket
	}
	peer := ap.Addr().Unmap().WithZone("")
	var hops []string
	for _, h := range r.Header.Values("X-Forwarded-For") {
		hops = append(hops, strings.Split(h, ",")...)
	}
	if !trusts(trusted, peer) {
		if len(hops) > 0 || r.Header.Get("Forwarded") != "" || r.Header.Get("X-Real-Ip") != "" {
			return peer, SourceUntrusted
		}
		return peer, SourceDirect
	}
	addr, source := peer, SourceDirect
	for n := 1; len(hops) >= n; n++ {
		next, ok := parseHop(hops[len(hops)-n])
		if !ok {
			break
		}
		addr, source = next, "trusted_hop:"+strconv.Itoa(n)
		if !trusts(trusted, next) {
			break
		}
	}
	return addr, source
}

func parseHop(s string) (netip.Addr, bool) {
	s = strings.TrimSpace(s)
	if a, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return a.Unmap().WithZone(""), true
	}
	if ap, err := netip.ParseAddrPort(s); err == nil { // some proxies add the port
		return ap.Addr().Unmap().WithZone(""), true
	}
	return netip.Addr{}, false
}

func trusts(trusted []netip.Prefix, a netip.Addr) bool {
	for _, p := range trusted {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
