// SPDX-License-Identifier: AGPL-3.0-or-later

package consent

import (
	"bytes"
	"slices"

	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/people/contact"
	"consend/internal/people/refusal"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

func badScope() error { return fault.New(fault.Invalid, "consent.scope") }

// no is one refusal on its way to the do-not-mail list.
type no struct {
	fp     [16]byte
	norm   string
	row    *contact.Row // nil: the account knows nobody of this address
	cause  Cause
	scope  Scope
	since  legalclock.Moment // 0: now
	mirror bool              // said by another contact, which was merged into this one
}

func (n no) id() int64 {
	if n.row == nil {
		return 0
	}
	return n.row.ID
}

// sought looks for the people of addresses, and locks them.
func sought(tx *store.Tx, nos []no) ([]no, error) {
	norms := make([]string, 0, len(nos))
	for _, n := range nos {
		norms = append(norms, n.norm)
	}
	slices.Sort(norms)
	for part := range slices.Chunk(slices.Compact(norms), 1000) {
		ids, err := contact.Known(tx, part)
		if err != nil {
			return nil, err
		}
		for i := range nos {
			if id, ok := ids[nos[i].norm]; ok {
				nos[i].row = &contact.Row{ID: id}
			}
		}
	}
	return lockAll(tx, nos)
}

// lockAll locks the people of refusals. Who is gone, or has another address by now, is nobody's.
func lockAll(tx *store.Tx, nos []no) ([]no, error) {
	var ids []int64
	for _, n := range nos {
		if n.row != nil {
			ids = append(ids, n.row.ID)
		}
	}
	slices.Sort(ids)
	rows := map[int64]*contact.Row{}
	for part := range slices.Chunk(slices.Compact(ids), 1000) {
		some, err := contact.Lock(tx, part)
		if err != nil {
			return nil, err
		}
		for i := range some {
			rows[some[i].ID] = &some[i]
		}
	}
	for i := range nos {
		if nos[i].row != nil {
			if nos[i].row = rows[nos[i].row.ID]; nos[i].row != nil && nos[i].row.FP != nos[i].fp {
				nos[i].row = nil
			}
		}
	}
	return mirrored(tx, nos)
}

type place struct {
	fp    [16]byte
	scope Scope
}

// refuse writes those of some refusals that say something new, in one set act, and tells how many
// addresses came onto the list by them, and how many of these are people here whom that binds.
func refuse(tx *store.Tx, nos []no, importID int64) (fresh, here int, err error) {
	if len(nos) == 0 {
		return 0, 0, nil
	}
	slices.SortStableFunc(nos, func(a, b no) int { return bytes.Compare(a.fp[:], b.fp[:]) })
	stands, yes, err := standing(tx, nos)
	if err != nil {
		return 0, 0, err
	}
	entry := tx.ID()
	var rows [][]any
	var members []trace.Member
	var lines []refusal.Refusal
	objected, bounced := []int64{}, []int64{}
	at := map[place]int{}
	for _, n := range nos {
		p := place{n.fp, n.scope}
		was, had := stands[p]
		since := n.since
		if since == 0 {
			since = max(tx.Now, yes[n.id()]+1)
		}
		switch {
		case had && was.Reason == AuthorityOrder, had && n.cause == HardBounce && was.Reason != HardBounce, had && was.Since >= since,
			had && n.since == 0 && yes[n.id()] < was.Since: // it binds as it is
			continue
		}
		if !had && !n.mirror {
			fresh++
			if id := n.id(); id != 0 && since > yes[id] {
				here++
			}
		}
		stands[p] = barRow{Scope: n.scope.Reach, ScopeID: n.scope.ID, Reason: n.cause, Since: since}
		if id := n.id(); id != 0 && since > yes[id] {
			switch {
			case n.cause == Objected && n.scope.Reach == All:
				objected = append(objected, id)
				n.row.State = contact.StateObjected
			case n.cause == HardBounce:
				bounced = append(bounced, id)
				n.row.State = contact.StateBounced
			}
		}
		row := []any{n.fp[:], string(n.scope.Reach), n.scope.ID, string(n.cause), since, n.id(), entry}
		member := trace.Member{Clear: clearOf(n.cause, n.scope, n.since)}
		if n.row != nil {
			member.Person = n.row.Person()
		}
		line := refusal.Refusal{EntryID: entry, FP: slices.Clone(n.fp[:]), Kind: string(n.cause), Scope: string(n.scope.Reach), ScopeID: n.scope.ID, ContactID: n.id()}
		if i, twice := at[p]; twice { // one statement writes a row once
			rows[i], members[i], lines[i] = row, member, line
			continue
		}
		at[p] = len(rows)
		rows, members, lines = append(rows, row), append(members, member), append(lines, line)
	}
	if len(rows) == 0 {
		return 0, 0, nil
	}
	for part := range slices.Chunk(bounced, 1000) {
		contact.MarkSet(tx, part, contact.StateBounced)
	}
	for part := range slices.Chunk(objected, 1000) {
		contact.MarkSet(tx, part, contact.StateObjected)
	}
	if _, err := tx.Load(suppress, rows); err != nil {
		return 0, 0, err
	}
	if err := refusal.Note(tx, lines); err != nil {
		return 0, 0, err
	}
	return fresh, here, tellSet(tx, entry, "suppression.add", importID, members)
}

// standing reads what the do-not-mail list has of some addresses, and the last yes of their people.
func standing(r store.Reader, nos []no) (map[place]barRow, map[int64]legalclock.Moment, error) {
	stands, yes := map[place]barRow{}, map[int64]legalclock.Moment{}
	var fps [][]byte
	var ids []int64
	for i := range nos {
		if i == 0 || nos[i].fp != nos[i-1].fp {
			fps = append(fps, nos[i].fp[:])
			if id := nos[i].id(); id != 0 {
				ids = append(ids, id)
			}
		}
	}
	for part := range slices.Chunk(fps, 1000) {
		rows, err := store.All[barRow](r, bars, part)
		if err != nil {
			return nil, nil, err
		}
		for _, b := range rows {
			stands[place{[16]byte(b.FP), Scope{b.Scope, b.ScopeID}}] = b
		}
	}
	for part := range slices.Chunk(ids, 1000) {
		rows, err := store.All[yesRow](r, lastYes, part)
		if err != nil {
			return nil, nil, err
		}
		for _, y := range rows {
			yes[y.ContactID] = y.SaidAt
		}
	}
	return stands, yes, nil
}

type yesRow struct {
	ContactID int64
	SaidAt    legalclock.Moment
}

// clearOf is what the trace says of a refusal in clear: never whose it is.
func clearOf(c Cause, s Scope, said legalclock.Moment) proof.Fields {
	f := proof.Fields{"cause": string(c), "scope": string(s.Reach)}
	if s.ID != 0 {
		f["scope_id"] = dec(s.ID)
	}
	if said != 0 {
		f["said"] = said.String() // as the other tool has it
	}
	return f
}
