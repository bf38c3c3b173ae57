// SPDX-License-Identifier: AGPL-3.0-or-later

package notice

import (
	"net/url"
	"slices"

	"consend/internal/ground/fault"
	"consend/internal/ground/locale"
	"consend/internal/mail/address"
	"consend/internal/team/account"
)

// Bases lists the lawful bases a purpose may name, in the order pages show them.
func Bases() []string {
	return []string{"consent", "soft_opt_in", "b2b", "contract", "member", "public_task", "non_commercial_li"}
}

// Mechanisms lists what can protect data outside the EEA. Privacy Shield and Safe Harbor are
// no such thing (CJEU C-311/18, C-362/14).
func Mechanisms() []string { return []string{"adequacy", "dpf", "scc", "bcr"} }

// Gap is something that GDPR 13 asks for and the note lacks.
type Gap struct {
	Key      string // of its words: "notice.gap.…"
	Field    string // of the page that edits notes
	Language string // when it lacks in one language only
}

// Fault gives the gap as a fault of its field.
func (g Gap) Fault() *fault.Error {
	return fault.New(fault.Invalid, g.Key, "language", g.Language).At(g.Field)
}

// Gaps lists everything that must be answered before a note can be published. Each has its
// article at its line.
func Gaps(n Note) []Gap {
	var out []Gap
	gap := func(missing bool, key, field, lang string) {
		if missing {
			out = append(out, Gap{"notice.gap." + key, field, lang})
		}
	}
	gap(len(n.Languages) == 0, "languages", "languages", "")
	for _, l := range n.Languages {
		gap(!locale.Known(l), "language", "languages", l)
	}
	gap(line(n.Controller.Name) == "", "controller", "controller", "") // 13(1)(a)
	gap(line(n.Controller.Postal) == "", "postal", "postal", "")
	gap(unknown(n.Controller.Country), "country", "country", "")
	gap(!mailbox(n.Contact.Email), "contact", "contact", "") // 13(1)(b), 12(2)
	gap(n.Controller.Email != "" && !mailbox(n.Controller.Email), "email", "email", "")
	gap(len(n.Purposes) == 0, "purposes", "purposes", "") // 13(1)(c)
	for _, p := range n.Purposes {
		gap(!slices.Contains(Bases(), p.Basis), "basis", "purposes", "")
		for _, l := range n.Languages {
			gap(line(p.Name.In(l)) == "", "purpose_name", "purposes", l)
			gap((p.Basis == "b2b" || p.Basis == "non_commercial_li") && line(p.Why.In(l)) == "", "interest", "purposes", l) // 13(1)(d)
		}
	}
	for _, r := range n.Recipients {
		gap(line(r.Name) == "" || unknown(r.Country), "recipient", "recipients", "") // 13(1)(e)
		for _, l := range n.Languages {
			gap(line(r.Does.In(l)) == "", "recipient_does", "recipients", l)
		}
	}
	for _, r := range n.Recipients { // else the note would say that nothing leaves the EEA
		told := slices.ContainsFunc(n.Transfers, func(t Transfer) bool { return line(t.To) == line(r.Name) && t.Country == r.Country })
		gap(!unknown(r.Country) && !slices.Contains(eea, r.Country) && !told, "untold_transfer", "transfers", "")
	}
	for _, t := range n.Transfers {
		gap(line(t.To) == "" || unknown(t.Country) || !slices.Contains(Mechanisms(), t.Mechanism), "transfer", "transfers", "") // 13(1)(f)
	}
	gap(n.Kept.Months <= 0 || n.Kept.ProofMonths <= 0, "kept", "kept", "") // 13(2)(a)
	gap(n.Policy != "" && !webAddress(n.Policy), "policy", "policy", "")
	for _, ws := range []struct {
		w     Words
		field string
	}{{n.Needed, "needed"}, {n.More, "more"}, {n.Kept.Why, "why"}} {
		for _, l := range n.Languages {
			gap(some(ws.w) && ws.w.In(l) == "", "translation", ws.field, l)
		}
	}
	return out
}

// EEA lists the countries of the European Economic Area.
func EEA() []string { return slices.Clone(eea[:30]) }

// eea is the European Economic Area: the Union, Iceland, Liechtenstein and Norway.
var eea = []string{"AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IS", "IT", "LI", "LT", "LU", "LV", "MT",
	"NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK", "GF", "GP", "MQ", "RE", "YT", "MF"}

func some(w Words) bool {
	for _, s := range w {
		if line(s) != "" {
			return true
		}
	}
	return false
}

// unknown tells whether a code is no country's.
func unknown(code string) bool { return len(code) != 2 || account.CountryName(code, "en") == code }

func mailbox(s string) bool {
	_, err := address.Parse(s)
	return err == nil
}

func webAddress(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil && len(s) <= 500
}

// limits refuses a draft that is no note at all: too many parts, texts without end.
func (n Note) limits() error {
	const most, long = 40, 4000
	bad := len(n.Languages) > 8 || len(n.Purposes) > most || len(n.Recipients) > most || len(n.Transfers) > most ||
		n.Kept.Months < 0 || n.Kept.Months > 1200 || n.Kept.ProofMonths < 0 || n.Kept.ProofMonths > 1200
	short := []string{n.Controller.Name, n.Controller.Postal, n.Controller.Country, n.Controller.Email, n.Controller.Phone, n.Contact.Name, n.Contact.Email, n.Policy}
	words := []Words{n.Needed, n.More, n.Kept.Why}
	for _, p := range n.Purposes {
		words, short = append(words, p.Name, p.Why), append(short, p.Basis, p.Asked)
	}
	for _, r := range n.Recipients {
		words, short = append(words, r.Does), append(short, r.Name, r.Country)
	}
	for _, t := range n.Transfers {
		short = append(short, t.To, t.Country, t.Mechanism)
	}
	for _, s := range short {
		bad = bad || len(s) > 1000
	}
	for _, w := range words {
		for _, s := range w {
			bad = bad || len(s) > long
		}
	}
	if bad {
		return fault.New(fault.Invalid, "notice.too_long")
	}
	return nil
}
