// SPDX-License-Identifier: AGPL-3.0-or-later

package list

import (
	"errors"

	"consend/internal/ground/locale"
	"consend/internal/ground/store"
)

// EnsureSpecial finds the list of those who expressly agreed that what an attribute holds of them is
// used (GDPR 9(2)(a)), or makes it: a list of kind Grant in a purpose of its own, so that this yes has
// a ledger, a proof and a withdrawal like any other. called is what the attribute is called in lang, the
// account's language; public are its words for people. Faults: those of Make.
func EnsureSpecial(tx *store.Tx, attribute int64, called, lang string, public Words) (List, error) {
	l, err := store.One[List](tx, special, attribute)
	if err == nil || !errors.Is(err, store.ErrNone) {
		return l, err
	}
	name, err := free(tx, locale.For(lang, nil).T("list.special.name", "what", short(called)))
	if err != nil {
		return List{}, err
	}
	p, err := MakePurpose(tx, NewPurpose{Name: name, Public: public})
	if err != nil {
		return List{}, err
	}
	id, err := Make(tx, New{Name: name, Purpose: p, Kind: Grant, Public: public, attribute: attribute})
	if err != nil {
		return List{}, err
	}
	return Get(tx, id)
}

// Specials lists the account's lists of those who expressly agreed.
func Specials(r store.Reader) ([]List, error) { return store.All[List](r, specials) }

// short leaves room for the words around a name.
func short(s string) string {
	if r := []rune(s); len(r) > MaxName/2 {
		return string(r[:MaxName/2])
	}
	return s
}
