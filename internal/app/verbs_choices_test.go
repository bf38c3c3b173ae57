// SPDX-License-Identifier: AGPL-3.0-or-later

package app_test

import (
	"fmt"
	"time"

	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/list"
)

// choices are what people choose beside yes and no, and the lists that measure.
func (r *run) choices(do, public verb) {
	do("edit a list", func(tx *store.Tx) error {
		return list.Edit(tx, r.n["wines"], "", list.Change{Name: "Grands crus", Public: words, Folder: "Cave", Offered: true})
	})
	do("move a list", func(tx *store.Tx) error { return list.Move(tx, r.n["wines"], true) })
	do("make the lists that measure", func(tx *store.Tx) error { _, err := list.EnsureMeasuring(tx, "fr"); return err })
	public("pause", func(tx *store.Tx) error { return contact.Pause(tx, r.n["una"], 3, time.UTC) })
	public("end a pause", func(tx *store.Tx) error { return contact.Pause(tx, r.n["una"], 0, time.UTC) })
	public("choose a pace", func(tx *store.Tx) error { return contact.Slow(tx, r.n["una"], contact.PaceWeek) })
	public("agree to be measured", func(tx *store.Tx) error {
		_, err := consent.Grant(tx, list.Opens, consent.Event{Contact: r.n["una"], Source: "preferences", Method: "page", Text: "?", Language: "fr", Origin: r.origin()}, false)
		return err
	})
	told := consent.Event{Source: "api", Method: "api", Page: "https://shop.example/till", Text: "[x] ?", Language: "fr", Origin: r.origin()}
	do("tell a yes to being measured", func(tx *store.Tx) error {
		rows, err := contact.Ensure(tx, []contact.New{{Email: address.Must("quarta@exemple.example"), Source: "api"}})
		if err != nil {
			return err
		}
		r.n["quarta"] = rows[0].ID
		e := told
		e.Contact, e.OccurredAt = r.n["quarta"], tx.Now
		res, err := consent.Answered(tx, list.Clicks, true, e)
		if err == nil && res.Verdict != consent.Applied {
			err = fmt.Errorf("a yes that is shown: %s", res.Verdict)
		}
		return err
	})
	do("tell a no to being measured", func(tx *store.Tx) error {
		e := told
		e.Contact = r.n["quarta"]
		_, err := consent.Answered(tx, list.Clicks, false, e)
		return err
	})
}
