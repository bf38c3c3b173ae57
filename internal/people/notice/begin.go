// SPDX-License-Identifier: AGPL-3.0-or-later

package notice

import (
	"strings"

	"consend/internal/ground/locale"
	"consend/internal/ground/rulepack"
)

// Answers is what an account said about itself when it was set up.
type Answers struct {
	Name, Postal, Country string
	Language              string // the account's
	DataName, DataEmail   string // who answers data questions
	Purposes              []Words
	Sending               string // "mailbox", "smtp" or "provider"
	Policy                string
}

// Begin drafts a whole note from the account's answers, in both languages of the house, the
// account's first: ready to publish unless an answer was left out.
func Begin(a Answers, rules *rulepack.Rules) Note {
	n := Note{
		Languages:  locale.Languages(),
		Controller: Controller{Name: a.Name, Postal: strings.Join(strings.FieldsFunc(a.Postal, func(r rune) bool { return r == '\n' }), ", "), Country: a.Country},
		Contact:    Contact{Name: a.DataName, Email: a.DataEmail},
		Kept:       Kept{Months: rules.CountryNumber(rulepack.Prospect, a.Country), ProofMonths: rules.CountryNumber(rulepack.ProofKept, a.Country)},
		Policy:     a.Policy,
	}
	if a.Language == locale.French {
		n.Languages = []string{locale.French, locale.English}
	}
	for _, p := range a.Purposes {
		n.Purposes = append(n.Purposes, Purpose{Name: filled(p, n.Languages), Basis: "consent"})
	}
	if len(n.Purposes) == 0 {
		n.Purposes = []Purpose{{Name: house("notice.begin.newsletter"), Basis: "consent"}}
	}
	// The page of choices asks everybody, whether a form does or not.
	n.Purposes = append(n.Purposes, Purpose{Name: house("notice.begin.measuring"), Basis: "consent", Asked: "measuring"})
	return n
}

// filled puts the first text there is where a language has none: a draft to correct, not a gap.
func filled(w Words, languages []string) Words {
	out, any := Words{}, ""
	for _, l := range append(languages, locale.Languages()...) {
		if any == "" {
			any = w.In(l)
		}
	}
	for _, l := range languages {
		if out[l] = w.In(l); out[l] == "" {
			out[l] = any
		}
	}
	return out
}

// house is a text of the house in all its languages.
func house(key string) Words {
	w := Words{}
	for _, l := range locale.Languages() {
		w[l] = locale.For(l, nil).T(key)
	}
	return w
}
