// SPDX-License-Identifier: AGPL-3.0-or-later

package app_test

import (
	"context"
	"time"

	"consend/internal/ground/actor"
	"consend/internal/ground/store"
	"consend/internal/job"
	"consend/internal/mail/address"
	"consend/internal/people/contact"
	"consend/internal/people/importer"
	"consend/internal/people/once"
)

// sayOnce tells people where their address comes from, and asks once whether the account may go on.
func (r *run) sayOnce(do verb, own, steps ownVerb) {
	day := func(ago time.Duration) string { return r.clock.Now().Add(-ago).Format(time.DateOnly) }
	do("type in whom somebody passed on", func(tx *store.Tx) error {
		id, err := importer.Add(tx, importer.Single{Email: address.Must("transmise@exemple.example"), List: r.News, Word: true,
			Origin: importer.Origin{Kind: importer.Business, How: "found", Where: "Annuaire", Work: "Ils vendent du thé.", From: day(48 * time.Hour), To: day(24 * time.Hour)}})
		return r.keep("passed", id, err)
	})
	do("tell nobody by itself", func(tx *store.Tx) error { return once.SetByItself(tx, false) })
	do("tell by itself", func(tx *store.Tx) error { return once.SetByItself(tx, true) })
	do("tell at the top of a campaign", func(tx *store.Tx) error { return once.ToldBy(tx, 4711, 1, []int64{r.n["passed"]}) })
	do("ask a list once", func(tx *store.Tx) error {
		id, err := once.BeginAsk(tx, r.News, 0, 1)
		return r.keep("asking", id, err)
	})
	steps("choose whom to ask", func(ctx context.Context, _ actor.Actor) error {
		return once.Work(ctx, &job.Run{DB: r.Main, Ref: r.n["asking"], Who: actor.Worker("once.run", r.Account)})
	})
	steps("let more of them leave", func(ctx context.Context, _ actor.Actor) error { return once.Pace(r.Main)(ctx) })
	steps("look who is to be told", func(ctx context.Context, _ actor.Actor) error { return once.Daily(r.Main)(ctx) })
	do("tell an import's people", func(tx *store.Tx) error {
		id, err := once.BeginTell(tx, r.n["waiting"], 1)
		return r.keep("telling", id, err)
	})
	steps("choose whom to tell", func(ctx context.Context, _ actor.Actor) error {
		return once.Work(ctx, &job.Run{DB: r.Main, Ref: r.n["telling"], Who: actor.Worker("once.run", r.Account)})
	})
	do("be in doubt about a word", func(tx *store.Tx) error {
		c, _, err := contact.Find(tx, address.Must("undecima@exemple.example"))
		if err != nil {
			return err
		}
		o, _, err := once.Find(tx, c.ID, 0)
		if err != nil {
			return err
		}
		if _, err := once.DraftTell(tx, o.ID); err != nil {
			return err
		}
		return once.Ended(tx, o.ID, 4713, once.Doubt, "no_answer")
	})
	do("tell once more", func(tx *store.Tx) error { return once.TellAgain(tx, r.n["waiting"]) })
	do("write the question", func(tx *store.Tx) error {
		all, err := once.Of(tx, r.n["passed"])
		if err != nil {
			return err
		}
		for _, o := range all {
			if o.Kind() == once.Ask {
				if _, err := once.DraftAsk(tx, o.ID); err != nil {
					return err
				}
				return once.Ended(tx, o.ID, 4712, once.Done, "")
			}
		}
		return nil
	})
}

// answerOnce is what somebody says who was asked.
func (r *run) answerOnce(public verb) {
	public("answer the question: yes", func(tx *store.Tx) error { _, err := once.Yes(tx, r.n["passed"], r.News, r.origin()); return err })
	public("answer the question: no", func(tx *store.Tx) error { _, err := once.No(tx, r.n["passed"], r.News, false, r.origin()); return err })
}
