// SPDX-License-Identifier: AGPL-3.0-or-later

package people_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/list"
	"consend/internal/testhouse"
)

func TestAContactsPageTellsConditionByConditionWhyOneMayWriteWithoutAYes(t *testing.T) {
	words := map[string][]string{
		"en": {"Existing customer: condition by condition", "did not say yes", "Could refuse when they bought", "Can refuse in each mail", "invoice 7", "Looked at: France and Ireland", "Business contact: condition by condition",
			"About their work", "Needed for the service: condition by condition", "Your reason to write doesn’t hold in your country or theirs", "One may not write for this reason in all of them", "by rule: How long an existing customer may be written to",
			"They are under a contract, and this purpose isn’t marked as a service", "sends is needed for it."},
		"fr": {"Déjà client\u00a0: condition par condition", "n’a pas dit oui pour autant", "Pouvait refuser lors de l’achat", "Peut refuser dans chaque message", "invoice 7", "Regardé\u00a0: France et Irlande", "Contact professionnel\u00a0: condition par condition",
			"Concerne son travail", "Nécessaire au service\u00a0: condition par condition", "Votre raison d’écrire ne vaut pas dans votre pays ou dans le leur", "On ne peut pas écrire pour cette raison dans chacun d’eux", "par la règle\u00a0: Durée pendant laquelle on peut écrire à un client",
			"Sous contrat, et cette finalité n’est pas marquée comme un service", "envoie y est nécessaire."},
	}
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		for lang, w := range words {
			o := settle(t, h, lang)
			var soft, b2b, bound int64
			o.write(o.who, func(tx *store.Tx) error {
				rows, err := contact.Ensure(tx, []contact.New{{Email: address.Must("soft@example.org"), Country: "IE", Source: "member"}, {Email: address.Must("b2b@example.org"), Source: "member"}, {Email: address.Must("bound@example.org"), Country: "DE", Source: "member"}})
				if err != nil {
					return err
				}
				soft, b2b, bound = rows[0].ID, rows[1].ID, rows[2].ID
				l, err := list.Get(tx, o.news)
				must(t, err)
				var events []consent.Event
				for i, b := range []consent.Basis{consent.SoftOptIn, consent.B2B, consent.Contract} {
					events = append(events, consent.Event{Contact: rows[i].ID, List: o.news, Kind: consent.Give, Basis: b, Grade: consent.GradeD, BasisRef: "invoice 7", BasisFamily: l.Products(), OptOutOffered: true, Source: "member", DeclaredBy: o.who.ID, Row: rows[i]})
				}
				_, err = consent.Apply(tx, events)
				return err
			})
			shows := func(id int64, want ...string) {
				t.Helper()
				page := o.get(fmt.Sprintf("/contacts/%d/consent", id))
				for _, s := range want {
					if !strings.Contains(page, s) {
						t.Errorf("%s: the page lacks %q", lang, s)
					}
				}
			}
			shows(soft, w[0], w[1], w[2], w[3], w[4], w[5])
			shows(b2b, w[6], w[7], w[3])
			shows(bound, w[4])
			service := func(is bool) {
				o.write(o.who, func(tx *store.Tx) error {
					l, err := list.Get(tx, o.news)
					must(t, err)
					p, err := list.GetPurpose(tx, l.PurposeID)
					must(t, err)
					return list.EditPurpose(tx, p.ID, "", p.Name, p.Public, is)
				})
			}
			service(true)
			o.write(o.who, func(tx *store.Tx) error {
				_, err := consent.Apply(tx, []consent.Event{{Contact: bound, List: o.news, Kind: consent.Release, Basis: consent.Contract, Grade: consent.GradeD, BasisRef: "invoice 7", Source: "member", DeclaredBy: o.who.ID}})
				return err
			})
			shows(bound, w[8], w[13])
			service(false)
			shows(bound, w[12])
			de := "DE"
			o.write(o.who, func(tx *store.Tx) error { return contact.Correct(tx, b2b, 0, contact.Change{Country: &de}) })
			shows(b2b, w[9], w[10])
			h.Clock.Advance(400 * 24 * time.Hour)
			must(t, consent.EndSoftOptIn(context.Background(), h.Main))
			shows(soft, w[11])
			if page := o.get(fmt.Sprintf("/contacts/%d/activity", soft)); !strings.Contains(page, w[11]) {
				t.Errorf("%s: the timeline doesn't name the rule", lang)
			}
		}
	})
}
