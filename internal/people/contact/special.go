// SPDX-License-Identifier: AGPL-3.0-or-later

package contact

import (
	"slices"

	"consend/internal/ground/fault"
	"consend/internal/ground/store"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

// TakeBack deletes what an attribute holds of some people, at most 1,000, and what corrections told of
// it: they took back their express yes to it (GDPR 7(3), 9(2)(a)), and nothing else lets it be kept. One
// act tells whose, never what. Only consent calls it. Again is harmless.
func TakeBack(tx *store.Tx, attribute int64, ids []int64) error {
	all, err := EveryAttribute(tx)
	at := slices.IndexFunc(all, func(a Attribute) bool { return a.ID == attribute })
	if err != nil || at < 0 {
		return err
	}
	a := all[at]
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	rows, err := Lock(tx, ids)
	if err != nil || len(rows) == 0 {
		return err
	}
	tx.Do(dropWasOf, a.Name, ids)
	return strip(tx, a, rows, trace.Act{Action: "contact.attribute.taken_back", Clear: proof.Fields{}})
}

// withheld names the attributes that may not be written of some people, at most 1,000, since they took
// back their express yes: a new one comes from themselves alone.
func withheld(r store.Reader, ids []int64) (map[int64][]string, error) {
	type row struct {
		ContactID int64
		Name      string
	}
	rows, err := store.All[row](r, takenBack, ids)
	var out map[int64][]string
	for _, x := range rows {
		if out == nil {
			out = map[int64][]string{}
		}
		out[x.ContactID] = append(out[x.ContactID], x.Name)
	}
	return out, err
}

// but gives the values without those of some names.
func (a Attributes) but(names []string) Attributes {
	if len(names) == 0 {
		return a
	}
	out := Attributes{}
	for n, v := range a {
		if !slices.Contains(names, n) {
			out[n] = v
		}
	}
	return out
}

// own refuses a change that writes what the person took back.
func (c Change) own(r store.Reader, id int64) error {
	if len(c.Attributes.filled()) == 0 {
		return nil
	}
	taken, err := withheld(r, []int64{id})
	if err != nil {
		return err
	}
	for _, n := range taken[id] {
		if !c.Attributes[n].IsZero() {
			return fault.New(fault.Refused, "contact.attribute.taken_back", "name", n).At("attr." + n)
		}
	}
	return nil
}
