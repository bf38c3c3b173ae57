// SPDX-License-Identifier: AGPL-3.0-or-later

package people_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"consend/internal/ground/actor"
	"consend/internal/ground/budget"
	"consend/internal/ground/config"
	"consend/internal/ground/rulepack"
	"consend/internal/ground/store"
	"consend/internal/job"
	"consend/internal/keys"
	"consend/internal/mail/address"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/importer"
	"consend/internal/people/notice"
	"consend/internal/people/once"
)

// Whoever lets a mail go that people get once sees before whom it goes to, whom not and why, and every word of it; who
// got it sees it on their page.
func TestTellingAndAskingShowWhomAndWhatBeforeAnythingLeaves(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		o.Main.Attach(&config.Site{URL: "https://news.example", Host: "news.example"})
		file := func(s string) func() (io.ReadCloser, error) {
			return func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(s)), nil }
		}
		sum, err := importer.Run(context.Background(), o.Main, o.who, importer.Order{Name: "salon.csv", Kind: importer.Acquired, Partner: "Salon du Thé", List: "Passed on", Purpose: "Newsletter",
			Basis: consent.ByConsent, From: "2026-02-01", To: "2026-02-27", Open: file("email\nada@example.org\nbob@example.org\n"), Evidence: file("contract"), EvidenceName: "c.pdf"}, nil)
		must(t, err)
		tell, ask := fmt.Sprintf("/once/tell/%d", sum.Import), fmt.Sprintf("/once/ask/%d", sum.List)
		page := o.get(tell + "?count=1")
		contains(t, page, say(o, "No privacy note is published yet", "Aucune mention d’information n’est publiée"))
		if strings.Contains(page, fmt.Sprintf(`action=%q`, tell)) {
			t.Error("it can be pressed")
		}
		o.write(o.who, func(tx *store.Tx) error {
			rules, err := rulepack.For(tx)
			if err != nil {
				return err
			}
			id, err := notice.Make(tx, "Note", notice.Begin(notice.Answers{Name: "Maison", Postal: "1 rue de l’Exemple", Country: "FR", Language: "fr", DataName: "C", DataEmail: "data@example.org", Sending: "mailbox"}, rules))
			if err == nil {
				_, err = notice.Publish(tx, id, 1)
			}
			return err
		})
		first := o.get(tell) // stands before anybody is counted
		contains(t, first, say(o, "Counting who would get it", "Comptage de celles et ceux"), fmt.Sprintf(`name="consend-then" content="%s?count=1"`, tell), "Salon du Thé")
		if strings.Contains(first, fmt.Sprintf(`action=%q`, tell)) || strings.Contains(first, say(o, "Nobody would get it", "Personne ne le recevrait")) {
			t.Error("it tells of a count that wasn't made")
		}
		page = o.get(tell + "?count=1")
		lacks(t, page, "consend-then")
		contains(t, page, say(o, "2 people would get it", "2 personnes le recevraient"), say(o, "Tell 2 people now", "Informer 2 personnes maintenant"), "Salon du Thé", "D’où", `lang="fr"`, `lang="en"`)
		contains(t, o.get(ask+"?count=1"), say(o, "Has to hear first where the address comes from", "Doit d’abord apprendre d’où vient son adresse"), say(o, "Nobody would get it", "Personne ne le recevrait"))
		if to := o.post("/once/switch", "do", "stop", "import", fmt.Sprint(sum.Import)); to != tell {
			t.Errorf("leads to %s", to)
		}
		contains(t, o.get(tell), say(o, "Nobody is told by itself", "Personne n’est informé sans intervention"))
		if to := o.post(tell); to != tell {
			t.Errorf("leads to %s", to)
		}
		contains(t, o.get(tell), say(o, "People are being chosen", "en cours de sélection"))
		var runs []once.Run
		var ada contact.Contact
		must(t, o.Main.View(context.Background(), o.who, func(v *store.View) (err error) {
			if runs, err = once.Runs(v, once.Tell, sum.List, 1); err == nil {
				ada, _, err = contact.Find(v, address.Must("ada@example.org"))
			}
			return err
		}))
		must(t, once.Work(context.Background(), &job.Run{DB: o.Main, Ref: runs[0].ID, Who: actor.Worker("once.run", o.acct)}))
		contains(t, o.get(tell), say(o, "On its way", "En route"))
		if code, _, to := o.ask("GET", fmt.Sprintf("/once/%d", runs[0].ID), nil); code != 303 || to != tell {
			t.Errorf("the act leads to %d %s", code, to)
		}
		o.write(actor.Worker("sender", o.acct), func(tx *store.Tx) error {
			r, _, err := once.Find(tx, ada.ID, 0)
			if err == nil {
				if _, err = once.DraftTell(tx, r.ID); err == nil {
					err = once.Ended(tx, r.ID, 4711, once.Done, "")
				}
			}
			return err
		})
		contains(t, o.get(fmt.Sprintf("/contacts/%d", ada.ID)), say(o, "by a mail of its own", "par un e-mail à part"))
		contains(t, o.get(fmt.Sprintf("/contacts/%d/activity", ada.ID)), say(o, "Told where the address comes from", "Informé de l’origine de l’adresse"), say(o, "Privacy note, version 1", "Mention d’information, version 1"))
		contains(t, o.get(fmt.Sprintf("%s?import=%d", ask, sum.Import)), fmt.Sprintf(`content="%s?import=%d&count=1"`, ask, sum.Import))
		contains(t, o.get(ask+"?count=1"), say(o, "Ask 1 person to confirm", "Demander à 1 personne de confirmer"), say(o, "May we go on writing to you?", "Pouvons-nous continuer"))
		if to := o.post(ask); to != ask {
			t.Errorf("leads to %s", to)
		}
		o.role = "editor"
		for _, path := range []string{tell, ask} {
			if code, _, _ := o.ask("POST", path, values(nil)); code != 403 {
				t.Errorf("%s lets an editor send: %d", path, code)
			}
		}
	})
}

// passed is an office with a list of two people whom a partner passed on, the note published.
func passed(t *testing.T, o *office) (sum importer.Summary) {
	o.Main.Attach(&config.Site{URL: "https://news.example", Host: "news.example"})
	file := func(s string) func() (io.ReadCloser, error) {
		return func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(s)), nil }
	}
	sum, err := importer.Run(context.Background(), o.Main, o.who, importer.Order{Name: "salon.csv", Kind: importer.Acquired, Partner: "Salon du Thé", List: "Passed on", Purpose: "Newsletter",
		Basis: consent.ByConsent, From: "2026-02-01", To: "2026-02-27", Open: file("email\nada@example.org\nbob@example.org\n"), Evidence: file("contract"), EvidenceName: "c.pdf"}, nil)
	must(t, err)
	o.write(o.who, func(tx *store.Tx) error {
		rules, err := rulepack.For(tx)
		if err != nil {
			return err
		}
		id, err := notice.Make(tx, "Note", notice.Begin(notice.Answers{Name: "Maison", Postal: "1 rue de l’Exemple", Country: "FR", Language: "fr", DataName: "C", DataEmail: "data@example.org", Sending: "mailbox"}, rules))
		if err == nil {
			_, err = notice.Publish(tx, id, 1)
		}
		return err
	})
	return sum
}

// run does what a press of the button began.
func (o *office) run(t *testing.T, kind once.Kind, list int64) {
	var runs []once.Run
	must(t, o.Main.View(context.Background(), o.who, func(v *store.View) (err error) { runs, err = once.Runs(v, kind, list, 1); return err }))
	must(t, once.Work(context.Background(), &job.Run{DB: o.Main, Ref: runs[0].ID, Who: actor.Worker("once.run", o.acct)}))
}

// ended says what became of the mails of a kind, of everybody.
func (o *office) ended(t *testing.T, list int64, state once.State, emails ...string) {
	o.write(actor.Worker("sender", o.acct), func(tx *store.Tx) error {
		for k, email := range emails {
			c, _, err := contact.Find(tx, address.Must(email))
			if err != nil {
				return err
			}
			row, _, err := once.Find(tx, c.ID, list)
			if err != nil {
				return err
			}
			draft := once.DraftAsk
			if list == 0 {
				draft = once.DraftTell
			}
			if _, err = draft(tx, row.ID); err != nil {
				return err
			}
			if err = once.Ended(tx, row.ID, int64(4711+k), state, ""); err != nil {
				return err
			}
		}
		return nil
	})
}

// A mail that may have arrived is sent again only by whoever knows that: one press, one more mail, and the page says so.
func TestWhatMayHaveArrivedIsSentAgainByAPress(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		sum := passed(t, o)
		tell := fmt.Sprintf("/once/tell/%d", sum.Import)
		again := say(o, "Send to 1 person again", "Renvoyer à 1 personne")
		o.post(tell)
		o.run(t, once.Tell, sum.List)
		lacks(t, o.get(tell), again)
		o.ended(t, 0, once.Done, "ada@example.org")
		o.ended(t, 0, once.Doubt, "bob@example.org")
		contains(t, o.get(tell), say(o, "Uncertain (may have arrived)", "Incertain (peut-être reçu)"), again, say(o, "some may arrive twice", "certains peuvent arriver deux fois"))
		o.role = "editor"
		if code, _, _ := o.ask("POST", tell, values([]string{"do", "again"})); code != 403 {
			t.Errorf("an editor sends again: %d", code)
		}
		o.role = "owner"
		if to := o.post(tell, "do", "again"); to != tell {
			t.Errorf("leads to %s", to)
		}
		page := o.get(tell)
		contains(t, page, say(o, "Waits for its turn", "Attend son tour"))
		lacks(t, page, again, say(o, "Uncertain (may have arrived)", "Incertain (peut-être reçu)"))
		if to := o.post(tell, "do", "again"); to != tell { // nobody is left: the page says how it stands
			t.Errorf("a second press leads to %s", to)
		}
		must(t, once.Pace(o.Main)(context.Background()))
		contains(t, o.get(tell), say(o, "On its way", "En route"))
		o.ended(t, 0, once.Done, "bob@example.org")
		lacks(t, o.get(tell), again, say(o, "On its way", "En route"))
	})
}

// Beyond what leaves in a day the people wait; the page says why, and the next day they go by themselves.
func TestTheDaysQuestionsAreLimitedAndThePageSaysSo(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		sum := passed(t, o)
		ask := fmt.Sprintf("/once/ask/%d", sum.List)
		o.post(fmt.Sprintf("/once/tell/%d", sum.Import))
		o.run(t, once.Tell, sum.List)
		o.ended(t, 0, once.Done, "ada@example.org", "bob@example.org")
		day := budget.Limit{Name: "once.account", Max: once.AskedADay, Per: budget.Longest}
		o.write(actor.Worker("once.pace", o.acct), func(tx *store.Tx) error { // all but one of today's are gone
			key, err := keys.Of(tx).MAC(keys.Installation, "budget")
			for n := 1; n < once.AskedADay && err == nil; n++ {
				err = budget.Spend(tx, key, day.For(fmt.Sprint(o.acct)))
			}
			return err
		})
		limit := say(o, "At most 5,000 questions of yours leave in a day", "de vos questions partent par jour")
		lacks(t, o.get(ask), limit)
		o.post(ask)
		o.run(t, once.Ask, sum.List)
		page := o.get(ask)
		contains(t, page, limit, say(o, "On its way", "En route"), say(o, "Waits for its turn", "Attend son tour"))
		o.Clock.Advance(25 * time.Hour)
		must(t, once.Pace(o.Main)(context.Background()))
		page = o.get(ask)
		contains(t, page, say(o, "On its way", "En route"))
		lacks(t, page, limit, say(o, "Waits for its turn", "Attend son tour"))
	})
}

func lacks(t *testing.T, page string, words ...string) {
	t.Helper()
	for _, w := range words {
		if strings.Contains(page, w) {
			t.Errorf("the page says %q", w)
		}
	}
}
