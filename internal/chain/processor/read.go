// SPDX-License-Identifier: AGPL-3.0-or-later

package processor

import (
	"errors"

	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/rulepack"
	"consend/internal/ground/store"
)

// row is a record as its table has it: the parts of it are fields of their own.
type row struct {
	Record
	DPA
	Transfer
}

func (w row) record() Record {
	w.Record.DPA, w.Record.Transfer = w.DPA, w.Transfer
	return w.Record
}

// Get finds a record of the account or of the house.
func Get(r store.Reader, id int64) (Record, error) {
	w, err := store.One[row](r, find, id)
	if errors.Is(err, store.ErrNone) {
		return Record{}, fault.New(fault.NotFound, "processor.not_found")
	}
	return w.record(), err
}

// All lists the account's records and the house's, the oldest first.
func All(r store.Reader) ([]Record, error) {
	rows, err := store.All[row](r, all)
	out := make([]Record, len(rows))
	for i, w := range rows {
		out[i] = w.record()
	}
	return out, err
}

// Holds tells whether a carrier may be handed mail now, and why not.
func Holds(r store.Reader, id int64) (bool, Reason, error) {
	p, err := Get(r, id)
	if fault.Is(err, fault.NotFound) {
		return false, Missing, nil
	}
	if err != nil {
		return false, Missing, err
	}
	rules, err := rulepack.For(r)
	if err != nil {
		return false, Missing, err
	}
	ok, why := p.Holds(rules, now(r))
	return ok, why, nil
}

func now(r store.Reader) legalclock.Moment {
	switch v := r.(type) {
	case *store.Tx:
		return v.Now
	case *store.View:
		return v.Now
	}
	return 0
}
