// SPDX-License-Identifier: AGPL-3.0-or-later

// Package segment promises that a group of people described by conditions is the same group
// wherever it is asked for: counted, shown, written to. A description compiles to one predicate
// over a contact c of the account; its words are this room's, everything people typed is bound.
//
//	text    compared without regard to ASCII case: é and É differ, on both databases
//	empty   missing, null and "" are one thing; "is not" holds for who has nothing there
//	number  compared as a number, and only where a number stands
//	date    a day of the calendar; "today" is the account's
//
// Data of GDPR 9 describes nobody unless the account said on what part of 9(2) it rests.
// Clicks and opens count only for people whose yes to being measured stands.
//
// It leaves to consent who may be written to.
package segment

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/people/list"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

// Limits of a description.
const (
	MaxName       = 100 // characters
	MaxLevels     = 3
	MaxConditions = 30
	MaxValues     = 50
	MaxValue      = 200 // octets of one value
	MaxDays       = 36525
	MaxSegments   = 500 // in use, of an account
	MaxDefinition = 64 << 10
)

// Group is conditions and groups of which all hold, or at least one. An empty group holds for everybody.
type Group struct {
	Any        bool        `json:"any,omitempty"`
	Conditions []Condition `json:"conditions,omitempty"`
	Groups     []Group     `json:"groups,omitempty"`
}

// Definition is whom a segment describes.
type Definition Group

// Condition is one thing that holds for a person or not.
type Condition struct {
	Field  Field    `json:"field"`
	Of     int64    `json:"of,omitempty"`   // the attribute, the list or the purpose
	Kind   string   `json:"kind,omitempty"` // of activity: a contact.Doing
	Grant  int64    `json:"grant,omitempty"`
	Op     Op       `json:"op"`
	Values []string `json:"values,omitempty"`
	Days   int      `json:"days,omitempty"` // also how many times
}

// Scan reads what is stored.
func (d *Definition) Scan(v any) error {
	switch x := v.(type) {
	case string:
		return json.Unmarshal([]byte(x), d)
	case []byte:
		return json.Unmarshal(x, d)
	}
	return fmt.Errorf("segment: a definition cannot be read from a %T", v)
}

// Text is the definition as it is stored.
func (d Definition) Text() string {
	b, _ := json.Marshal(d) // strings and numbers always encode
	return string(b)
}

// Parse reads a definition from its text. Faults: segment.unreadable.
func Parse(s string) (d Definition, err error) {
	if len(s) > MaxDefinition || json.Unmarshal([]byte(s), &d) != nil {
		return d, fault.New(fault.Invalid, "segment.unreadable")
	}
	return d, nil
}

// Segment is a saved description.
type Segment struct {
	ID         int64
	Name       string
	Definition Definition
	Version    int64
	CreatedAt  legalclock.Moment
	UpdatedAt  legalclock.Moment
	RetiredAt  legalclock.Moment
	EntryID    int64
}

// Make saves a description. Faults: segment.name.missing, .long, .taken, .many, and those of Where.
func Make(tx *store.Tx, name string, d Definition) (int64, error) {
	name, err := checked(tx, name, d, 0)
	if err != nil {
		return 0, err
	}
	if n, err := store.One[int64](tx, inUse); err != nil {
		return 0, err
	} else if n >= MaxSegments {
		return 0, fault.New(fault.Invalid, "segment.many", "limit", MaxSegments)
	}
	id := tx.ID()
	entry, err := told(tx, "segment.make", id, proof.Fields{"name": name})
	if err != nil {
		return 0, err
	}
	_, err = tx.Exec(add, id, name, list.Fold(name), d.Text(), entry)
	return id, taken(err)
}

// Change renames and describes anew; version is the one that was read, 0 takes any.
// Faults: segment.none, segment.changed, and those of Make.
func Change(tx *store.Tx, id, version int64, name string, d Definition) error {
	s, err := locked(tx, id)
	if err != nil {
		return err
	}
	if version != 0 && version != s.Version {
		return fault.New(fault.Conflict, "segment.changed")
	}
	if name, err = checked(tx, name, d, id); err != nil {
		return err
	}
	if _, err := told(tx, "segment.change", id, proof.Fields{"name": name}); err != nil {
		return err
	}
	_, err = tx.Exec(change, name, list.Fold(name), d.Text(), id)
	return taken(err)
}

// Retire takes a segment out of use. Again is harmless. Faults: segment.none.
func Retire(tx *store.Tx, id int64) error {
	s, err := locked(tx, id)
	if err != nil || s.RetiredAt != 0 {
		return err
	}
	tx.Do(turn, tx.Now, id)
	_, err = told(tx, "segment.retire", id, nil)
	return err
}

// Restore brings one back. Faults: segment.none, segment.taken.
func Restore(tx *store.Tx, id int64) error {
	s, err := locked(tx, id)
	if err != nil || s.RetiredAt == 0 {
		return err
	}
	if o, err := store.All[Segment](tx, named, list.Fold(s.Name)); err != nil {
		return err
	} else if len(o) > 0 {
		return fault.New(fault.Conflict, "segment.taken").At("name")
	}
	if _, err := told(tx, "segment.restore", id, nil); err != nil {
		return err
	}
	_, err = tx.Exec(turn, legalclock.Moment(0), id)
	return taken(err)
}

// Get finds a segment, retired or not. Faults: segment.none.
func Get(r store.Reader, id int64) (Segment, error) {
	s, err := store.One[Segment](r, get, id)
	return s, missing(err)
}

// All lists the account's segments by name, retired ones last.
func All(r store.Reader) ([]Segment, error) { return store.All[Segment](r, all) }

func locked(tx *store.Tx, id int64) (Segment, error) {
	s, err := store.One[Segment](tx, lock, id)
	return s, missing(err)
}

func missing(err error) error {
	if errors.Is(err, store.ErrNone) {
		return fault.New(fault.NotFound, "segment.none")
	}
	return err
}

func taken(err error) error {
	if errors.Is(err, store.ErrUnique) {
		return fault.New(fault.Conflict, "segment.taken").At("name")
	}
	return err
}

func checked(tx *store.Tx, name string, d Definition, id int64) (string, error) {
	name = norm.NFC.String(strings.Join(strings.Fields(name), " "))
	switch {
	case name == "" || !utf8.ValidString(name) || strings.IndexByte(name, 0) >= 0:
		return "", fault.New(fault.Invalid, "segment.name.missing").At("name")
	case utf8.RuneCountInString(name) > MaxName:
		return "", fault.New(fault.Invalid, "segment.name.long", "limit", MaxName).At("name")
	}
	o, err := store.All[Segment](tx, named, list.Fold(name))
	if err != nil {
		return "", err
	}
	if len(o) > 0 && o[0].ID != id {
		return "", fault.New(fault.Conflict, "segment.taken").At("name")
	}
	_, err = Where(tx, d)
	return name, err
}

func told(tx *store.Tx, action string, id int64, clear proof.Fields) (int64, error) {
	return trace.Append(tx, trace.Act{Action: action, Object: "segment", ObjectID: id, Clear: clear})
}
