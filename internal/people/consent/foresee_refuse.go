// SPDX-License-Identifier: AGPL-3.0-or-later

package consent

import (
	"bytes"
	"slices"

	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/people/contact"
)

// Dry tells what RefuseSet and then MeetAll would make of the refusals of one file, and writes
// nothing. It holds one address or hash once; what happens until the real ones is not in it.
type Dry struct {
	came   map[place]bool // people here who would come onto the list, by address or hash
	hashes map[[16]byte]sayings
}

// sayings are a hash's scope and moment. Of a longer hash its beginning tells it from others.
type sayings struct {
	scope Scope
	since legalclock.Moment
}

// dryHashes is how many hashes are held before everybody is looked through: some 100 octets each.
const dryHashes = 500_000

// Full tells whether Meet is due before more is told.
func (d *Dry) Full() bool { return len(d.hashes) >= dryHashes }

// Refuse tells what RefuseSet would make of some refusals.
func (d *Dry) Refuse(r store.Reader, told []Told) (out Intake, err error) {
	if d.came == nil {
		d.came, d.hashes = map[place]bool{}, map[[16]byte]sayings{}
	}
	var nos []no
	var hashes []Told
	var emails []address.Address
	for _, t := range told {
		if t.Email.IsZero() {
			hashes = append(hashes, t)
			continue
		}
		emails = append(emails, t.Email)
		nos = append(nos, no{cause: t.Cause, scope: t.Scope, since: t.Since})
	}
	rows, err := contact.Foresee(r, emails)
	if err != nil {
		return out, err
	}
	for i := range rows {
		if nos[i].fp = rows[i].FP; rows[i].ID != 0 {
			nos[i].row = &rows[i]
		}
	}
	if out.Fresh, out.Here, err = d.look(r, nos); err != nil {
		return out, err
	}
	stands, err := hashesOf(r, hashes)
	if err != nil {
		return out, err
	}
	for _, t := range hashes {
		if _, had := stands[hashPlace{string(t.Hash), t.Scope}]; !had {
			out.Fresh++
			d.hashes[[16]byte(t.Hash)] = sayings{t.Scope, t.Since}
		}
	}
	out.Hashed, out.Stood = len(hashes), len(told)-out.Fresh
	return out, nil
}

// Meet is MeetAll for the hashes told so far.
func (d *Dry) Meet(r store.Reader, after int64) (next int64, met int, err error) {
	const some = 1000
	if len(d.hashes) == 0 {
		return 0, 0, nil
	}
	rows, err := contact.Addresses(r, after, some)
	if err != nil {
		return 0, 0, err
	}
	var nos []no
	for i := range rows {
		for _, s := range spellings(rows[i].Email) {
			for _, k := range []HashKind{SHA256, SHA1, MD5} {
				if n, ok := d.hashes[[16]byte(k.Of(s))]; ok {
					nos = append(nos, no{fp: rows[i].FP, row: &rows[i], scope: n.scope, since: n.since})
				}
			}
		}
	}
	_, met, err = d.look(r, nos)
	if next = 0; len(rows) == some {
		next = rows[some-1].ID
	} else {
		clear(d.hashes)
	}
	return next, met, err
}

// look counts the refusals whose place on the list is free, and of these the people here whom they bind.
func (d *Dry) look(r store.Reader, nos []no) (fresh, here int, err error) {
	slices.SortStableFunc(nos, func(a, b no) int { return bytes.Compare(a.fp[:], b.fp[:]) })
	stands, yes, err := standing(r, nos)
	for _, n := range nos {
		p := place{n.fp, n.scope}
		if _, had := stands[p]; had || d.came[p] {
			continue
		}
		fresh++
		if id := n.id(); id != 0 {
			if d.came[p] = true; n.since == 0 || n.since > yes[id] {
				here++
			}
		}
	}
	return fresh, here, err
}
