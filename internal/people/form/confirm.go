// SPDX-License-Identifier: AGPL-3.0-or-later

package form

import (
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"time"

	"consend/internal/ground/budget"
	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/rulepack"
	"consend/internal/ground/store"
	"consend/internal/job"
	"consend/internal/keys"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/notice"
	"consend/internal/people/refusal"
	"consend/internal/team/account"
	"consend/internal/trace"
)

// The states of a sign-up.
const (
	pending   = "pending"
	confirmed = "confirmed"
	notMe     = "not_me"
	expired   = "expired"
)

// Signup is one sign-up.
type Signup struct {
	ID          int64
	FormID      int64
	VersionID   int64
	ContactID   int64
	State       string
	Language    string
	Choices     string
	Answers     []byte
	RequestedAt legalclock.Moment
	AskedAt     legalclock.Moment
	Asked       int64
	EndedAt     legalclock.Moment
	Hasty       int64
}

// Lists are those that were asked for.
func (s Signup) Lists() []int64 {
	var out []int64
	for _, c := range s.chosen() {
		out = append(out, c.List)
	}
	return out
}

func (s Signup) chosen() []asked {
	var out []asked
	if json.Unmarshal([]byte(s.Choices), &out) != nil {
		return nil // only Submit writes it
	}
	return out
}

// Kept are the lists that are still asked for, or to which the yes was given: without those whose no came before.
func (s Signup) Kept() []int64 {
	var out []int64
	for _, c := range s.chosen() {
		if !c.No {
			out = append(out, c.List)
		}
	}
	return out
}

// keep marks the lists that aren't asked for any more.
func (s *Signup) keep(still func(int, asked) bool) error {
	all := s.chosen()
	for i := range all {
		all[i].No = all[i].No || !still(i, all[i])
	}
	b, err := json.Marshal(all)
	s.Choices = string(b)
	return err
}

// lapse marks what a press would not give any more, since the person said no to it after they asked.
func (s *Signup) lapse(r store.Reader) error {
	if s.State != pending {
		return nil
	}
	stands, err := consent.Standings(r, s.ContactID)
	if err != nil {
		return err
	}
	return s.keep(func(_ int, c asked) bool {
		return slices.ContainsFunc(stands, func(x consent.Standing) bool {
			return x.ListID == c.List && (x.State == consent.Requested || x.State == consent.Given) && (x.Said != consent.SaidNo || s.RequestedAt >= x.SaidAt)
		})
	})
}

// Way is the page where it was asked for, "" for a form.
func (s Signup) Way() string {
	if all := s.chosen(); len(all) > 0 {
		return all[0].Way
	}
	return ""
}

// Until is when the link of the last confirmation mail ends, when it lasts some days (rule doi.token).
func (s Signup) Until(days int) legalclock.Moment {
	return max(s.RequestedAt, s.AskedAt).Add(time.Duration(days) * 24 * time.Hour)
}

// Stage is what a confirmation link leads to.
type Stage string

// The stages. Each has a page that says so kindly.
const (
	Ready    Stage = "ready"    // one button
	Already  Stage = "already"  // confirmed before: nothing to do
	TooLate  Stage = "too_late" // the link has ended: "send me a new one"
	SaidNo   Stage = "said_no"  // somebody said "not me", or no since
	Vanished Stage = "vanished" // ended and erased
)

// Stage tells what a link to this sign-up leads to now.
func (s Signup) Stage(r store.Reader, now legalclock.Moment) (Stage, error) {
	lasts, err := days(r)
	return s.stage(lasts, now), err
}

func (s Signup) stage(days int, now legalclock.Moment) Stage {
	switch {
	case s.ID == 0 || s.State == expired:
		return Vanished
	case s.State == confirmed:
		return Already
	case s.State == notMe, len(s.chosen()) > 0 && len(s.Kept()) == 0:
		return SaidNo
	case now > s.Until(days):
		return TooLate
	}
	return Ready
}

// Waiting is a sign-up with what its page and its mail say.
type Waiting struct {
	Signup
	Version Version
	Note    notice.Version
}

// Look finds a sign-up for its page, as far as it may still be confirmed. One that was swept gives the zero Signup.
func Look(r store.Reader, signup int64) (Waiting, error) {
	s, err := store.One[Signup](r, findSignup, signup)
	if errors.Is(err, store.ErrNone) {
		return Waiting{}, nil
	}
	if err == nil {
		err = s.lapse(r)
	}
	if err != nil {
		return Waiting{}, err
	}
	return with(r, s)
}

func with(r store.Reader, s Signup) (Waiting, error) {
	if d, ok := store.Attached[*Desk](r); ok { // versions never change
		l, err := d.version(r, s.VersionID)
		return Waiting{s, l.Version, l.Note}, err
	}
	v, err := Get(r, s.VersionID)
	if err != nil {
		return Waiting{}, err
	}
	n, err := notice.Get(r, v.NoteVersion)
	return Waiting{s, v, n}, err
}

// Confirm is the button of the confirmation mail's page: the mailbox has answered, and the
// yes is given. Again is harmless and says Already. Nothing but a POST of a person calls it
// (compliance T-12).
func Confirm(tx *store.Tx, signup int64, o consent.Origin) (Stage, error) {
	rulepack.Ask(tx) // travels with the sign-up
	w, err := locked(tx, signup)
	if err != nil {
		return "", err
	}
	lasts, err := days(tx)
	if err != nil {
		return "", err
	}
	if st := w.stage(lasts, tx.Now); st != Ready {
		return st, nil
	}
	d := w.Version.Definition
	a, err := account.Get(tx)
	if err != nil {
		return "", err
	}
	words := confirmText(w, a.Name, lasts)
	var events []consent.Event
	for _, c := range w.chosen() {
		e := consent.Event{Contact: w.ContactID, List: c.List, Kind: consent.Confirm, Request: c.Event, RequestedAt: w.RequestedAt,
			Source: Source, Method: "doi_post", FormVersion: w.VersionID, NoteVersion: w.Note.ID, Text: words, Note: d.NoteIn(w.Note, w.Language).Sha256,
			Language: w.Language, Origin: o}
		if c.Way != "" { // the form was not shown, nor its note: the mail alone has words of it
			e.Source, e.NoteVersion, e.Note = "preferences", 0, nil
		}
		events = append(events, e)
	}
	results, err := consent.Apply(tx, events)
	if err != nil {
		return "", err
	}
	good := false
	for _, r := range results {
		good = good || r.Verdict.OK()
	}
	if !good { // a no said since is newer than this request: it stands
		tx.Do(endSignup, notMe, w.Choices, 0, w.ID)
		return SaidNo, nil
	}
	if err := w.keep(func(i int, _ asked) bool { return results[i].Verdict.OK() }); err != nil {
		return "", err
	}
	if err := w.learn(tx, d); err != nil {
		return "", err
	}
	if err := contact.Active(tx, []contact.Activity{{Contact: w.ContactID, Kind: contact.Submitted}}); err != nil {
		return "", err
	}
	hasty := 0
	if w.AskedAt != 0 && tx.Now.Sub(w.AskedAt) < 2*time.Second { // a machine that follows links and presses buttons
		hasty = 1
	}
	if err := reopen(tx, w); err != nil {
		return "", err
	}
	tx.Do(endSignup, confirmed, w.Choices, hasty, w.ID)
	job.Post(tx, Confirmed, w.ID)
	return Ready, nil
}

// NotMe ends a sign-up that somebody else made, and every further confirmation mail of this
// account to that mailbox. What stood before it stays (Held). Again is harmless.
func NotMe(tx *store.Tx, signup int64, o consent.Origin) (Stage, error) {
	w, err := locked(tx, signup)
	if err != nil || w.ID == 0 {
		return Vanished, err
	}
	if w.State == notMe {
		return SaidNo, nil
	}
	person, err := contact.Get(tx, w.ContactID)
	if err != nil {
		return "", err
	}
	var events []consent.Event
	others, err := store.All[Signup](tx, pendingOf, w.ContactID)
	if err != nil {
		return "", err
	}
	if _, err := contact.Lock(tx, []int64{w.ContactID}); err != nil {
		return "", err
	}
	stands, err := consent.Standings(tx, w.ContactID)
	if err != nil {
		return "", err
	}
	d := w.Version.Definition
	seen := map[int64]bool{}
	for _, s := range stands { // who types an address ends nothing that its owner had
		seen[s.ListID] = s.State == consent.Given
	}
	if w.State == confirmed { // what this one gave goes with it
		for _, id := range w.Kept() {
			delete(seen, id)
		}
	}
	for _, s := range append(others, w.Signup) {
		for _, c := range s.chosen() {
			if !seen[c.List] {
				seen[c.List] = true
				events = append(events, consent.Event{Contact: w.ContactID, List: c.List, Kind: consent.NotMe, Source: Source, Method: "doi_post",
					FormVersion: w.VersionID, NoteVersion: w.Note.ID, Note: d.NoteIn(w.Note, w.Language).Sha256, Language: w.Language, Origin: o})
			}
		}
	}
	if _, err := consent.Apply(tx, events); err != nil {
		return "", err
	}
	for _, e := range events { // it outlives the person, who goes when the sign-up does
		if err := consent.Suppress(tx, w.ContactID, consent.Unsubscribed, consent.Scope{Reach: consent.OneList, ID: e.List}); err != nil {
			return "", err
		}
	}
	fp, err := contact.FP(tx, person.Email)
	if err != nil {
		return "", err
	}
	tx.Do(addBlock, fp[:])
	if err := saidNo(tx, person.Email, false); err != nil {
		return "", err
	}
	tx.Do(refusePending, w.ContactID)
	tx.Do(endSignup, notMe, w.Choices, 0, w.ID)
	p, err := contact.Person(tx, w.ContactID)
	if err != nil {
		return "", err
	}
	entry, err := trace.Append(tx, trace.Act{Action: "form.not_me", Object: "signup", ObjectID: w.ID, Person: p})
	if err != nil {
		return "", err
	}
	all, err := mailbox(tx, person.Email)
	if err != nil {
		return "", err
	}
	return SaidNo, refusal.Note(tx, []refusal.Refusal{blockLine(entry, fp, w.ContactID), {EntryID: entry, FP: all, Kind: string(consent.NotMe), Scope: refusal.Mailbox}})
}

// Held tells on which of a sign-up's lists the person stands without it.
func Held(r store.Reader, w Waiting) ([]consent.Standing, error) {
	all, err := consent.Standings(r, w.ContactID)
	mine := w.Lists()
	return slices.DeleteFunc(all, func(s consent.Standing) bool { return s.State != consent.Given || !slices.Contains(mine, s.ListID) }), err
}

// Block ends every further confirmation mail to a mailbox of which only the fingerprint is
// known: a restore lets a "not me" hold again.
func Block(tx *store.Tx, fp [16]byte) error {
	tx.Do(addBlock, fp[:])
	entry, err := trace.Append(tx, trace.Act{Action: "form.not_me", Object: "mailbox"})
	if err != nil {
		return err
	}
	return refusal.Note(tx, []refusal.Refusal{blockLine(entry, fp, 0)})
}

// blockLine is the ledger's line of a mailbox that the account asks no more.
func blockLine(entry int64, fp [16]byte, person int64) refusal.Refusal {
	return refusal.Refusal{EntryID: entry, FP: fp[:], Kind: string(consent.NotMe), Scope: refusal.Confirm, ContactID: person}
}

// AskAgain sends a new confirmation mail for a sign-up whose link has ended or was lost; the
// address is the one that was typed, never another. Faults: budget.spent.
func AskAgain(tx *store.Tx, signup int64) (Stage, error) {
	w, err := locked(tx, signup)
	if err != nil {
		return "", err
	}
	if err := w.lapse(tx); err != nil {
		return "", err
	}
	st, err := w.Stage(tx, tx.Now)
	if err != nil || st != Ready && st != TooLate {
		return st, err
	}
	key, err := keys.Of(tx).MAC(keys.Installation, "budget")
	if err != nil {
		return "", err
	}
	if err := budget.Spend(tx, key, perSignup.For(strconv.FormatInt(w.ID, 10))); err != nil {
		return "", err
	}
	p, err := contact.Person(tx, w.ContactID)
	if err != nil {
		return "", err
	}
	job.Post(tx, Requested, w.ID)
	_, err = trace.Append(tx, trace.Act{Action: "form.ask_again", Object: "signup", ObjectID: w.ID, Person: p})
	return Ready, err
}

var perSignup = budget.Limit{Name: "form.again", Max: 3, Per: 24 * time.Hour}

func locked(tx *store.Tx, signup int64) (Waiting, error) {
	s, err := store.One[Signup](tx, lockSignup, signup)
	if errors.Is(err, store.ErrNone) {
		return Waiting{}, nil
	}
	if err != nil {
		return Waiting{}, err
	}
	return with(tx, s)
}

// learn opens what was typed and writes it down. A person who was erased has no key any more.
func (w Waiting) learn(tx *store.Tx, d Definition) error {
	var t typed
	if len(w.Answers) > 0 {
		key, err := contact.Key(tx, w.ContactID)
		if err != nil {
			return err
		}
		plain, err := key.Open(answersAt(w.ID), w.Answers)
		if err != nil {
			return fault.Wrap(err, "fault.internal")
		}
		if err := json.Unmarshal(plain, &t); err != nil {
			return err
		}
	}
	return learn(tx, w.ContactID, d, w.Language, t)
}
