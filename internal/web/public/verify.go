// SPDX-License-Identifier: AGPL-3.0-or-later

package public

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"consend/internal/ground/actor"
	"consend/internal/ground/budget"
	"consend/internal/ground/fault"
	"consend/internal/ground/store"
	"consend/internal/keys"
	"consend/internal/trace/proof"
	"consend/internal/web/shell"
)

// The page where anybody has a proof checked (compliance L18). Nothing of what is handed in is
// kept: it is read in memory, checked by what consend-verify is made of, and let go. Who wants
// to trust nobody takes that program, and the page says how.

// The most a stranger has checked here; what is larger, consend-verify checks.
const (
	mostChecked  = 16 << 20
	mostUnpacked = 256 << 20
	mostAtOnce   = 4 // hold a file in memory; the next is asked to come back
)

var (
	verifyNetwork = budget.Limit{Name: "verify.network", Max: 30, Per: 10 * time.Minute}
	verifyHouse   = budget.Limit{Name: "verify.house", Max: 600, Per: 10 * time.Minute}
)

// checked is what was found.
type checked struct {
	report  proof.Report
	bundle  bool
	closed  bool   // encrypted: nothing can be said of it
	foreign bool   // signed by another key than this installation's
	bad     string // why it is forged or damaged, in the words of the program
	why     proof.Cause
}

func (p *Pages) verify(r *shell.Request) error {
	return r.Render(ok, verifyPage(r, p.Log.Key(), shell.NewForm()))
}

func (p *Pages) verifyPost(r *shell.Request) error {
	if p.checking.Add(1) > mostAtOnce {
		p.checking.Add(-1)
		return fault.New(fault.Busy, "web_verify.busy")
	}
	defer p.checking.Add(-1)
	counter := actor.System("web.verify") // a stranger of no account
	if err := p.DB.Write(r.Context(), counter, func(tx *store.Tx) error { return p.spend(tx, r) }); err != nil {
		return err
	}
	f, err := r.Form(mostChecked)
	if err != nil {
		return err
	}
	b, err := handed(f)
	if err != nil {
		return err
	}
	if !f.OK() {
		return r.Render(422, verifyPage(r, p.Log.Key(), f))
	}
	c, err := p.check(r, b)
	if err != nil {
		return err
	}
	return r.Render(ok, verifiedPage(r, c, p.Log.Key()))
}

// handed is what was handed in: a file, or the text of a proof, which ends as its file does.
func handed(f *shell.Form) ([]byte, error) {
	h, text := f.File("file"), f.Get("text")
	switch {
	case h != nil && text != "":
		f.Fail("text", "web_verify.both")
	case h != nil:
		file, err := h.Open()
		if err != nil {
			return nil, err
		}
		defer file.Close()
		return io.ReadAll(file)
	case text == "":
		f.Fail("file", "web_verify.none")
	}
	return []byte(text + "\n"), nil
}

// spend counts the check. Behind a proxy that isn't trusted all have one address.
func (p *Pages) spend(tx *store.Tx, r *shell.Request) error {
	key, err := p.Ring.MAC(keys.Installation, "budget")
	if err != nil {
		return err
	}
	charges := []budget.Charge{verifyHouse.For("")}
	if o := origin(r); !o.IP.IsZero() && !strings.HasPrefix(o.Source, "proxy_untrusted") {
		charges = append(charges, verifyNetwork.For(o.IP.Truncated()))
	}
	return budget.Spend(tx, key, charges...)
}

// check holds a file against this installation's key, and a proof's log against the log as it
// stands now.
func (p *Pages) check(r *shell.Request, b []byte) (c checked, err error) {
	own := p.Log.Key()
	if c.closed = proof.IsClosed(b); c.closed {
		return c, nil
	}
	if proof.IsBundle(b) {
		c.bundle = true
		key, against := own, []byte(nil)
		if l, ok := proof.BundleLog(bytes.NewReader(b), int64(len(b))); ok {
			if c.foreign = l.Key != own; c.foreign {
				key = ""
			} else if against, err = p.bridge(r, l); err != nil {
				return c, err
			}
		}
		c.report, err = proof.VerifyBundle(bytes.NewReader(b), int64(len(b)), key, against, mostUnpacked)
		return told(c, err), nil
	}
	f, err := proof.Decode(b)
	if err != nil {
		return told(c, err), nil
	}
	if c.foreign = f.Log.Key != own; c.foreign {
		c.report, err = proof.Verify(b, "", nil)
		return told(c, err), nil
	}
	against, err := p.bridge(r, f.Log)
	if err != nil {
		return c, err
	}
	c.report, err = proof.Verify(b, own, against)
	return told(c, err), nil
}

// bridge leads from a log of ours as a file has it to the log as it stands now; nil where there is none.
func (p *Pages) bridge(r *shell.Request, l proof.Log) ([]byte, error) {
	cp, err := proof.OpenCheckpoint([]byte(l.Checkpoint), p.Log.Key())
	if err != nil {
		return nil, nil // what is wrong with it, the check tells
	}
	b, err := p.Log.Bridge(r.Context(), cp.Size)
	if fault.Is(err, fault.NotFound) { // the log is shorter: a copy of old was put back
		err = nil
	}
	return b, err
}

func told(c checked, err error) checked {
	if err != nil {
		c.bad, c.why = err.Error(), proof.Why(err)
	}
	return c
}

// verdict is the answer in one sentence, and its colour.
func (c checked) verdict(r *shell.Request) (shell.Tone, string) {
	switch {
	case c.closed:
		return shell.Waiting, r.P.T("web_verify.closed")
	case c.bad != "":
		return shell.Bad, r.P.T("web_verify.bad")
	case c.foreign:
		return shell.Waiting, r.P.T("web_verify.foreign", "key", c.report.Fingerprint)
	case !c.report.Holds():
		return shell.Waiting, r.P.T("web_verify.unlinked")
	case c.bundle:
		return shell.Good, r.P.T("web_verify.holds.bundle")
	}
	return shell.Good, r.P.T("web_verify.holds")
}

// sentences are what was shown, or left open, in the reader's language.
func (c checked) sentences(r *shell.Request, proved bool) []string {
	var out []string
	for _, s := range c.report.Said {
		if s.Proved == proved {
			out = append(out, sentence(r, s))
		}
	}
	return out
}

// named are the values of a sentence that name a list or an entry: numbers nobody counts.
var named = map[string][]int{"act": {2}, "ended": {0}, "later": {0, 2}, "later_unsaid": {0, 2}, "run": {0, 3}}

// question is what a bundle was asked for, in brackets; "" where it was everything.
func question(r *shell.Request, asked []any) string {
	var out []string
	for i, kind := range []string{"list", "purpose", "campaign", "from", "to"} {
		if v := fmt.Sprint(asked[i]); v != "" && v != "0" {
			out = append(out, r.P.T("web_verify.asked."+kind, "n", v, "when", v))
		}
	}
	if out == nil {
		return ""
	}
	return " (" + strings.Join(out, ", ") + ")"
}

func sentence(r *shell.Request, s proof.Sentence) string {
	var args []any
	for i, a := range s.Args {
		if slices.Contains(named[s.Key], i) {
			a = fmt.Sprint(a)
		}
		args = append(args, string(rune('a'+i)), a)
	}
	switch s.Key {
	case "event":
		v := func(i int) string { return fmt.Sprint(s.Args[i]) }
		what := []string{r.P.Or("people.event."+v(1), v(1))}
		for i, part := range []string{"happened", "confirmed", "recorded"} {
			if v(2+i) != "" {
				what = append(what, r.P.T("web_verify.event."+part, "when", v(2+i)))
			}
		}
		if v(5) != "" {
			what = append(what, r.P.Or("people.basis."+v(5), v(5)))
		}
		if v(6) != "" {
			what = append(what, r.P.T("web_verify.event.grade", "grade", v(6)))
		}
		return r.P.T("web_verify.said.event", "list", v(0), "what", strings.Join(what, ", "), "state", r.P.Or("people.status."+v(7), v(7)), "entry", v(8))
	case "nobody_else":
		return r.P.T("web_verify.said.nobody_else", "a", question(r, s.Args))
	case "other_of":
		kind, of, _ := strings.Cut(fmt.Sprint(s.Args[0]), " ")
		args[1] = r.P.T("web_verify.asked."+kind, "n", of, "when", of)
	case "act":
		args[1] = r.P.Or("trace.action."+fmt.Sprint(s.Args[0]), fmt.Sprint(s.Args[0]))
	}
	return r.P.T("web_verify.said."+s.Key, args...)
}
