// SPDX-License-Identifier: AGPL-3.0-or-later

package form

import (
	"slices"
	"strings"

	"consend/internal/people/notice"
)

// Said is what somebody was shown and did, as text: every word of the form in order, with
// the state of each box. It holds nothing of the person, so that all who did alike share it;
// its hash stands in the consent, and a proof embeds it.
func Said(d Definition, n notice.Version, lang string, ticked []int64, explicit ...string) string {
	p := d.voice(lang)
	var b strings.Builder
	say := func(s string) {
		if s = strings.TrimSpace(s); s != "" {
			b.WriteString(s + "\n")
		}
	}
	choice := func(mark string, c Choice) {
		s := mark + " " + c.Label.In(lang)
		if h := c.Hint.In(lang); h != "" {
			s += " – " + h
		}
		say(s)
	}
	say(d.Title.In(lang))
	say(d.Intro.In(lang))
	say("[…] " + p.T("form.email"))
	for _, f := range d.Fields {
		s := "[…] " + f.Label.In(lang)
		if !f.Required {
			s += " (" + p.T("form.optional") + ")"
		}
		if w := f.Why.In(lang); w != "" {
			s += " – " + w
		}
		say(s)
		if len(f.Called) > 0 { // the kept values alone wouldn't tell which words stood there
			for _, c := range f.Choices {
				say("· " + f.Call(c, lang))
			}
		}
		if x := f.Explicit.In(lang); f.Marked && x != "" {
			mark := "[ ] "
			if slices.Contains(explicit, f.Name) {
				mark = "[x] "
			}
			say(mark + x)
		}
	}
	say(d.Consent.In(lang))
	if d.ButtonActs() {
		choice("→", d.Mails()[0])
	}
	for _, g := range d.Groups() {
		say(p.T(g.Legend))
		for _, c := range g.Choices {
			mark := "[ ]"
			if slices.Contains(ticked, c.List) {
				mark = "[x]"
			}
			choice(mark, c)
		}
	}
	switch {
	case len(d.Ages) > 0:
		say("[…] " + p.T("form.age.country"))
		for _, a := range d.Ages {
			say("  " + countryAge(p, a))
		}
		say("[x] " + p.T("form.age.yes"))
	case d.Age > 0:
		say("[x] " + p.T("form.age", "years", d.Age))
	}
	say(d.Withdraw.In(lang))
	say(d.NoteIn(n, lang).Short)
	say("[" + d.Button.In(lang) + "]")
	return b.String()
}
