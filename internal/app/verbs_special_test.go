// SPDX-License-Identifier: AGPL-3.0-or-later

package app_test

import (
	"consend/internal/ground/store"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/list"
)

// special is an express yes to what is sensitive, and its end (GDPR 9(2)(a)).
func (r *run) special(do, public verb) {
	do("make the list of an express yes", func(tx *store.Tx) error {
		l, err := list.EnsureSpecial(tx, r.n["taste"], "Goûts", "fr", words)
		return r.keep("express", l.ID, err)
	})
	say := func(kind consent.Kind) func(tx *store.Tx) error {
		return func(tx *store.Tx) error {
			_, err := consent.Apply(tx, []consent.Event{{Contact: r.n["una"], List: r.n["express"], Kind: kind, Source: "preferences", Method: "page", Text: "?", Language: "fr", Origin: r.origin()}})
			return err
		}
	}
	public("agree expressly", say(consent.Accept))
	do("note a sensitive answer", func(tx *store.Tx) error {
		v, err := contact.Attribute{Name: "GOUTS", Type: contact.TypeMultiple, Choices: contact.Choices{"rouge", "blanc", "rosé"}}.Pick([]string{"rouge"})
		if err != nil {
			return err
		}
		return contact.Correct(tx, r.n["una"], 0, contact.Change{Attributes: contact.Attributes{"GOUTS": v}})
	})
	public("take back an express yes", say(consent.Withdraw))
}
