// SPDX-License-Identifier: AGPL-3.0-or-later

// Package restore promises that a main database put back from a backup sends nothing before it
// knows again what people refused since (INV-16; GDPR 7(3), 17, 21(3)), and that nobody can
// take the log back unseen: who accepts a restore says so by name, the log's record of it is
// signed and lies outside main, and what was lost is counted.
//
// A start refuses a main that is behind its checkpoints, or that lacks refusals of the ledger.
// Accept is the one way on. The order makes a kill anywhere harmless: numbers jump ahead,
// refusals and erasures are replayed, the entry is written, and only then the checkpoints
// outside are set aside, so that until then the start is refused and Accept begins again.
package restore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"consend/internal/ground/actor"
	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/form"
	"consend/internal/people/list"
	"consend/internal/people/refusal"
	"consend/internal/team/account"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

// House is what a restore works on.
type House struct {
	Main   *store.DB
	Log    *trace.Log
	Ledger *refusal.Ledger
}

// State is what is known before a restore is accepted.
type State struct {
	trace.Setback
	Refused int64 // refusals and erasures of the ledger that main doesn't know
	Strange int64 // those of them whose account main doesn't know
}

// Done is what a restore did.
type Done struct {
	State
	Replayed int64 // refusals that hold again
	Erased   int64 // people who were deleted again
	Entry    int64 // the entry in the trace
}

var who = actor.Actor{Kind: actor.Command, Name: "restore accept"}

// An entry of an act is in the copy if the act was committed a while before the copy was made.
const settled = 24 * time.Hour

// ahead is how far the numbers jump: more than any node had leased and not told of.
const ahead = 1 << 30

// Check refuses a main that lacks refusals of the ledger: what a start asks, cheaply, of the
// newest lines. Fault: restore.refusals.
func Check(ctx context.Context, h House) error {
	at, err := h.Log.SealedAt(ctx)
	if err != nil {
		return err
	}
	rows, err := h.Ledger.Newest(ctx, at.Add(-time.Hour), 200)
	if err != nil {
		return err
	}
	n := 0
	err = h.missing(ctx, rows, func(a int64, lost []refusal.Refusal) error {
		ok, err := h.knows(ctx, a)
		if ok { // lines of an account that main doesn't know wait for the copy that does
			n += len(lost)
		}
		return err
	})
	if err == nil && n > 0 {
		err = fault.New(fault.Refused, "restore.refusals", "n", n)
	}
	return err
}

// missing hands out, account by account, those of some lines whose entry main doesn't hold.
func (h House) missing(ctx context.Context, rows []refusal.Refusal, f func(account int64, lost []refusal.Refusal) error) error {
	byAccount := map[int64][]refusal.Refusal{}
	var order []int64
	for _, r := range rows {
		if byAccount[r.AccountID] == nil {
			order = append(order, r.AccountID)
		}
		byAccount[r.AccountID] = append(byAccount[r.AccountID], r)
	}
	for _, a := range order {
		ids := make([]int64, len(byAccount[a]))
		for i, r := range byAccount[a] {
			ids[i] = r.EntryID
		}
		have := map[int64]bool{}
		err := h.Main.View(ctx, who.In(a), func(v *store.View) error {
			known, err := trace.Known(v, ids)
			for _, id := range known {
				have[id] = true
			}
			return err
		})
		if err != nil {
			return err
		}
		var lost []refusal.Refusal
		for _, r := range byAccount[a] {
			if !have[r.EntryID] {
				lost = append(lost, r)
			}
		}
		if len(lost) > 0 {
			if err := f(a, lost); err != nil {
				return err
			}
		}
	}
	return nil
}

// lost goes over all lines of the ledger that main may lack.
func (h House) lost(ctx context.Context, f func(account int64, lost []refusal.Refusal) error) error {
	at, err := h.Log.SealedAt(ctx)
	if err != nil {
		return err
	}
	for last := (refusal.Refusal{}); ; {
		rows, err := h.Ledger.Since(ctx, at.Add(-settled), last)
		if err != nil || len(rows) == 0 {
			return err
		}
		if err := h.missing(ctx, rows, f); err != nil {
			return err
		}
		last = rows[len(rows)-1]
	}
}

func (h House) knows(ctx context.Context, id int64) (bool, error) {
	err := h.Main.View(ctx, who.In(id), func(v *store.View) error { _, err := account.Get(v); return err })
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	return err == nil, err
}

// Look tells what a restore would be about. It changes nothing. Faults: those of Log.Setback;
// the log's own when an entry of main was changed.
func Look(ctx context.Context, h House) (s State, err error) {
	if s.Setback, err = h.Log.Setback(ctx); err != nil {
		return s, err
	}
	v, err := h.Log.Verify(ctx, trace.Check{Salts: contact.Salts, Restored: true})
	if err != nil {
		return s, err
	}
	if !v.Holds() {
		return s, v.Found[0]
	}
	return s, h.lost(ctx, func(a int64, lost []refusal.Refusal) error {
		s.Refused += int64(len(lost))
		ok, err := h.knows(ctx, a)
		if !ok {
			s.Strange += int64(len(lost))
		}
		return err
	})
}

// Accept accepts a restore in somebody's name, who says why. Faults: those of Look;
// restore.nothing when main is behind nothing; restore.by, restore.reason.
func Accept(ctx context.Context, h House, by, reason string) (d Done, err error) {
	switch {
	case by == "":
		return d, fault.New(fault.Invalid, "restore.by").At("by")
	case reason == "":
		return d, fault.New(fault.Invalid, "restore.reason").At("reason")
	}
	if d.State, err = Look(ctx, h); err != nil {
		return d, err
	}
	if !d.Behind() && d.Refused == 0 {
		return d, fault.New(fault.Conflict, "restore.nothing")
	}
	next, err := h.Log.IDs(ctx)
	if err != nil {
		return d, err
	}
	if err := h.Main.SkipIDs(ctx, next+ahead); err != nil {
		return d, err
	}
	var shut []refusal.Refusal    // of mailboxes over all accounts
	hashes := map[int64][]int64{} // the lines that a search over the people must follow
	err = h.lost(ctx, func(a int64, lost []refusal.Refusal) error {
		ok, err := h.knows(ctx, a)
		if err != nil || !ok {
			return err
		}
		var own []refusal.Refusal
		for _, r := range lost {
			if r.Scope == refusal.Mailbox {
				shut = append(shut, r)
				continue
			}
			if own = append(own, r); strings.HasPrefix(r.Kind, refusal.Hashed) {
				hashes[a] = append(hashes[a], r.ID)
			}
		}
		return h.replay(ctx, a, own, &d)
	})
	if err != nil {
		return d, err
	}
	if err := h.shut(ctx, shut, &d); err != nil {
		return d, err
	}
	for _, a := range slices.Sorted(maps.Keys(hashes)) {
		if err := h.meet(ctx, a, hashes[a]); err != nil {
			return d, err
		}
	}
	if err := contact.Forget(ctx, h.Main); err != nil {
		return d, err
	}
	if err := h.tell(ctx, by, reason, &d); err != nil {
		return d, err
	}
	if !d.Behind() {
		return d, h.Log.Seal(ctx)
	}
	return d, h.Log.Accept(ctx, d.Setback, h.Main.Clock()())
}

// tell writes the entry that a restore was accepted.
func (h House) tell(ctx context.Context, by, reason string, d *Done) error {
	clear := proof.Fields{"to": dec(d.Head.Size), "proved": dec(d.Proved), "refused": dec(d.Refused), "replayed": dec(d.Replayed), "erased": dec(d.Erased), "strange": dec(d.Strange)}
	if d.Behind() {
		clear["from"], clear["lost"] = dec(d.Lost[0].Size), dec(d.Lost[0].Size-d.Head.Size)
		clear["from_root"], clear["from_at"] = d.Lost[0].Root.String(), legalclock.MomentOf(d.Lost[0].At).String()
	}
	return h.Main.Write(ctx, who, func(tx *store.Tx) (err error) {
		d.Entry, err = trace.Append(tx, trace.Act{Action: "restore.accept", Object: "log", Clear: clear, Private: proof.Fields{"by": by, "reason": reason}})
		return err
	})
}

// replay lets the refusals of an account hold again, some at a time: refusals first, since they
// are what stops mail, then the deletions.
func (h House) replay(ctx context.Context, a int64, lost []refusal.Refusal, d *Done) error {
	var said, hashed, dropped []refusal.Refusal
	for _, r := range lost {
		switch {
		case r.Kind == refusal.Dropped:
			dropped = append(dropped, r)
		case strings.HasPrefix(r.Kind, refusal.Hashed):
			hashed = append(hashed, r)
		default:
			said = append(said, r)
		}
	}
	bulk := func(fn func(*store.Tx) (bool, error)) error { return h.Main.Bulk(ctx, who.In(a), fn) }
	if err := steps(said, &d.Replayed, bulk, again); err != nil {
		return err
	}
	if err := steps(slices.Collect(slices.Chunk(hashed, 1000)), &d.Replayed, bulk, consent.HoldAgain); err != nil {
		return err
	}
	if len(dropped) > 0 {
		if err := steps(dropped, &d.Erased, func(fn func(*store.Tx) (bool, error)) error { return h.Main.PurgeBulk(ctx, who.In(a), "restore", fn) }, drop); err != nil {
			return err
		}
	}
	return h.done(ctx, a, ids(append(said, dropped...)))
}

func ids(rows []refusal.Refusal) []int64 {
	out := make([]int64, len(rows))
	for i, r := range rows {
		out[i] = r.ID
	}
	return out
}

// steps lets rows hold again, some in an act, and counts what was lost.
func steps[T any](rows []T, count *int64, bulk func(fn func(*store.Tx) (bool, error)) error, one func(*store.Tx, T) (int, error)) error {
	at := 0
	return bulk(func(tx *store.Tx) (bool, error) {
		k, n := at, int64(0)
		for ; k < len(rows) && (k == at || !tx.Yield()); k++ {
			did, err := one(tx, rows[k])
			if err != nil {
				return false, err
			}
			n += int64(did)
		}
		tx.AfterCommit(func() { at, *count = k, *count+n })
		return k < len(rows), nil
	})
}

// shut lets what mailboxes said to all accounts hold again, or be taken back again: in the order in which it was
// said, whatever account heard it.
func (h House) shut(ctx context.Context, rows []refusal.Refusal, d *Done) error {
	slices.SortFunc(rows, func(a, b refusal.Refusal) int { return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.ID, b.ID)) })
	for len(rows) > 0 {
		a, n := rows[0].AccountID, 1
		for n < len(rows) && rows[n].AccountID == a {
			n++
		}
		bulk := func(fn func(*store.Tx) (bool, error)) error { return h.Main.Bulk(ctx, who.In(a), fn) }
		if err := steps(rows[:n], &d.Replayed, bulk, counted(form.HoldAgain)); err != nil {
			return err
		}
		if err := h.done(ctx, a, ids(rows[:n])); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

// meet finds whom the hashes of an account name, and then is done with their lines.
func (h House) meet(ctx context.Context, a int64, lines []int64) error {
	after := int64(0)
	err := h.Main.Bulk(ctx, who.In(a), func(tx *store.Tx) (bool, error) {
		next, _, err := consent.MeetAll(tx, after, 0)
		tx.AfterCommit(func() { after = next })
		return next != 0, err
	})
	if err != nil {
		return err
	}
	return h.done(ctx, a, lines)
}

func counted(one func(*store.Tx, refusal.Refusal) (bool, error)) func(*store.Tx, refusal.Refusal) (int, error) {
	return func(tx *store.Tx, r refusal.Refusal) (int, error) {
		did, err := one(tx, r)
		if did {
			return 1, err
		}
		return 0, err
	}
}

// done strikes off lines that hold again.
func (h House) done(ctx context.Context, a int64, lines []int64) error {
	// What holds again is in the ledger by its new entries before the old lines are done with.
	if err := h.Main.Write(ctx, who.In(a), func(tx *store.Tx) error { return h.Ledger.Carry(tx, 0) }); err != nil {
		return err
	}
	for part := range slices.Chunk(lines, 1000) {
		if err := h.Ledger.Replayed(ctx, a, part); err != nil {
			return err
		}
	}
	return nil
}

// again lets one refusal hold again.
func again(tx *store.Tx, r refusal.Refusal) (int, error) {
	return counted(func(tx *store.Tx, r refusal.Refusal) (bool, error) {
		switch {
		case len(r.FP) != 16:
			return false, fmt.Errorf("restore: line %d has no fingerprint", r.ID)
		case r.Scope == refusal.Confirm:
			return form.HoldAgain(tx, r)
		case r.Kind == refusal.Paused, r.Kind == refusal.Paced:
			return contact.HoldAgain(tx, r)
		}
		return refused(tx, r)
	})(tx, r)
}

// refused lets a no to mail hold again.
func refused(tx *store.Tx, r refusal.Refusal) (bool, error) {
	fp := [16]byte(r.FP)
	person, err := here(tx, r.ContactID)
	if err != nil {
		return false, err
	}
	scope := consent.Scope{Reach: consent.Reach(r.Scope), ID: r.ScopeID}
	kind := consent.Kind(r.Kind)
	if kind.Own() { // "not me" is the person's own word: the house says for them only that they refused
		kind = consent.Refuse
	}
	if !kind.No() {
		return true, consent.SuppressFP(tx, fp, person, consent.Cause(r.Kind), scope)
	}
	if person != 0 {
		_, err := list.Get(tx, r.ScopeID)
		if err == nil {
			_, err = consent.Apply(tx, []consent.Event{{Contact: person, List: r.ScopeID, Kind: kind, OccurredAt: r.At, Source: "restore", Method: "ledger"}})
		}
		if err == nil || !fault.Is(err, fault.NotFound) {
			return err == nil, err
		}
	}
	return true, consent.SuppressFP(tx, fp, person, kind.Cause(), scope)
}

// here gives the number back when main knows such a contact, else 0.
func here(tx *store.Tx, id int64) (int64, error) {
	if id == 0 {
		return 0, nil
	}
	_, err := contact.Get(tx, id)
	if fault.Is(err, fault.NotFound) || errors.Is(err, store.ErrNone) {
		return 0, nil
	}
	return id, err
}

// drop deletes a person again who was deleted.
func drop(tx *store.Tx, r refusal.Refusal) (int, error) {
	gone, err := contact.Drop(tx, []int64{r.ContactID}, "restore")
	return min(len(gone), 1), err
}

func dec(n int64) string { return strconv.FormatInt(n, 10) }
