// SPDX-License-Identifier: AGPL-3.0-or-later

package shell_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"consend/internal/ground/actor"
	"consend/internal/ground/fault"
	"consend/internal/web/shell"
)

// door knows one session, "good", of a viewer.
type door struct{}

func (door) Find(_ context.Context, token string) (shell.Member, error) {
	if token != "good" {
		return shell.Member{}, fault.New(fault.Refused, "shell.signed_out")
	}
	return shell.Member{ID: 1, Role: shell.Viewer, Account: shell.Account{ID: 7, Name: "Maison Exemple", Zone: time.UTC}}, nil
}

func serve(t *testing.T, secure bool, routes ...shell.Route) http.Handler {
	t.Helper()
	s, err := shell.New(shell.Options{Sessions: door{}, Secure: secure, Log: slog.New(slog.DiscardHandler), Clock: func() time.Time { return time.Unix(1_770_000_000, 0) }})
	if err != nil {
		t.Fatal(err)
	}
	h, err := s.Handler(routes)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func ask(h http.Handler, method, path, token string, header ...string) *httptest.ResponseRecorder {
	q := httptest.NewRequest(method, path, nil)
	if token != "" {
		q.AddCookie(&http.Cookie{Name: "consend", Value: token})
	}
	for i := 0; i+1 < len(header); i += 2 {
		q.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, q)
	return w
}

func said(r *shell.Request) error { _, err := io.WriteString(r.W, "acted"); return err }

func TestNobodyPassesTheAccessTable(t *testing.T) {
	h := serve(t, false,
		shell.Route{Method: "GET", Pattern: "/look", Permission: shell.ContactsRead, Handler: said},
		shell.Route{Method: "POST", Pattern: "/act", Permission: shell.ContactsWrite, Handler: said},
		shell.Route{Method: "POST", Pattern: "/seen", Permission: shell.MeWrite, Handler: said},
		shell.Route{Method: "POST", Pattern: "/u", Public: true, CrossSite: true, Handler: said})
	for _, x := range []struct {
		method, path, token string
		header              []string
		code                int
	}{
		{"GET", "/look", "", nil, http.StatusSeeOther}, // to the sign-in page
		{"GET", "/look", "forged", nil, http.StatusSeeOther},
		{"GET", "/look", "good", nil, http.StatusOK},
		{"POST", "/act", "", nil, http.StatusUnauthorized},
		{"POST", "/act", "good", nil, http.StatusForbidden}, // a viewer may not
		{"POST", "/seen", "good", []string{"Sec-Fetch-Site", "same-origin"}, http.StatusOK},
		{"POST", "/seen", "good", []string{"Sec-Fetch-Site", "cross-site"}, http.StatusForbidden},
		{"POST", "/seen", "good", []string{"Origin", "https://evil.example"}, http.StatusForbidden},
		{"POST", "/u", "", []string{"Sec-Fetch-Site", "cross-site"}, http.StatusOK}, // RFC 8058
		{"PUT", "/u", "", nil, http.StatusNotFound},
	} {
		w := ask(h, x.method, x.path, x.token, x.header...)
		if w.Code != x.code {
			t.Errorf("%s %s with %q %v: %d, want %d", x.method, x.path, x.token, x.header, w.Code, x.code)
		}
		if (x.code == http.StatusOK) != (w.Body.String() == "acted") {
			t.Errorf("%s %s with %q %v: the handler's part is wrong: %.40q", x.method, x.path, x.token, x.header, w.Body)
		}
	}
}

func TestEveryAnswerCarriesThePolicy(t *testing.T) {
	for _, secure := range []bool{false, true} {
		h := serve(t, secure, shell.Route{Method: "GET", Pattern: "/look", Permission: shell.ContactsRead, Handler: said},
			shell.Route{Method: "GET", Pattern: "/f", Public: true, Frame: shell.FrameAny, Handler: said})
		for path, referrer := range map[string]string{"/look": "same-origin", "/f": "no-referrer", "/none": "no-referrer"} {
			if !secure {
				referrer = "same-origin" // headers.go says why
			}
			w := ask(h, "GET", path, "good")
			csp := w.Header().Get("Content-Security-Policy")
			if !strings.HasPrefix(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
				t.Errorf("%s: policy %q", path, csp)
			}
			if w.Header().Get("X-Content-Type-Options") != "nosniff" || w.Header().Get("Referrer-Policy") != referrer {
				t.Errorf("%s, secure %v: %v", path, secure, w.Header())
			}
			if secure != (w.Header().Get("Strict-Transport-Security") != "") {
				t.Errorf("%s, secure %v: %v", path, secure, w.Header())
			}
			if framed := !strings.Contains(csp, "frame-ancestors 'none'"); framed != (path == "/f") {
				t.Errorf("%s: %q", path, csp)
			}
		}
	}
}

func TestOnlyATrustedProxyIsBelieved(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	for _, x := range []struct{ peer, forwarded, ip string }{
		{"192.0.2.1:99", "", "192.0.2.1"},
		{"192.0.2.1:99", "198.51.100.7", "192.0.2.1"}, // a stranger's word
		{"10.0.0.1:99", "198.51.100.7", "198.51.100.7"},
		{"10.0.0.1:99", "203.0.113.66, 198.51.100.7", "198.51.100.7"}, // the visitor wrote the first
		{"[2001:db8::1]:99", "", "2001:db8::1"},
	} {
		q := httptest.NewRequest("GET", "/", nil)
		q.RemoteAddr = x.peer
		if x.forwarded != "" {
			q.Header.Set("X-Forwarded-For", x.forwarded)
		}
		if ip, source := actor.From(q, trusted); ip.String() != x.ip {
			t.Errorf("peer %s, forwarded for %q: %s (%s), want %s", x.peer, x.forwarded, ip, source, x.ip)
		}
	}
}

func TestARedirectStaysOnOurOrigin(t *testing.T) {
	for to, want := range map[string]string{"/contacts?q=1": "/contacts?q=1", "//evil.example": "/", "https://evil.example": "/", `/\evil.example`: "/", "/a\r\nb": "/", "": "/"} {
		if got := shell.Local(to); got != want {
			t.Errorf("%q leads to %q, want %q", to, got, want)
		}
	}
}

// The code is drawn with its quiet zone, and the three finder patterns stand in their corners.
func TestACodeHasItsFinderPatterns(t *testing.T) {
	path, side, err := shell.QR("https://example.org/f/newsletter")
	if err != nil {
		t.Fatal(err)
	}
	dark := map[[2]int]bool{}
	for _, m := range regexp.MustCompile(`M(\d+) (\d+)h(\d+)v1h-(\d+)z`).FindAllStringSubmatch(path, -1) {
		x, _ := strconv.Atoi(m[1])
		y, _ := strconv.Atoi(m[2])
		n, _ := strconv.Atoi(m[3])
		if m[3] != m[4] {
			t.Fatalf("a path that does not close: %s", m[0])
		}
		for i := range n {
			dark[[2]int{x + i, y}] = true
		}
	}
	for _, corner := range [][2]int{{4, 4}, {side - 11, 4}, {4, side - 11}} {
		for i := range 7 {
			if !dark[[2]int{corner[0] + i, corner[1]}] || !dark[[2]int{corner[0], corner[1] + i}] || dark[[2]int{corner[0] + 1, corner[1] + 1}] {
				t.Fatalf("no finder pattern at %v", corner)
			}
		}
	}
	for i := range side {
		if dark[[2]int{i, 3}] || dark[[2]int{3, i}] || dark[[2]int{i, side - 4}] || dark[[2]int{side - 4, i}] {
			t.Fatal("the quiet zone is not quiet")
		}
	}
	if _, _, err := shell.QR(strings.Repeat("x", 5000)); err == nil {
		t.Fatal("5,000 characters fit into no code")
	}
}
