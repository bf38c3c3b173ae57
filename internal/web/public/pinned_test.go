// SPDX-License-Identifier: AGPL-3.0-or-later

package public_test

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"consend/internal/ground/locale"
	"consend/internal/ground/store"
	"consend/internal/mail/compose"
	"consend/internal/people/consent"
	"consend/internal/people/list"
	"consend/internal/team/account"
	"consend/internal/testhouse"
)

// TestTheWordsThatAreKeptAreInTheLanguageThatWasShown: a page whose words become evidence speaks its mail's language
// whatever its address or the browser asks for, and offers no other.
func TestTheWordsThatAreKeptAreInTheLanguageThatWasShown(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		for lang, other := range map[string]string{"en": "fr", "fr": "en"} {
			w := settle(t, h, nil)
			p := locale.For(lang, nil)
			last := func(email string) (consent.Record, string) {
				c, _ := w.person(email)
				all := w.events(c.ID)
				e := all[len(all)-1]
				return e, w.words(e.TextSHA256)
			}
			shows := func(page, key string) {
				t.Helper()
				if !strings.Contains(page, `<html lang="`+lang+`"`) || !strings.Contains(page, p.T(key)) || strings.Contains(page, `hreflang="`+other+`"`) {
					t.Errorf("%s: not in its language alone:\n%s", key, page)
				}
			}
			_, link := w.signup("lea@example.org", lang)
			shows(w.get(link+"?lang="+other, "Accept-Language", other), "form.confirm.do")
			w.ask("POST", link+"?lang="+other, url.Values{"do": {"confirm"}}, "Accept-Language", other)
			if e, words := last("lea@example.org"); e.Kind != consent.Confirm || e.Language != lang || !strings.Contains(words, "["+p.T("form.confirm.do")+"]") {
				t.Errorf("%s: the proof says in %s\n%s", lang, e.Language, words)
			}
			_, link = w.signup("mona@example.org", lang)
			w.Clock.Advance(time.Minute)
			_, page, _ := w.ask("POST", link, url.Values{"do": {"not_me"}}, "Accept-Language", other)
			shows(page, "public.reconsider.do")
			w.Clock.Advance(time.Minute)
			_, page, _ = w.ask("POST", link+"?lang="+other, url.Values{"do": {"reconsider"}}, "Accept-Language", other)
			shows(page, "public.sent.title")
			if e, words := last("mona@example.org"); e.Kind != consent.Request || e.Language != lang || words != p.T("public.reconsider.text")+"\n["+p.T("public.reconsider.do")+"]\n" {
				t.Errorf("%s: the proof says in %s\n%s", lang, e.Language, words)
			}
		}
	})
}

// TestAQuestionIsAnsweredInTheWordsOfItsMail: whatever the list and the account are called since, and in whatever
// language its address is opened.
func TestAQuestionIsAnsweredInTheWordsOfItsMail(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h, nil)
		id := w.claimed("lea@example.org", false)
		w.asks()
		d := w.took(id, w.news)
		var name string
		w.write(func(tx *store.Tx) error {
			a, err := account.Get(tx)
			if err != nil {
				return err
			}
			name = a.Name
			seen := a.Mark()
			a.Name = "Maison Neuve"
			if err := account.Change(tx, seen, a.Details); err != nil {
				return err
			}
			l, err := list.Get(tx, w.news)
			if err != nil {
				return err
			}
			return list.Rename(tx, l.ID, l.Mark(), l.Name, list.Words{"en": "Daily offers", "fr": "Offres du jour"})
		})
		link := ""
		for _, b := range d.Blocks {
			if b.Kind == compose.Button {
				link = path(t, b.URL)
			}
		}
		page := w.get(link+"?lang=fr", "Accept-Language", "fr")
		text := locale.For("en", nil).T("once.page.text", "account", name)
		for _, part := range []string{`<html lang="en"`, "Monthly news", strings.Split(text, "’")[0]} {
			if !strings.Contains(page, part) {
				t.Errorf("the page lacks %q:\n%s", part, page)
			}
		}
		if strings.Contains(page, "Daily offers") || strings.Contains(page, `hreflang="fr"`) {
			t.Errorf("the page says what no mail said:\n%s", page)
		}
		w.ask("POST", link+"?lang=fr", url.Values{"do": {"yes"}})
		all := w.events(id)
		words := w.words(all[len(all)-1].TextSHA256)
		if !strings.HasPrefix(words, d.Subject+"\n") || !strings.Contains(words, "Monthly news") || strings.Contains(words, "Daily offers") || strings.Contains(words, "Maison Neuve") {
			t.Errorf("the proof says\n%s", words)
		}
		if s := w.standing(id); s.Grade != consent.GradeA {
			t.Errorf("%+v", s)
		}
	})
}

// TestANotMePageNamesWhatStays: with its date and the way out.
func TestANotMePageNamesWhatStays(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h, nil)
		_, link := w.signup("lea@example.org", "en")
		w.ask("POST", link, url.Values{"do": {"confirm"}})
		w.Clock.Advance(time.Hour)
		_, link = w.signup("lea@example.org", "en")
		w.Clock.Advance(time.Minute)
		_, page, _ := w.ask("POST", link, url.Values{"do": {"not_me"}})
		if !strings.Contains(page, "You stay subscribed to Monthly news, which you confirmed on ") || !strings.Contains(page, `href="/u/`) {
			t.Errorf("the page says\n%s", page)
		}
		c, _ := w.person("lea@example.org")
		must(t, w.Main.View(context.Background(), w.member, func(v *store.View) error {
			all, err := consent.Standings(v, c.ID)
			if len(all) != 1 || all[0].State != consent.Given {
				t.Errorf("%+v", all)
			}
			return err
		}))
	})
}
