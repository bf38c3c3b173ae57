// SPDX-License-Identifier: AGPL-3.0-or-later

package contact

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"

	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/pii"
	"consend/internal/ground/store"
	"consend/internal/keys"
	"consend/internal/mail/address"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

// New is a person to find, or to make when the account doesn't know the address. What
// is known already is left as it is: Correct changes, Ensure never does.
type New struct {
	Email       address.Address
	Name        pii.Text
	Attributes  Attributes
	Language    string
	Country     string
	Age         int
	Source      string
	NoticeDueAt legalclock.Moment
	ActiveAt    legalclock.Moment // last sign of life; 0 means now
	Keyed       bool              // take a key at once: something of the person will be sealed in this act
	Entry       int64             // the entry that tells of it, when the caller writes one; 0: Ensure writes it
	EntryIndex  int               // the member of that entry, proof.Whole for all of it
}

// Row is what the next verb of the same act needs of a person: consent.Apply takes it
// and reads nothing again.
type Row struct {
	ID      int64
	Created bool // made by this call
	State   State
	Version int64
	Email   address.Address
	FP      [16]byte
	Salt    []byte
	Key     keys.Ref
	Open    keys.Subject // the key, when it is at hand
	Country string       // as stated, "" unknown
	Into    int64        // the contact this one was merged into, 0: it is one of its own
	Barred  bool         // this act put them on the do-not-mail list: what was asked of it before is old
}

// Person is the row as the trace commits to it.
func (r Row) Person() trace.Person {
	return trace.Person{ID: r.ID, Salt: r.Salt, Key: r.Key, Open: r.Open}
}

// Unlock gives the person's key, and takes one when there is none. The row is locked or
// was made by this act.
func (r *Row) Unlock(tx *store.Tx) (keys.Subject, error) {
	if r.Open != (keys.Subject{}) {
		return r.Open, nil
	}
	p := r.Person()
	s, err := open(tx, &p)
	r.Key, r.Open = p.Key, s
	return s, err
}

// knownRow is a Row as the database gives it.
type knownRow struct {
	ID         int64
	Email      address.Address
	EmailNorm  string
	FP         []byte `db:"fp"`
	State      State
	Version    int64
	Salt       []byte
	KeySheet   int64
	KeySlot    int
	MergedInto int64
	Country    string
}

func (k knownRow) row() Row {
	r := Row{ID: k.ID, State: k.State, Version: k.Version, Email: k.Email, Salt: k.Salt, Key: keys.Ref{Sheet: k.KeySheet, Slot: k.KeySlot}, Into: k.MergedInto, Country: k.Country}
	copy(r.FP[:], k.FP)
	return r
}

// Ensure finds or makes people by their address, in bulk, and gives their rows in the
// order of news; two spellings of one address get one row. Nobody is changed. Addresses
// are written in order, so that two acts at once never wait for each other.
// Faults: contact.email.missing.
func Ensure(tx *store.Tx, news []New) ([]Row, error) { return new(Desk).Ensure(tx, news) }

// Desk is memory that Ensures one after another use again, as an import does.
type Desk struct {
	order []int
	salts []byte
	rows  []Row
	came  []*Row
	cells store.Rows
	noted []noted
}

// Ensure is Ensure. The rows are valid until the next one.
func (d *Desk) Ensure(tx *store.Tx, news []New) ([]Row, error) {
	if len(news) == 0 {
		return nil, nil
	}
	order, err := d.inOrder(news)
	if err != nil {
		return nil, err
	}
	fps, err := fingerprints(tx)
	if err != nil {
		return nil, err
	}
	d.salts = slices.Grow(d.salts[:0], 32*len(order))[:32*len(order)]
	salts := d.salts
	if _, err := rand.Read(salts); err != nil {
		return nil, err
	}
	d.rows = slices.Grow(d.rows[:0], len(news))[:len(news)]
	out := d.rows
	clear(out)
	cells := &d.cells
	cells.Begin(len(addColumns), len(order))
	own := map[int]int64{} // the entries that Ensure writes itself
	for k, i := range order {
		n := &news[i]
		if k > 0 && n.Email.Same(news[order[k-1]].Email) {
			continue
		}
		r := &out[i]
		*r = Row{ID: tx.ID(), Created: true, State: StateActive, Version: 1, Email: n.Email, FP: fps.Of(n.Email), Salt: salts[32*k : 32*k+32 : 32*k+32], Country: n.Country}
		entry, index := n.Entry, n.EntryIndex
		if entry == 0 {
			entry, index = tx.ID(), proof.Whole
			own[i] = entry
		}
		if n.Keyed {
			if r.Key, r.Open, err = keys.Of(tx).Take(tx.Account()); err != nil {
				return nil, err
			}
		}
		alive := n.ActiveAt
		if alive == 0 {
			alive = tx.Now
		}
		cells.Int(r.ID)
		cells.Text(n.Email.Raw())
		cells.Text(n.Email.Norm())
		cells.Bytes(r.FP[:])
		cells.Text(n.Name.Raw())
		cells.Text(n.Attributes.text())
		cells.Text(n.Language)
		cells.Text(n.Country)
		cells.Text(string(StateActive))
		cells.Int(int64(n.Age))
		cells.Bytes(r.Salt)
		cells.Text(n.Source)
		cells.Int(int64(n.NoticeDueAt))
		cells.Int(entry)
		cells.Int(int64(index))
		cells.Int(int64(tx.Now))
		cells.Int(int64(tx.Now))
		cells.Int(int64(alive))
		cells.Int(r.Key.Sheet)
		cells.Int(int64(r.Key.Slot))
	}
	rows := cells.All()
	arrived := arriving(tx)
	made, err := tx.Load(add, rows)
	if err != nil {
		return nil, err
	}
	if made < int64(len(rows)) {
		if err := found(tx, news, order, out); err != nil {
			return nil, err
		}
	}
	d.came, d.noted = d.came[:0], d.noted[:0]
	for _, i := range order {
		if out[i].Created {
			d.came = append(d.came, &out[i])
			if len(news[i].Attributes) > 0 {
				d.noted = append(d.noted, noted{out[i].ID, news[i].Attributes})
			}
		}
	}
	if err := note(tx, d.noted); err != nil {
		return nil, err
	}
	if err := arrived(d.came); err != nil {
		return nil, err
	}
	for k, i := range order { // the same address again gets the row of its first
		if k > 0 && news[i].Email.Same(news[order[k-1]].Email) {
			out[i] = out[order[k-1]]
			out[i].Created = false
		}
	}
	return out, tell(tx, news, out, own)
}

// inOrder gives the places of news in the order of their folded addresses.
func (d *Desk) inOrder(news []New) ([]int, error) {
	d.order = slices.Grow(d.order[:0], len(news))[:len(news)]
	order := d.order
	for i := range news {
		if news[i].Email.IsZero() {
			return nil, fault.New(fault.Invalid, "contact.email.missing").At("email")
		}
		order[i] = i
	}
	if len(order) > 1 {
		slices.SortFunc(order, func(a, b int) int {
			if c := strings.Compare(news[a].Email.Norm(), news[b].Email.Norm()); c != 0 {
				return c
			}
			return a - b
		})
	}
	return order, nil
}

// found puts the rows that were here before in the place of those that weren't made. Who was
// deleted by another since is made anew: the act begins again.
func found(tx *store.Tx, news []New, order []int, out []Row) error {
	norms := make([]string, 0, min(len(order), 1000))
	at := make(map[string]int, len(order))
	read := func() error {
		rows, err := store.All[knownRow](tx, known, norms)
		for _, k := range rows {
			if r := &out[at[k.EmailNorm]]; r.ID != k.ID {
				*r = k.row()
			}
		}
		if err == nil && len(rows) < len(norms) {
			err = fmt.Errorf("contact: a person who was here is gone: %w", store.ErrConflict)
		}
		norms = norms[:0]
		return err
	}
	for _, i := range order {
		if out[i].ID == 0 {
			continue
		}
		n := news[i].Email.Norm()
		at[n] = i
		if norms = append(norms, n); len(norms) == cap(norms) {
			if err := read(); err != nil {
				return err
			}
		}
	}
	if len(norms) == 0 {
		return nil
	}
	return read()
}

// tell writes the entry of each person who was made and of whom no entry of the caller tells.
func tell(tx *store.Tx, news []New, out []Row, own map[int]int64) error {
	for i, entry := range own {
		if r := &out[i]; r.Created {
			a := trace.Act{ID: entry, Action: "contact.add", Object: "contact", ObjectID: r.ID, Person: r.Person(),
				Private: proof.Fields{"address": r.Email.Norm()}}
			if s := news[i].Source; s != "" {
				a.Clear = proof.Fields{"source": s}
			}
			if _, err := trace.Append(tx, a); err != nil {
				return err
			}
		}
	}
	return nil
}

// Lock locks people in the order of their numbers, at most 1,000, and gives their rows
// in that order. Whoever changes what may be sent to a person locks first.
func Lock(tx *store.Tx, ids []int64) ([]Row, error) {
	rows, err := store.All[knownRow](tx, locked, ids)
	out := make([]Row, len(rows))
	for i, k := range rows {
		out[i] = k.row()
	}
	return out, err
}
