// SPDX-License-Identifier: AGPL-3.0-or-later

package app_test

import (
	"context"
	"time"

	"consend/internal/ground/actor"
	"consend/internal/ground/envelope"
	"consend/internal/ground/pii"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/segment"
)

// values are what becomes of what is noted about people: dated, and ended in time.
func (r *run) values(do verb, steps ownVerb, later func(time.Duration)) {
	town := func(s string) contact.Attributes {
		v, _ := contact.TypeText.Read(s)
		return contact.Attributes{"VILLAGE": v}
	}
	name := pii.T("Tricenarius")
	do("make an attribute", func(tx *store.Tx) error {
		id, err := contact.MakeAttribute(tx, contact.Attribute{Name: "VILLAGE", Type: contact.TypeText})
		return r.keep("village", id, err)
	})
	do("note values that end", func(tx *store.Tx) error {
		var news []contact.New
		for _, s := range []string{"tricenaria", "quadragesima", "quinquagesima", "sexagesima"} {
			news = append(news, contact.New{Email: address.Must(s + "@exemple.example"), Attributes: town("Goult"), Source: "member"})
		}
		rows, err := contact.Ensure(tx, news)
		if err == nil {
			r.n["villager"] = rows[0].ID
		}
		return err
	})
	do("limit how long a value is kept", func(tx *store.Tx) error {
		return contact.ChangeAttribute(tx, r.n["village"], 0, contact.Attribute{KeepDays: 5})
	})
	do("note more that end", func(tx *store.Tx) error {
		_, err := contact.Ensure(tx, []contact.New{{Email: address.Must("joucassa@exemple.example"), Attributes: town("Joucas"), Source: "member"},
			{Email: address.Must("mursa@exemple.example"), Attributes: town("Murs"), Source: "member"}, {Email: address.Must("buouxa@exemple.example"), Attributes: town("Buoux"), Source: "member"}})
		return err
	})
	steps("date the values from before", func(ctx context.Context, _ actor.Actor) error { return contact.EndValues(ctx, r.Main) })
	do("note another", func(tx *store.Tx) error {
		return contact.Correct(tx, r.n["villager"], 0, contact.Change{Name: &name, Attributes: town("Lioux"), Said: true})
	})
	do("take one off", func(tx *store.Tx) error {
		return contact.Correct(tx, r.n["villager"], 0, contact.Change{Attributes: contact.Attributes{"VILLAGE": {}}})
	})
	steps("end the values that are too old", func(ctx context.Context, _ actor.Actor) error { return contact.EndValues(ctx, r.Main) })
	later(8 * 24 * time.Hour)
	do("keep values without a limit", func(tx *store.Tx) error {
		return contact.ChangeAttribute(tx, r.n["village"], 0, contact.Attribute{})
	})
	do("export a segment", func(tx *store.Tx) error { _, err := segment.Export(tx, r.n["segment"], 1, envelope.Open); return err })
	steps("forget when they were noted", func(ctx context.Context, _ actor.Actor) error { return contact.EndValues(ctx, r.Main) })
	steps("shorten where acts came from", func(ctx context.Context, _ actor.Actor) error { return consent.ShortenOrigins(ctx, r.Main) })
	later(400 * 24 * time.Hour)
}
