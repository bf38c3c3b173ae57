// SPDX-License-Identifier: AGPL-3.0-or-later

package public

import (
	"consend/internal/people/form"
	"consend/internal/web/shell"
)

// Step is a page that follows a form.
type Step string

// The steps, in the order a visitor meets them.
const (
	Sent    Step = "sent"    // look into your mailbox
	Confirm Step = "confirm" // one button
	Done    Step = "done"
	Already Step = "already" // confirmed once more
)

// After draws a page that follows a form, for who builds it: the sign-up is a sample, its buttons lead nowhere.
func After(r *shell.Request, s Step, w form.Waiting) shell.Component {
	d, lang := w.Version.Definition, w.Language
	speak(r, d.Speaks(lang))
	switch s {
	case Sent:
		return sentPage(r, sentWord(r, d, lang), d.MailSubject(lang, r.Brand.Name), false, "#")
	case Confirm:
		return confirmPage(r, w)
	case Already:
		return wordPage(r, alreadyWord(r, d, lang))
	}
	if d.OptIn == form.Single {
		return atOncePage(r, doneWord(r, d, lang), false)
	}
	return wordPage(r, doneWord(r, d, lang))
}

func sentWord(r *shell.Request, d form.Definition, lang string) word {
	return said(r, d, lang, "public.sent", d.Sent, shell.Info)
}

func doneWord(r *shell.Request, d form.Definition, lang string) word {
	return said(r, d, lang, "public.done", d.Done, shell.Good)
}

func alreadyWord(r *shell.Request, d form.Definition, lang string) word {
	return said(r, d, lang, "public.already", d.Already, shell.Good)
}

// said is a page in the form's own words, or in the house's where it has none.
func said(r *shell.Request, d form.Definition, lang, key string, words form.Words, tone shell.Tone) word {
	w := word{Title: r.P.T(key + ".title"), Text: words.In(lang), Tone: tone, Lang: own(d, lang)}
	if w.Text == "" {
		w.Text, w.Lang = r.P.T(key+".text"), ""
	}
	return w
}
