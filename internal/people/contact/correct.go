// SPDX-License-Identifier: AGPL-3.0-or-later

package contact

import (
	"errors"
	"fmt"
	"maps"
	"strings"

	"consend/internal/ground/fault"
	"consend/internal/ground/pii"
	"consend/internal/ground/store"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

// Change is what a correction changes; nil leaves a field as it is (GDPR 16). An address is no
// field: it changes by Move.
type Change struct {
	Name       *pii.Text
	Attributes Attributes // those named; a zero value takes the attribute off
	Language   *string
	Country    *string
	Age        *int
	Said       bool // the person said it now: what is the same is noted anew (Attribute.KeepDays)
}

// Correct changes what is known about a person, unless somebody changed it since
// version was read (0: don't ask). What was and what is are committed in the private part of its
// entry, and Changes tells them: for as long as the person is there, values of an attribute for
// as long as those are kept.
// Faults: contact.none, contact.changed, contact.ending, contact.merged, contact.country,
// contact.attribute.taken_back (GDPR 7(3): what they took back their express yes to comes from themselves alone).
func Correct(tx *store.Tx, id, version int64, c Change) error {
	was, err := store.One[Contact](tx, lock, id)
	switch {
	case errors.Is(err, store.ErrNone):
		return none()
	case err != nil:
		return err
	case was.State.Ending():
		return fault.New(fault.Gone, "contact.ending")
	case was.Merged():
		return merged()
	case version != 0 && version != was.Version:
		return fault.New(fault.Conflict, "contact.changed")
	case c.Country != nil && *c.Country != "" && !country(*c.Country):
		return fault.New(fault.Invalid, "contact.country").At("country")
	}
	if err := c.own(tx, id); err != nil {
		return err
	}
	now, private := c.onto(was)
	if len(private) == 0 {
		return c.note(tx, was)
	}
	p, key, err := Keyed(tx, id) // before and after are kept under the person's key
	if err != nil {
		return err
	}
	entry := tx.ID()
	if err := remember(tx, id, key, entry, private, attributesOf(private), was.UpdatedAt, tx.Now); err != nil {
		return err
	}
	if err := c.note(tx, was); err != nil {
		return err
	}
	tx.Do(correct, now.Name, now.Attributes.text(), now.Language, now.Country, now.Age, id)
	_, err = trace.Append(tx, trace.Act{ID: entry, Action: "contact.correct", Object: "contact", ObjectID: id, Person: p,
		Clear: proof.Fields{"fields": strings.Join(fieldsOf(private), " ")}, Private: private})
	return err
}

// onto lays the change over what was, and gives what differs as private fields of the trace.
func (c Change) onto(was Contact) (now Contact, private proof.Fields) {
	now, private = was, proof.Fields{}
	note := func(field, before, after string) {
		if before != after {
			private["before."+field], private["after."+field] = before, after
		}
	}
	if c.Name != nil {
		now.Name = *c.Name
		note("name", was.Name.Raw(), now.Name.Raw())
	}
	if c.Language != nil {
		now.Language = *c.Language
		note("language", was.Language, now.Language)
	}
	if c.Country != nil {
		now.Country = *c.Country
		note("country", was.Country, now.Country)
	}
	if c.Age != nil {
		now.Age = *c.Age
		note("age", fmt.Sprint(was.Age), fmt.Sprint(now.Age))
	}
	if len(c.Attributes) > 0 {
		now.Attributes = maps.Clone(was.Attributes)
		if now.Attributes == nil {
			now.Attributes = Attributes{}
		}
		for n, v := range c.Attributes {
			if v.IsZero() {
				delete(now.Attributes, n)
			} else {
				now.Attributes[n] = v
			}
			note(attributeField+strings.ToLower(n), was.Attributes[n].Raw(), v.Raw())
		}
	}
	return now, private
}

// note dates the values that a change brings, and takes the date off those that go.
func (c Change) note(tx *store.Tx, was Contact) error {
	said := Attributes{}
	var gone []string
	for n, v := range c.Attributes {
		switch {
		case v.IsZero() && !was.Attributes[n].IsZero():
			gone = append(gone, n)
		case !v.IsZero() && (c.Said || v != was.Attributes[n]):
			said[n] = v
		}
	}
	if len(gone) > 0 {
		tx.Do(undate, was.ID, gone)
	}
	return note(tx, []noted{{was.ID, said}})
}

// country tells whether s looks like a country of ISO 3166 alpha-2.
func country(s string) bool {
	return len(s) == 2 && s[0] >= 'A' && s[0] <= 'Z' && s[1] >= 'A' && s[1] <= 'Z'
}

// Restrict freezes a person: kept, not used, until Release (GDPR 18). Why is the ground, a code.
// Who asks at a contact that was merged into another one asks for that one too.
func Restrict(tx *store.Tx, id int64, why string) error {
	if err := become(tx, id, StateRestricted, "contact.restrict", why); err != nil {
		return err
	}
	c, err := Get(tx, id)
	if err != nil || !c.Merged() {
		return err
	}
	err = become(tx, c.MergedInto, StateRestricted, "contact.restrict", why)
	if fault.Is(err, fault.Gone) { // being erased: it is frozen more than that
		return nil
	}
	return err
}

// Unrestrict ends a freeze. A person who had said no to marketing is not written to for
// it: the do-not-mail list still holds.
func Unrestrict(tx *store.Tx, id int64, why string) error {
	c, err := store.One[Contact](tx, lock, id)
	if errors.Is(err, store.ErrNone) {
		return none()
	}
	if err != nil {
		return err
	}
	if c.State != StateRestricted {
		return nil
	}
	if err := become(tx, id, StateActive, "contact.unrestrict", why); err != nil {
		return err
	}
	return withStubs(tx, id, func(s Row) error {
		if s.State != StateRestricted {
			return nil
		}
		return become(tx, s.ID, StateActive, "contact.unrestrict", why)
	})
}

// BeginErasing marks a person: from its commit on nothing more is sent or read (GDPR 17). The
// contacts that were merged into this one are the same person, and go too; one of those can go alone.
func BeginErasing(tx *store.Tx, id int64, why string) error {
	if err := become(tx, id, StateErasing, "contact.erase", why); err != nil {
		return err
	}
	return withStubs(tx, id, func(s Row) error {
		if s.State.Ending() {
			return nil
		}
		return become(tx, s.ID, StateErasing, "contact.erase", why)
	})
}

// become moves a person to a state and traces it. Erasing is never left.
// Faults: contact.none, contact.ending.
func become(tx *store.Tx, id int64, to State, action, why string) error {
	was, err := store.One[Contact](tx, lock, id)
	switch {
	case errors.Is(err, store.ErrNone):
		return none()
	case err != nil:
		return err
	case was.State == to:
		return nil
	case was.State.Ending():
		return fault.New(fault.Gone, "contact.ending")
	}
	p, err := Person(tx, id)
	if err != nil {
		return err
	}
	tx.Do(setState, to, id)
	clear := proof.Fields{"from": string(was.State), "to": string(to)}
	if why != "" {
		clear["why"] = why
	}
	_, err = trace.Append(tx, trace.Act{Action: action, Object: "contact", ObjectID: id, Person: p, Clear: clear})
	return err
}

// Mark moves people to a state that follows from an act whose own entry tells of it: an
// objection, a hard bounce. Those who are being erased or frozen stay so.
func Mark(tx *store.Tx, id int64, to State) error {
	rows, err := Lock(tx, []int64{id})
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return none()
	}
	if s := rows[0].State; s.Ending() || s == StateRestricted || s == to {
		return nil
	}
	tx.Do(setState, to, id)
	return nil
}

// Revive makes people active again who had objected or bounced and have now said yes
// themselves. The act's own entry tells of it.
func Revive(tx *store.Tx, ids []int64) {
	if len(ids) > 0 {
		tx.Do(revive, ids)
	}
}

// Told notes that people got the notice that GDPR 14(3) owes them.
func Told(tx *store.Tx, ids []int64) {
	if len(ids) > 0 {
		tx.Do(told, ids)
	}
}
