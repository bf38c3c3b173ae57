// SPDX-License-Identifier: AGPL-3.0-or-later

package consent

import (
	"bytes"
	"fmt"
	"slices"

	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/people/contact"
	"consend/internal/people/list"
	"consend/internal/people/refusal"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

// Reach is how far a no goes.
type Reach string

// How far a no goes.
const (
	OneList    Reach = "list"
	OnePurpose Reach = "purpose"
	All        Reach = "all"
)

// Scope is what a suppression covers: a list, all lists of a purpose, or everything.
type Scope struct {
	Reach Reach
	ID    int64 // the list or purpose; 0 for All
}

// Everything is the widest scope.
var Everything = Scope{Reach: All}

func (s Scope) covers(l list.List) bool {
	switch s.Reach {
	case All:
		return true
	case OnePurpose:
		return s.ID == l.PurposeID
	}
	return s.ID == l.ID
}

func (s Scope) valid() bool {
	switch s.Reach {
	case All:
		return s.ID == 0
	case OneList, OnePurpose:
		return s.ID > 0
	}
	return false
}

// Causes lists the causes in the order pages show them.
func Causes() []Cause {
	return []Cause{Unsubscribed, Objected, Complained, HardBounce, Erased, AuthorityOrder, ByMember, Imported}
}

// Suppress puts a person's address on the do-not-mail list. It stays there for ever; what
// the person says yes to later, themselves, goes past it for that list (never past an
// order of an authority). Faults: contact.none, consent.scope.
func Suppress(tx *store.Tx, id int64, cause Cause, scope Scope) error {
	if !scope.valid() || !slices.Contains(Causes(), cause) {
		return fault.New(fault.Invalid, "consent.scope")
	}
	rows, err := contact.Lock(tx, []int64{id})
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return fault.New(fault.NotFound, "contact.none")
	}
	return bar1(tx, rows[0].FP, rows[0], cause, scope)
}

// bar1 writes one suppression and traces it. row is the person, zero when the account knows none.
func bar1(tx *store.Tx, fp [16]byte, row contact.Row, cause Cause, scope Scope) error {
	if row.ID != 0 {
		switch {
		case cause == Objected && scope.Reach == All:
			if err := contact.Mark(tx, row.ID, contact.StateObjected); err != nil {
				return err
			}
		case cause == HardBounce:
			if err := contact.Mark(tx, row.ID, contact.StateBounced); err != nil {
				return err
			}
		}
	}
	entry := tx.ID()
	since, err := binding(tx, []int64{row.ID})
	if err != nil {
		return err
	}
	if _, err := tx.Load(suppress, [][]any{{fp[:], string(scope.Reach), scope.ID, string(cause), max(tx.Now, since[row.ID]), row.ID, entry}}); err != nil {
		return err
	}
	clear := proof.Fields{"cause": string(cause), "scope": string(scope.Reach)}
	if scope.ID != 0 {
		clear["scope_id"] = dec(scope.ID)
	}
	a := trace.Act{ID: entry, Action: "suppression.add", Object: "suppression", Clear: clear}
	if row.ID != 0 {
		a.Person = row.Person()
	}
	if _, err = trace.Append(tx, a); err != nil {
		return err
	}
	err = refusal.Note(tx, []refusal.Refusal{{EntryID: entry, FP: fp[:], Kind: string(cause), Scope: string(scope.Reach), ScopeID: scope.ID, ContactID: row.ID}})
	if err != nil || !travels(row, cause) {
		return err
	}
	kept, err := contact.Lock(tx, []int64{row.Into})
	if err != nil || len(kept) == 0 {
		return err
	}
	return bar1(tx, kept[0].FP, kept[0], cause, scope)
}

// SuppressFP puts a fingerprint on the do-not-mail list: for a restore, which knows no address.
// id is the person whose address it was or is, 0 when the account knows none.
func SuppressFP(tx *store.Tx, fp [16]byte, id int64, cause Cause, scope Scope) error {
	if !scope.valid() || !slices.Contains(Causes(), cause) {
		return fault.New(fault.Invalid, "consent.scope")
	}
	if id != 0 {
		rows, err := contact.Lock(tx, []int64{id})
		if err != nil {
			return err
		}
		if len(rows) == 1 && rows[0].FP == fp {
			return bar1(tx, fp, rows[0], cause, scope)
		}
		if len(rows) == 1 { // the address is another in this copy: the person's no holds for both
			if err := bar1(tx, rows[0].FP, rows[0], cause, scope); err != nil {
				return err
			}
		}
	}
	return bar1(tx, fp, contact.Row{}, cause, scope)
}

// binding gives the moment a suppression written now must bear to bind what the people, who are locked, said before it:
// an act that began earlier may have waited for the one in which they said yes.
func binding(tx *store.Tx, people []int64) (map[int64]legalclock.Moment, error) {
	type yes struct {
		ContactID int64
		SaidAt    legalclock.Moment
	}
	out := map[int64]legalclock.Moment{}
	for part := range slices.Chunk(people, 1000) {
		rows, err := store.All[yes](tx, saidSince, part, tx.Now)
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			out[r.ContactID] = r.SaidAt + 1
		}
	}
	return out, nil
}

// SuppressSet puts people on the do-not-mail list, in bulk: one set act tells of them all. The
// rows are from contact.Ensure or contact.Lock in the same act. Faults: consent.scope.
func SuppressSet(tx *store.Tx, people []contact.Row, cause Cause, scope Scope, importID int64) error {
	if !scope.valid() || !slices.Contains(Causes(), cause) {
		return fault.New(fault.Invalid, "consent.scope")
	}
	clear := proof.Fields{"cause": string(cause), "scope": string(scope.Reach)}
	if scope.ID != 0 {
		clear["scope_id"] = dec(scope.ID)
	}
	people, err := withKept(tx, people, cause)
	if err != nil {
		return err
	}
	slices.SortFunc(people, func(a, b contact.Row) int { return bytes.Compare(a.FP[:], b.FP[:]) })
	people = slices.CompactFunc(people, func(a, b contact.Row) bool { return a.FP == b.FP })
	for part := range slices.Chunk(people, proof.MaxMembers) {
		entry := tx.ID()
		rows := make([][]any, len(part))
		members := make([]trace.Member, len(part))
		ids := make([]int64, len(part))
		for i := range part {
			ids[i] = part[i].ID
		}
		since, err := binding(tx, ids)
		if err != nil {
			return err
		}
		for i := range part {
			p := &part[i]
			if cause == HardBounce || cause == Objected && scope.Reach == All {
				to := contact.StateBounced
				if cause == Objected {
					to = contact.StateObjected
				}
				if err := contact.Mark(tx, p.ID, to); err != nil {
					return err
				}
			}
			rows[i] = []any{p.FP[:], string(scope.Reach), scope.ID, string(cause), max(tx.Now, since[p.ID]), p.ID, entry}
			members[i] = trace.Member{Person: p.Person()}
		}
		if _, err := tx.Load(suppress, rows); err != nil {
			return err
		}
		lines := make([]refusal.Refusal, len(part))
		for i := range part {
			lines[i] = refusal.Refusal{EntryID: entry, FP: part[i].FP[:], Kind: string(cause), Scope: string(scope.Reach), ScopeID: scope.ID, ContactID: part[i].ID}
		}
		if err := refusal.Note(tx, lines); err != nil {
			return err
		}
		if len(part) == 1 {
			if _, err := trace.Append(tx, trace.Act{ID: entry, Action: "suppression.add", Object: "suppression", Clear: clear, Person: part[0].Person()}); err != nil {
				return err
			}
			continue
		}
		if _, err := trace.AppendSet(tx, trace.Act{ID: entry, Action: "suppression.add", Object: "import", ObjectID: importID, Clear: clear}, members); err != nil {
			return err
		}
	}
	return nil
}

// SuppressAddresses puts addresses on the do-not-mail list, whether the account knows
// them or not; at most 1,000 at once. Faults: consent.scope.
func SuppressAddresses(tx *store.Tx, list []address.Address, cause Cause, scope Scope) error {
	if !scope.valid() || !slices.Contains(Causes(), cause) {
		return fault.New(fault.Invalid, "consent.scope")
	}
	if len(list) > 1000 {
		return fmt.Errorf("consent: at most 1,000 addresses at once")
	}
	for _, a := range list {
		c, known, err := contact.Find(tx, a)
		if err != nil {
			return err
		}
		if known {
			if err := Suppress(tx, c.ID, cause, scope); err != nil {
				return err
			}
			continue
		}
		fp, err := contact.FP(tx, a)
		if err != nil {
			return err
		}
		if err := bar1(tx, fp, contact.Row{}, cause, scope); err != nil {
			return err
		}
	}
	return nil
}

// Follow takes the refusals of an address along to another of the same person, who is locked:
// what contact.Move needs. What the other address bore already binds from now on, however much
// later a yes was said from the first: it was another mailbox that said it (compliance T-24).
func Follow(tx *store.Tx, id int64, before, after [16]byte) error {
	since, err := binding(tx, []int64{id})
	if err != nil {
		return err
	}
	from := max(tx.Now, since[id])
	tx.Do(bindAnew, from, id, after[:], from, before[:])
	tx.Do(follow, after[:], before[:], from)
	return nil
}

// Suppression is one line of the do-not-mail list. Of the address only a keyed hash is kept.
type Suppression struct {
	FP        []byte `db:"fp"`
	Scope     Reach
	ScopeID   int64
	Reason    Cause
	Since     legalclock.Moment
	ContactID int64 // 0: no contact of the account
	EntryID   int64
}

// SuppressionsOf lists what covers an address, latest first.
func SuppressionsOf(r store.Reader, a address.Address) ([]Suppression, error) {
	fp, err := contact.FP(r, a)
	if err != nil {
		return nil, err
	}
	return store.All[Suppression](r, suppressionsOf, fp[:])
}

// Suppressions lists the do-not-mail list, newest first, at most size lines; after is the
// last line of the page before, cause narrows it ("" is all).
func Suppressions(r store.Reader, cause Cause, after Suppression, size int) ([]Suppression, error) {
	if after.FP == nil {
		after = Suppression{Since: 1 << 62, FP: []byte{}}
	}
	return store.All[Suppression](r, suppressions, after.Since, after.Since, after.FP, after.Since, after.FP, string(after.Scope),
		after.Since, after.FP, string(after.Scope), after.ScopeID, string(cause), string(cause), min(max(size, 1), 200))
}

// Leaving is a person's no, from a page, a mail client, a reply, or told to a member.
type Leaving struct {
	Contact    int64
	Scope      Scope
	Kind       Kind // Withdraw, Object, Complain, NotMe or Refuse
	OccurredAt legalclock.Moment
	Source     string
	Method     string
	Text       string
	Language   string
	Page       string
	Origin     Origin
}

// Leave hears a no: one event for each list it covers and the person is or was on, and a
// suppression of that scope, which outlives the contact. It is never refused for what came
// before (GDPR 7(3), 21(3)). Faults: consent.kind, consent.scope, contact.none, list.none.
func Leave(tx *store.Tx, l Leaving) ([]Result, error) {
	if !l.Kind.No() {
		return nil, fault.New(fault.Invalid, "consent.kind", "kind", string(l.Kind))
	}
	if !l.Scope.valid() {
		return nil, fault.New(fault.Invalid, "consent.scope")
	}
	if rows, err := contact.Lock(tx, []int64{l.Contact}); err != nil {
		return nil, err
	} else if len(rows) == 0 {
		return nil, fault.New(fault.NotFound, "contact.none")
	}
	type held struct{ ListID, PurposeID int64 }
	on, err := store.All[held](tx, listsHeld, l.Contact)
	if err != nil {
		return nil, err
	}
	var events []Event
	say := func(id int64) {
		events = append(events, Event{Contact: l.Contact, List: id, Kind: l.Kind, OccurredAt: l.OccurredAt, Source: l.Source, Method: l.Method,
			Text: l.Text, Language: l.Language, Page: l.Page, Origin: l.Origin})
	}
	if l.Scope.Reach == OneList {
		say(l.Scope.ID)
	}
	for _, h := range on {
		if l.Scope.Reach == All || l.Scope.Reach == OnePurpose && h.PurposeID == l.Scope.ID {
			say(h.ListID)
		}
	}
	var out []Result
	if len(events) > 0 {
		if out, err = Apply(tx, events); err != nil {
			return nil, err
		}
	}
	return out, Suppress(tx, l.Contact, l.Kind.Cause(), l.Scope)
}

// Cause is the reason of the suppression that goes with a no.
func (k Kind) Cause() Cause {
	switch k {
	case Object:
		return Objected
	case Complain:
		return Complained
	}
	return Unsubscribed
}
