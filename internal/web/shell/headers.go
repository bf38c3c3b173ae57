// SPDX-License-Identifier: AGPL-3.0-or-later

package shell

import "net/http"

// policy gives the Content-Security-Policy of a page. No inline script or style,
// nothing from other hosts: a page that needs more is wrong.
func policy(f Frame) string {
	ancestors := "'none'"
	switch f {
	case FrameOwn:
		ancestors = "'self'"
	case FrameAny:
		ancestors = "*"
	}
	return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
		"frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors " + ancestors
}

// mailPolicy is for showing the HTML of a mail in a frame of ours: no script, no
// forms, no foreign images (opening a preview must not tell anybody).
const mailPolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; " +
	"form-action 'none'; base-uri 'none'; frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"

func (s *Shell) headers(h http.Header, rt Route) {
	h.Set("Content-Security-Policy", policy(rt.Frame))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Robots-Tag", "noindex, nofollow")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "same-origin")
	if s.secure {
		h.Set("Strict-Transport-Security", "max-age=31536000")
		if rt.Public {
			// Tokens stand in public addresses. Only over HTTPS: with it browsers send
			// Sec-Fetch-Site; without it they'd send "Origin: null", and our own forms
			// would look cross-site. same-origin already keeps tokens from other sites.
			h.Set("Referrer-Policy", "no-referrer")
		}
	}
	if rt.Frame == FrameNone {
		h.Set("X-Frame-Options", "DENY")
	}
}
