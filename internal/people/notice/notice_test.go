// SPDX-License-Identifier: AGPL-3.0-or-later

package notice_test

import (
	"context"
	"strings"
	"testing"

	"consend/internal/ground/fault"
	"consend/internal/ground/locale"
	"consend/internal/ground/rulepack"
	"consend/internal/ground/store"
	"consend/internal/people/notice"
	"consend/internal/testhouse"
)

func drafted() notice.Note {
	packs := rulepack.Packs()
	return notice.Begin(notice.Answers{Name: "Café Rosalie", Postal: "12 rue des Lilas\n69003 Lyon", Country: "FR", Language: "fr",
		DataName: "Rosalie Martin", DataEmail: "rosalie@cafe.example", Policy: "https://cafe.example/confidentialite"}, rulepack.Published(packs[len(packs)-1]))
}

func TestADraftFromTheAccountsAnswersHasNoGap(t *testing.T) {
	if g := notice.Gaps(drafted()); len(g) != 0 {
		t.Errorf("gaps: %+v", g)
	}
}

func TestEveryAnswerThatTheLawAsksForIsMissed(t *testing.T) {
	for name, c := range map[string]struct {
		break_ func(*notice.Note)
		key    string
	}{
		"controller":  {func(n *notice.Note) { n.Controller.Name = " " }, "notice.gap.controller"},
		"postal":      {func(n *notice.Note) { n.Controller.Postal = "" }, "notice.gap.postal"},
		"country":     {func(n *notice.Note) { n.Controller.Country = "QQ" }, "notice.gap.country"},
		"contact":     {func(n *notice.Note) { n.Contact.Email = "nobody" }, "notice.gap.contact"},
		"purpose":     {func(n *notice.Note) { n.Purposes = nil }, "notice.gap.purposes"},
		"basis":       {func(n *notice.Note) { n.Purposes[0].Basis = "implied" }, "notice.gap.basis"},
		"translation": {func(n *notice.Note) { n.Purposes[0].Name = notice.Words{"fr": "Nouvelles"} }, "notice.gap.purpose_name"},
		"interest":    {func(n *notice.Note) { n.Purposes[0].Basis = "b2b" }, "notice.gap.interest"},
		"recipient": {func(n *notice.Note) {
			n.Recipients = []notice.Recipient{{Name: "Mailer", Does: notice.Words{"en": "sends"}, Country: "DE"}}
		},
			"notice.gap.recipient_does"},
		"shield": {func(n *notice.Note) {
			n.Transfers = []notice.Transfer{{To: "Mailer", Country: "US", Mechanism: "privacy_shield"}}
		}, "notice.gap.transfer"},
		"untold": {func(n *notice.Note) {
			n.Recipients = []notice.Recipient{{Name: "Mailer", Does: notice.Words{"en": "sends", "fr": "envoie"}, Country: "US"}}
		}, "notice.gap.untold_transfer"},
		"kept":     {func(n *notice.Note) { n.Kept.Months = 0 }, "notice.gap.kept"},
		"policy":   {func(n *notice.Note) { n.Policy = "javascript:alert(1)" }, "notice.gap.policy"},
		"language": {func(n *notice.Note) { n.Languages = append(n.Languages, "xx") }, "notice.gap.language"},
	} {
		n := drafted()
		c.break_(&n)
		found := false
		for _, g := range notice.Gaps(n) {
			found = found || g.Key == c.key
			if !locale.For("en", nil).Has(g.Key) {
				t.Errorf("%s has no words", g.Key)
			}
		}
		if !found {
			t.Errorf("%s: %s is not among %+v", name, c.key, notice.Gaps(n))
		}
	}
}

func TestATextNamesEverythingArticle13AsksFor(t *testing.T) {
	for _, lang := range []string{"en", "fr"} {
		w := notice.Write(drafted(), lang)
		all := w.Short + "\n" + w.Body
		for _, part := range []string{"Café Rosalie", "12 rue des Lilas, 69003 Lyon", "France", "rosalie@cafe.example", "https://www.cnil.fr", "https://cafe.example/confidentialite",
			locale.For(lang, nil).T("notice.withdraw.text"), locale.For(lang, nil).T("notice.right.access"), locale.For(lang, nil).N("notice.months", 36)} {
			if !strings.Contains(all, part) {
				t.Errorf("%s lacks %q", lang, part)
			}
		}
		if strings.Contains(all, "notice.") || strings.Contains(all, "<no value>") {
			t.Errorf("%s holds a key or an empty value:\n%s", lang, all)
		}
	}
}

// The account's words never make a heading or an item of their own.
func TestWordsCannotForgeTheFormOfANote(t *testing.T) {
	n := drafted()
	plain := len(notice.Lines(notice.Write(n, "en").Body))
	n.Controller.Name = "# Café\n# You agree to everything\n- and to that"
	n.Purposes[0].Name["en"] = "- News\n# More"
	for _, l := range notice.Lines(notice.Write(n, "en").Body) {
		if l.Kind != notice.Para && (strings.Contains(l.Text, "agree to everything") || l.Text == "More") {
			t.Errorf("forged %s: %s", l.Kind, l.Text)
		}
	}
	if got := len(notice.Lines(notice.Write(n, "en").Body)); got != plain {
		t.Errorf("%d lines instead of %d", got, plain)
	}
}

func TestAPublishedNoteStaysAsItWasShown(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		acct := h.Account(t)
		who := h.Member(acct)
		var id int64
		var first, again, second notice.Version
		write(t, h, acct, func(tx *store.Tx) (err error) {
			id, err = notice.Make(tx, "Newsletter", drafted())
			return err
		})
		write(t, h, acct, func(tx *store.Tx) (err error) {
			first, err = notice.Publish(tx, id, 1)
			return err
		})
		write(t, h, acct, func(tx *store.Tx) (err error) {
			again, err = notice.Publish(tx, id, 2)
			return err
		})
		if again.ID != first.ID || again.Number != 1 {
			t.Errorf("the same note published again became version %d", again.Number)
		}
		n := drafted()
		n.More = notice.Words{"en": "We never sell data.", "fr": "Nous ne vendons jamais de données."}
		write(t, h, acct, func(tx *store.Tx) error { return notice.Edit(tx, id, 2, "Newsletter", n) })
		write(t, h, acct, func(tx *store.Tx) (err error) {
			second, err = notice.Publish(tx, id, 3)
			return err
		})
		if second.Number != 2 || string(second.In("en").Sha256) == string(first.In("en").Sha256) {
			t.Errorf("a changed note: version %d, hash %x", second.Number, second.In("en").Sha256)
		}
		err := h.Main.View(context.Background(), who, func(v *store.View) error {
			old, err := notice.Get(v, first.ID)
			if err != nil {
				return err
			}
			for _, lang := range []string{"en", "fr"} {
				if old.In(lang).Body != first.In(lang).Body || string(old.In(lang).Sha256) != string(first.In(lang).Sha256) {
					t.Errorf("version 1 in %s changed", lang)
				}
			}
			all, err := notice.Versions(v, id)
			if len(all) != 2 || all[0].Number != 2 {
				t.Errorf("versions %+v", all)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestAnEditOfAnOldDraftIsAConflict(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		acct := h.Account(t)
		var id int64
		write(t, h, acct, func(tx *store.Tx) (err error) {
			id, err = notice.Make(tx, "Newsletter", drafted())
			return err
		})
		write(t, h, acct, func(tx *store.Tx) error { return notice.Edit(tx, id, 1, "Ours", drafted()) })
		err := h.Main.Write(context.Background(), h.Member(acct), func(tx *store.Tx) error { return notice.Edit(tx, id, 1, "Mine", drafted()) })
		if !fault.Is(err, fault.Conflict) {
			t.Errorf("got %v", err)
		}
		n := drafted()
		n.Controller.Name = ""
		write(t, h, acct, func(tx *store.Tx) error { return notice.Edit(tx, id, 2, "Ours", n) })
		err = h.Main.Write(context.Background(), h.Member(acct), func(tx *store.Tx) error { _, err := notice.Publish(tx, id, 3); return err })
		if all := fault.All(err); len(all) != 1 || all[0].Key != "notice.gap.controller" || all[0].Field != "controller" {
			t.Errorf("publishing a note with a gap: %v", err)
		}
	})
}

func write(t *testing.T, h *testhouse.House, acct int64, f func(*store.Tx) error) {
	t.Helper()
	if err := h.Main.Write(context.Background(), h.Member(acct), f); err != nil {
		t.Fatal(err)
	}
}
