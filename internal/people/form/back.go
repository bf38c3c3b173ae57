// SPDX-License-Identifier: AGPL-3.0-or-later

package form

import (
	"context"
	"encoding/json"
	"slices"
	"unicode/utf8"

	"consend/internal/ground/budget"
	"consend/internal/ground/locale"
	"consend/internal/ground/store"
	"consend/internal/job"
	"consend/internal/keys"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/list"
	"consend/internal/people/notice"
	"consend/internal/team/account"
)

// Back asks a person who left a list whether they want it again: a sign-up on the form that
// brought them, on one served now or before, or on one made for this, and its confirmation mail: that has the words
// of the form; shown are those of the page with the button, which stand in the ledger as what was asked. A no
// is never turned by a switch (compliance, page map: undo = new confirmation), a "not me" neither: what was
// shut opens when this is confirmed. false: the list is no
// more, or the account has no privacy note to show.
func Back(ctx context.Context, tx *store.Tx, person, on int64, shown string, o consent.Origin) (bool, error) {
	c, err := contact.Get(tx, person)
	if err != nil || c.State.Ending() {
		return false, err
	}
	s, ok, err := again(ctx, tx, c, on)
	if err != nil || !ok {
		return false, err
	}
	s.Origin, s.Way, s.Shown, s.Spoken, s.Email = o, wayBack, shown, tx.Who.Language, c.Email
	key, err := keys.Of(tx).MAC(keys.Installation, "budget")
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
	choices, err := json.Marshal([]asked{{List: on, Event: results[0].Event, Way: wayBack}})
	if err != nil {
		return false, err
	}
	id := tx.ID()
	tx.Do(addSignup, id, s.Live.Form.ID, s.Live.Version.ID, person, pending, s.Language, string(choices), nil, 0)
	job.Post(tx, Requested, id)
	return true, nil
}

// again finds the words with which a list can be asked for alone.
func again(ctx context.Context, tx *store.Tx, person contact.Contact, on int64) (Submission, bool, error) {
	var candidates []int64
	old, err := store.All[Signup](tx, signupsOf, person.ID)
	if err != nil {
		return Submission{}, false, err
	}
	for _, s := range old {
		if slices.Contains(s.Lists(), on) {
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
	away, err := PutAway(tx)
	if err != nil {
		return Submission{}, false, err
	}
	for _, f := range append(forms, away...) { // closed, or put away: its words are as good
		if f.CurrentID != 0 {
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
		c, ok := d.choice(on)
		if !ok || c.Grant || c.Closed {
			continue
		}
		s, err := alone(tx, v, on, person)
		return s, err == nil, err
	}
	v, ok, err := asking(ctx, tx, on)
	if err != nil || !ok {
		return Submission{}, false, err
	}
	s, err := alone(tx, v, on, person)
	return s, err == nil, err
}

// alone is a sign-up by one version for one list.
func alone(tx *store.Tx, v Version, on int64, person contact.Contact) (Submission, error) {
	n, err := notice.Get(tx, v.NoteVersion)
	if err != nil {
		return Submission{}, err
	}
	lang := tx.Who.Language
	if t, ok := v.Definition.tongue(person.Language); ok && t.Fallback == lang { // the page spoke the fallback, the form speaks better
		lang = t.Code
	}
	s := Submission{Live: Live{Form: Form{ID: v.FormID}, Version: v, Note: n}, Language: v.Definition.Language(lang)}
	if !v.Definition.ButtonActs() {
		s.Ticked = []int64{on}
	}
	return s, nil
}

// asking makes the form by which a list is asked for that no form ever had, as when all its people came
// with an import: the house's own words with the account's note, put away at once, so that nobody signs
// up there. What the person says yes to has a version and a look like any other.
func asking(ctx context.Context, tx *store.Tx, on int64) (Version, bool, error) {
	l, err := list.Get(tx, on)
	if err != nil || l.RetiredAt != 0 || l.Kind != list.Mail {
		return Version{}, false, err
	}
	note, ok, err := notice.Current(tx)
	if err != nil || !ok {
		return Version{}, false, err
	}
	a, err := account.Get(tx)
	if err != nil {
		return Version{}, false, err
	}
	d := Begin(l, a.Language, note.NoticeID, a.Colour)
	_, found, _, _, err := Check(ctx, tx, Form{Draft: d})
	if err != nil || Refusals(found) {
		return Version{}, false, err
	}
	id, err := Make(tx, clip(locale.For(a.Language, nil).T("form.asking.name", "list", l.Name)), d)
	if err != nil {
		return Version{}, false, err
	}
	f, err := Find(tx, id)
	if err != nil {
		return Version{}, false, err
	}
	v, err := Publish(ctx, tx, id, f.Version)
	if err != nil {
		return Version{}, false, err
	}
	return v, true, Retire(tx, id)
}

// clip shortens a name to what a form may be called.
func clip(s string) string {
	for len(s) > maxName {
		_, n := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-n]
	}
	return s
}
