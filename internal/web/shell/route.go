// SPDX-License-Identifier: AGPL-3.0-or-later

package shell

import (
	"fmt"
	"net/http"
	"strings"
)

// Route is one line of the access table: what can be asked, by whom, and what it
// leaves in the trace. Tests are generated from it (role × route, foreign account,
// POST moves the trace), so it must tell the truth.
type Route struct {
	Method     string     // GET or POST. GET also answers HEAD and changes nothing anybody decided.
	Pattern    string     // as http.ServeMux has it, without the method: "/contacts/{id}"
	Permission Permission // empty only when Public
	Shows      string     // ShowsPerson when the page shows people, else ""
	Trace      []string   // actions a POST appends to the trace, such as "contact.correct"
	Public     bool       // for people without a session: no account is known before the handler binds one
	CrossSite  bool       // takes POSTs from other sites: plain HTML forms, RFC 8058 one-click
	Frame      Frame      // who may show the page in a frame
	Body       int64      // most bytes of a request body; 0 means 1 MiB
	Handler    func(*Request) error
}

// ShowsPerson is the value of Route.Shows for pages that show people.
const ShowsPerson = "person"

// Frame says who may show a page in a frame (CSP frame-ancestors).
type Frame string

// Who may frame a page.
const (
	FrameNone Frame = ""    // nobody
	FrameOwn  Frame = "own" // our own pages: mail previews
	FrameAny  Frame = "any" // any site: sign-up forms
)

const defaultBody = 1 << 20

// check refuses a table that can't be right, at start and in tests.
func (rt Route) check() error {
	at := rt.Method + " " + rt.Pattern
	switch {
	case rt.Method != http.MethodGet && rt.Method != http.MethodPost:
		return fmt.Errorf("route %s: only GET and POST", at)
	case !strings.HasPrefix(rt.Pattern, "/"):
		return fmt.Errorf("route %s: the pattern begins with /", at)
	case rt.Handler == nil:
		return fmt.Errorf("route %s: no handler", at)
	case rt.Public && rt.Permission != "":
		return fmt.Errorf("route %s: a public route has no permission", at)
	case !rt.Public && !rt.Permission.Known():
		return fmt.Errorf("route %s: unknown permission %q", at, rt.Permission)
	case rt.Shows != "" && rt.Shows != ShowsPerson:
		return fmt.Errorf("route %s: shows %q", at, rt.Shows)
	case rt.CrossSite && (!rt.Public || rt.Method != http.MethodPost):
		return fmt.Errorf("route %s: only a public POST may come from other sites", at)
	case rt.Frame == FrameAny && !rt.Public:
		return fmt.Errorf("route %s: a member's page is never framed by others", at)
	case rt.Method == http.MethodGet && len(rt.Trace) > 0:
		return fmt.Errorf("route %s: GET changes nothing, so it traces no act", at)
	}
	return nil
}
