// SPDX-License-Identifier: AGPL-3.0-or-later

package notice

import (
	"strings"

	"consend/internal/ground/locale"
	"consend/internal/team/account"
)

// Write makes the text of a note in one of its languages: both layers, from the answers and
// the house's words of that moment. What it gave is kept; later words change nothing.
func Write(n Note, lang string) Text {
	w := writer{p: locale.For(lang, nil), n: n, lang: lang}
	short, body := w.short(), w.body()
	return Text{Language: lang, Short: short, Body: body, Sha256: hash(short, body)}
}

type writer struct {
	p    locale.Printer
	n    Note
	lang string
	b    strings.Builder
}

// short is the first layer (EDPB WP260 rev.01 35–38): who, what for, how to leave, rights, where the rest is.
func (w *writer) short() string {
	names := make([]string, 0, len(w.n.Purposes))
	for _, p := range w.n.Purposes {
		if p.Asked == "" {
			names = append(names, w.own(p.Name))
		}
	}
	return w.p.T("notice.short", "controller", line(w.n.Controller.Name), "purposes", w.p.Join(names)) + " " +
		w.p.T("notice.short.leave") + " " +
		w.p.T("notice.short.rights", "contact", line(w.n.Contact.Email))
}

func (w *writer) body() string {
	c := w.n.Controller
	w.head("notice.who")
	w.say(w.p.T("notice.who.text", "controller", line(c.Name), "postal", line(c.Postal), "country", account.CountryName(c.Country, w.lang)))
	w.reach(c.Email, c.Phone)
	if w.n.Contact.DPO {
		w.head("notice.dpo")
	} else {
		w.head("notice.contact")
	}
	if name := line(w.n.Contact.Name); name != "" {
		w.say(name + ", " + line(w.n.Contact.Email))
	} else {
		w.say(line(w.n.Contact.Email))
	}
	w.head("notice.purposes")
	for _, p := range w.n.Purposes {
		s := w.own(p.Name) + w.p.T("notice.colon") + w.p.Or("notice.basis."+p.Basis, p.Basis)
		if p.Asked == "measuring" {
			s = w.own(p.Name) + w.p.T("notice.colon") + w.p.T("notice.measuring")
		}
		if why := w.own(p.Why); why != "" {
			s += " " + why
		}
		w.item(s)
	}
	w.say(w.p.T("notice.data"))
	if len(w.n.Recipients) > 0 {
		w.head("notice.recipients")
		for _, r := range w.n.Recipients {
			w.item(line(r.Name) + " (" + account.CountryName(r.Country, w.lang) + ")" + w.p.T("notice.colon") + w.own(r.Does))
		}
	}
	w.head("notice.transfers")
	if len(w.n.Transfers) == 0 {
		w.say(w.p.T("notice.transfers.none"))
	}
	for _, t := range w.n.Transfers {
		w.item(w.p.T("notice.transfers.one", "to", line(t.To), "country", account.CountryName(t.Country, w.lang),
			"how", w.p.Or("notice.mechanism."+t.Mechanism, t.Mechanism)))
	}
	w.head("notice.kept")
	w.say(w.p.T("notice.kept.text", "time", w.p.N("notice.months", w.n.Kept.Months), "proof", w.p.N("notice.months", w.n.Kept.ProofMonths)))
	if why := w.own(w.n.Kept.Why); why != "" {
		w.say(why)
	}
	w.head("notice.rights")
	w.say(w.p.T("notice.rights.text"))
	for _, right := range []string{"access", "rectify", "erase", "restrict", "portable", "object"} {
		w.item(w.p.T("notice.right." + right))
	}
	w.say(w.p.T("notice.rights.how", "contact", line(w.n.Contact.Email)))
	w.head("notice.withdraw")
	w.say(w.p.T("notice.withdraw.text"))
	w.head("notice.authority")
	if a, ok := AuthorityOf(c.Country); ok {
		w.say(w.p.T("notice.authority.text", "name", a.Name, "url", a.URL))
	} else {
		w.say(w.p.T("notice.authority.other"))
	}
	w.head("notice.needed")
	if own := w.own(w.n.Needed); own != "" {
		w.say(own)
	} else {
		w.say(w.p.T("notice.needed.text"))
	}
	w.say(w.p.T("notice.automated"))
	if more := w.own(w.n.More); more != "" {
		w.head("notice.more")
		w.say(more)
	}
	if w.n.Policy != "" {
		w.head("notice.policy")
		w.say(w.p.T("notice.policy.text", "controller", line(c.Name), "url", line(w.n.Policy)))
	}
	return strings.TrimSpace(w.b.String())
}

func (w *writer) head(key string) { w.b.WriteString("\n\n# " + w.p.T(key) + "\n") }
func (w *writer) say(s string)    { w.b.WriteString("\n" + s) }
func (w *writer) item(s string)   { w.b.WriteString("\n- " + s) }

// own is the account's words in this language, on one line.
func (w *writer) own(ws Words) string { return line(ws.In(w.lang)) }

func (w *writer) reach(email, phone string) {
	if email = line(email); email != "" {
		w.say(w.p.T("notice.email", "email", email))
	}
	if phone = line(phone); phone != "" {
		w.say(w.p.T("notice.phone", "phone", phone))
	}
}

// line brings a text on one line that can't be taken for a heading or an item.
func line(s string) string {
	return strings.TrimLeft(strings.Join(strings.Fields(s), " "), "#- ")
}

// Line is one line of a text as pages show it.
type Line struct {
	Kind LineKind
	Text string
}

// LineKind is what a line of a text is.
type LineKind string

// The kinds of line: "# heading", "- item", and everything else.
const (
	Head LineKind = "head"
	Item LineKind = "item"
	Para LineKind = "para"
)

// Lines reads a text for showing. Nothing in it is markup: pages escape it.
func Lines(body string) []Line {
	var out []Line
	for s := range strings.Lines(body) {
		s = strings.TrimSpace(s)
		switch {
		case s == "":
		case strings.HasPrefix(s, "# "):
			out = append(out, Line{Head, s[2:]})
		case strings.HasPrefix(s, "- "):
			out = append(out, Line{Item, s[2:]})
		default:
			out = append(out, Line{Para, s})
		}
	}
	return out
}
