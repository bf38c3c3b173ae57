// SPDX-License-Identifier: AGPL-3.0-or-later

package list

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"consend/internal/ground/fault"
	"consend/internal/ground/mark"
	"consend/internal/ground/store"
	"consend/internal/trace/proof"
)

// MaxFolder bounds the name of a folder, in characters.
const MaxFolder = 60

// Change is what a list's page sets at once.
type Change struct {
	Name    string
	Public  Words
	Folder  string // one level; "" is none
	Offered bool   // only of a list that carries mail
}

// Edit changes everything of a list but its purpose, which it has for ever (GDPR 5(1)(b)).
// Faults: list.none, list.name.missing, list.name.long, list.public.long, list.folder.long,
// list.taken, list.changed when it is not what was seen (mark).
func Edit(tx *store.Tx, id int64, seen string, c Change) error {
	if _, err := store.All[int64](tx, lock, id); err != nil {
		return err
	}
	l, err := Get(tx, id)
	if err != nil {
		return err
	}
	if mark.Stale(seen, l.Mark()) {
		return fault.New(fault.Conflict, "list.changed")
	}
	if c.Name, err = checked(c.Name, c.Public); err != nil {
		return err
	}
	if c.Folder, err = folder(c.Folder); err != nil {
		return err
	}
	if o, ok, err := findNamed(tx, c.Name); err != nil {
		return err
	} else if ok && o.ID != id {
		return fault.New(fault.Conflict, "list.taken").At("name")
	}
	offered := c.Offered && l.Kind == Mail
	f := renamed(l.Name, c.Name, c.Public)
	if offered != l.Offered {
		f["offered"] = fmt.Sprint(offered)
	}
	if c.Folder != l.Folder && c.Folder != "" {
		f["folder"] = c.Folder
	}
	if _, err := told(tx, "list.rename", "list", id, f); err != nil {
		return err
	}
	_, err = tx.Exec(edit, c.Name, Fold(c.Name), c.Public.text(), c.Folder, flag(offered), id)
	return taken(err, "list.taken")
}

// Rename changes a list's name and public words. Faults: those of Edit.
func Rename(tx *store.Tx, id int64, seen, name string, public Words) error {
	l, err := Get(tx, id)
	if err != nil {
		return err
	}
	return Edit(tx, id, seen, Change{Name: name, Public: public, Folder: l.Folder, Offered: l.Offered})
}

// Move puts a list one place up or down among the lists of its purpose that are in use: their
// order on every page. At the end it stays. Faults: list.none.
func Move(tx *store.Tx, id int64, up bool) error {
	l, err := Get(tx, id)
	if err != nil {
		return err
	}
	// All rows of the purpose move, so who moves locks the purpose first.
	if _, err := store.All[int64](tx, lockPurpose, l.PurposeID); err != nil {
		return err
	}
	lists, err := InUse(tx)
	if err != nil {
		return err
	}
	lists = slices.DeleteFunc(lists, func(o List) bool { return o.PurposeID != l.PurposeID })
	at := slices.IndexFunc(lists, func(o List) bool { return o.ID == id })
	to := at + 1
	if up {
		to = at - 1
	}
	if at < 0 || to < 0 || to >= len(lists) {
		return nil
	}
	lists[at], lists[to] = lists[to], lists[at]
	for i, o := range lists {
		if o.Position != i+1 {
			tx.Do(place, i+1, o.ID)
		}
	}
	_, err = told(tx, "list.move", "list", id, proof.Fields{"place": fmt.Sprint(to + 1)})
	return err
}

// Folders lists the folders in use among lists, by name.
func Folders(lists []List) []string {
	var out []string
	for _, l := range lists {
		if l.Folder != "" && !slices.Contains(out, l.Folder) {
			out = append(out, l.Folder)
		}
	}
	slices.SortFunc(out, func(a, b string) int { return strings.Compare(Fold(a), Fold(b)) })
	return out
}

func folder(name string) (string, error) {
	name = norm.NFC.String(strings.Join(strings.Fields(name), " "))
	if utf8.RuneCountInString(name) > MaxFolder || !utf8.ValidString(name) || strings.IndexByte(name, 0) >= 0 {
		return "", fault.New(fault.Invalid, "list.folder.long", "limit", MaxFolder).At("folder")
	}
	return name, nil
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}
