// SPDX-License-Identifier: AGPL-3.0-or-later

package once

import (
	"consend/internal/ground/fault"
	"consend/internal/ground/locale"
	"consend/internal/ground/store"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/list"
	"consend/internal/people/notice"
	"consend/internal/team/account"
)

// Stage is what the link of a question leads to.
type Stage string

// The stages. Each has a page that says so kindly.
const (
	Ready    Stage = "ready"    // a yes and a no
	Already  Stage = "already"  // said yes before
	SaidNo   Stage = "said_no"  // said no, here or elsewhere
	Vanished Stage = "vanished" // nothing of it is here any more
)

// Question is a question on its page.
type Question struct {
	Row     Row
	Contact contact.Contact
	List    list.List
	What    string // the list's title in the words of its mail, and
	By      string // who asks
	Stage   Stage
}

// Look finds the question behind a link.
func Look(r store.Reader, person, listID int64) (q Question, err error) {
	q.Stage = Vanished
	row, ok, err := Find(r, person, listID)
	if err != nil || !ok || listID == 0 || row.State == Wanted || row.State == LeftOut {
		return q, err
	}
	q.Row = row
	if q.Contact, err = contact.Get(r, person); err == nil {
		q.List, err = list.Get(r, listID)
	}
	if fault.Is(err, fault.NotFound) {
		return Question{Stage: Vanished}, nil
	}
	if err != nil || q.Contact.State.Ending() {
		return q, err
	}
	if q.What, q.By = row.AskedWhat, row.AskedBy; q.What == "" {
		a, err := account.Get(r)
		if err != nil {
			return q, err
		}
		q.What, q.By = q.List.Title(row.Language), a.Name
	}
	stands, err := consent.Standings(r, person)
	q.Stage = SaidNo
	for _, s := range stands {
		if s.ListID != listID {
			continue
		}
		switch {
		case s.State == consent.Given && s.Said == consent.SaidYes:
			q.Stage = Already
		case s.State == consent.Given && q.List.RetiredAt == 0 && !barred(s.Reason):
			q.Stage = Ready
		}
	}
	return q, err
}

// barred tells whether a no stands somewhere else than on the list.
func barred(r consent.Reason) bool {
	switch r {
	case consent.HasObjected, consent.HasLeft, consent.HasRefused, consent.Complaining, consent.ErasedBefore, consent.DoNotMail, consent.Ordered:
		return true
	}
	return false
}

// Yes is the button of a question's page: the claim becomes the person's own yes, seen by us (grade A). Again is
// harmless. Nothing but a POST of the person calls it (compliance T-12).
func Yes(tx *store.Tx, person, listID int64, o consent.Origin) (Stage, error) {
	q, err := locked(tx, person, listID)
	if err != nil || q.Stage != Ready {
		return q.Stage, err
	}
	t, _, err := TellingOf(tx)
	if err != nil {
		return "", err
	}
	t.Account.Name = q.By
	if t.Note, err = notice.Get(tx, q.Row.NoteVersionID); err != nil { // the one the mail named
		return "", err
	}
	p := locale.For(q.Row.Language, t.Account.Location())
	asked := q.Row.At
	if asked == 0 { // nobody knew whether it arrived: it did
		asked = q.Row.MadeAt
	}
	e := consent.Event{Contact: person, List: listID, Kind: consent.Confirm, RequestedAt: asked, Source: "preferences", Method: "asked_once",
		NoteVersion: t.Note.ID, Note: t.Note.In(p.Lang).Sha256, Text: t.asked(p, q.What), Language: p.Lang, Origin: o}
	res, err := consent.Apply(tx, []consent.Event{e})
	if err != nil {
		return "", err
	}
	if !res[0].Verdict.OK() { // a no said since is newer than the question: it stands
		return SaidNo, nil
	}
	tx.Do(answered, "yes", q.Row.ID)
	return Ready, contact.Active(tx, []contact.Activity{{Contact: person, Kind: contact.Chose}})
}

// No is the other button: a no like every other, from the list the question was about. A yes given
// before doesn't stand in its way. notMe says that the person never was theirs to write to.
func No(tx *store.Tx, person, listID int64, notMe bool, o consent.Origin) (Stage, error) {
	q, err := locked(tx, person, listID)
	if err != nil || q.Stage == Vanished {
		return Vanished, err
	}
	kind := consent.Withdraw
	if notMe {
		kind = consent.NotMe
	}
	_, err = consent.Leave(tx, consent.Leaving{Contact: person, Scope: consent.Scope{Reach: consent.OneList, ID: listID}, Kind: kind, Source: "preferences", Method: "asked_once",
		Language: q.Row.Language, Origin: o})
	if err != nil {
		return "", err
	}
	tx.Do(answered, "no", q.Row.ID)
	return SaidNo, contact.Active(tx, []contact.Activity{{Contact: person, Kind: contact.Chose}})
}

func locked(tx *store.Tx, person, listID int64) (Question, error) {
	rows, err := contact.Lock(tx, []int64{person})
	if err != nil || len(rows) == 0 {
		return Question{Stage: Vanished}, err
	}
	if _, err := store.All[Row](tx, lock, person, listID); err != nil {
		return Question{}, err
	}
	return Look(tx, person, listID)
}
