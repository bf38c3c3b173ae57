// SPDX-License-Identifier: AGPL-3.0-or-later

package form

import (
	"encoding/json"
	"slices"

	"consend/internal/ground/budget"
	"consend/internal/ground/store"
	"consend/internal/job"
	"consend/internal/keys"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/notice"
)

// Back asks a person who left a list whether they want it again: a sign-up on the form that
// brought them, or on one served now, and its confirmation mail. A no is never turned by a
// switch (compliance, page map: undo = new confirmation). false: no form of the account has
// this list by itself, so there is no text to confirm.
func Back(tx *store.Tx, person, list int64, o consent.Origin) (bool, error) {
	c, err := contact.Get(tx, person)
	if err != nil || c.State.Ending() {
		return false, err
	}
	s, ok, err := again(tx, c, list)
	if err != nil || !ok {
		return false, err
	}
	s.Origin, s.Method, s.Email = o, "preferences", c.Email
	key, err := keys.Of(tx).MAC(keys.Installation, "budget")
	if err != nil {
		return false, err
	}
	fp, err := contact.FP(tx, c.Email)
	if err != nil {
		return false, err
	}
	own := perAddress.For(dec(tx.Account()) + " " + c.Email.Norm())
	if err := budget.Spend(tx, key, own); err != nil {
		return false, err
	}
	results, err := consent.Apply(tx, s.events(contact.Row{ID: person}, consent.Request, 0))
	if err != nil {
		return false, err
	}
	choices, err := json.Marshal([]asked{{list, results[0].Event}})
	if err != nil {
		return false, err
	}
	id := tx.ID()
	// Whoever holds a link from the mailbox and asks to come back takes "not me" back too.
	tx.Do(dropBlock, fp[:])
	tx.Do(addSignup, id, s.Live.Form.ID, s.Live.Version.ID, person, pending, s.Language, string(choices), nil, 0)
	job.Post(tx, Requested, id)
	return true, nil
}

// again finds the words with which a list can be asked for alone.
func again(tx *store.Tx, person contact.Contact, list int64) (Submission, bool, error) {
	var candidates []int64
	old, err := store.All[Signup](tx, signupsOf, person.ID)
	if err != nil {
		return Submission{}, false, err
	}
	for _, s := range old {
		if slices.Contains(s.Lists(), list) {
			candidates = append(candidates, s.VersionID)
		}
	}
	forms, err := All(tx)
	if err != nil {
		return Submission{}, false, err
	}
	for _, f := range forms {
		if f.State() == Published {
			candidates = append(candidates, f.CurrentID)
		}
	}
	seen := map[int64]bool{}
	for _, id := range candidates {
		if seen[id] {
			continue
		}
		seen[id] = true
		v, err := Get(tx, id)
		if err != nil {
			return Submission{}, false, err
		}
		d := v.Definition
		c, ok := d.choice(list)
		if !ok || c.Grant || c.Closed {
			continue
		}
		n, err := notice.Get(tx, v.NoteVersion)
		if err != nil {
			return Submission{}, false, err
		}
		lang := tx.Who.Language
		if t, ok := d.tongue(person.Language); ok && t.Fallback == lang { // the page spoke the fallback, the form speaks better
			lang = t.Code
		}
		s := Submission{Live: Live{Form: Form{ID: v.FormID}, Version: v, Note: n}, Language: d.Language(lang)}
		if !d.ButtonActs() {
			s.Ticked = []int64{list}
		}
		return s, true, nil
	}
	return Submission{}, false, nil
}
