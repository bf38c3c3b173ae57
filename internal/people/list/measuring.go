// SPDX-License-Identifier: AGPL-3.0-or-later

package list

import (
	"fmt"

	"consend/internal/ground/locale"
	"consend/internal/ground/store"
)

// What is measured. Each is a purpose of its own, with one list that carries no mail: nobody
// agrees to both by agreeing to one (CNIL 2026-042, EDPB 05/2020).
const (
	Opens  = "opens"
	Clicks = "clicks"
)

// Measured lists what is measured, in the order pages show it.
func Measured() []string { return []string{Opens, Clicks} }

// Measuring finds the account's lists that measure, by what they measure; those that were never
// needed are missing.
func Measuring(r store.Reader) (map[string]List, error) {
	all, err := store.All[List](r, measuring)
	out := map[string]List{}
	for _, l := range all {
		out[l.Measures] = l
	}
	return out, err
}

// EnsureMeasuring finds the account's two lists that measure, or makes them. lang is the
// account's language, for their names. Faults: those of Make.
func EnsureMeasuring(tx *store.Tx, lang string) (map[string]List, error) {
	have, err := Measuring(tx)
	if err != nil || len(have) == len(Measured()) {
		return have, err
	}
	for _, what := range Measured() {
		if _, ok := have[what]; ok {
			continue
		}
		words := Words{}
		for _, l := range locale.Languages() {
			words[l] = locale.For(l, nil).T("list.measuring." + what)
		}
		name, err := free(tx, locale.For(lang, nil).T("list.measuring."+what+".name"))
		if err != nil {
			return nil, err
		}
		p, err := MakePurpose(tx, NewPurpose{Name: name, Public: words})
		if err != nil {
			return nil, err
		}
		id, err := Make(tx, New{Name: name, Purpose: p, Kind: Grant, Public: words, measures: what})
		if err != nil {
			return nil, err
		}
		if have[what], err = Get(tx, id); err != nil {
			return nil, err
		}
	}
	return have, nil
}

// free gives the name, with a number when the account uses it already.
func free(tx *store.Tx, name string) (string, error) {
	for n := 1; ; n++ {
		try := name
		if n > 1 {
			try = fmt.Sprintf("%s (%d)", name, n)
		}
		_, purpose, err := findPurposeNamed(tx, try)
		if err != nil {
			return "", err
		}
		_, list, err := findNamed(tx, try)
		if err != nil {
			return "", err
		}
		if !purpose && !list {
			return try, nil
		}
	}
}
