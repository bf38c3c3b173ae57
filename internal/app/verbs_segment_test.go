// SPDX-License-Identifier: AGPL-3.0-or-later

package app_test

import (
	"consend/internal/ground/store"
	"consend/internal/people/contact"
	"consend/internal/people/segment"
)

// segments are the verbs of what is noted about people, and of groups described by it.
func (r *run) segments(do verb) {
	described := func() segment.Definition {
		// No ids in its text: two runs take others, and the test compares what they left.
		return segment.Definition{Conditions: []segment.Condition{{Field: segment.Country, Op: segment.OneOf, Values: []string{"FR", "BE"}}, {Field: segment.Added, Op: segment.LastDays, Days: 30}}}
	}
	do("declare an attribute", func(tx *store.Tx) error {
		id, err := contact.MakeAttribute(tx, contact.Attribute{Name: "GOUTS", Type: contact.TypeMultiple, Choices: contact.Choices{"rouge", "blanc"}, KeepDays: 365})
		return r.keep("taste", id, err)
	})
	do("change an attribute", func(tx *store.Tx) error {
		return contact.ChangeAttribute(tx, r.n["taste"], 0, contact.Attribute{Label: "Goûts", Choices: contact.Choices{"rouge", "blanc", "rosé"}, Sensitive: contact.Declared, Special: contact.ExplicitConsent})
	})
	do("retire an attribute", func(tx *store.Tx) error { return contact.RetireAttribute(tx, r.n["taste"]) })
	do("restore an attribute", func(tx *store.Tx) error { return contact.RestoreAttribute(tx, r.n["taste"]) })
	do("make a segment", func(tx *store.Tx) error {
		id, err := segment.Make(tx, "Amateurs de rouge", described())
		return r.keep("segment", id, err)
	})
	do("change a segment", func(tx *store.Tx) error { return segment.Change(tx, r.n["segment"], 0, "Rouge", described()) })
	do("retire a segment", func(tx *store.Tx) error { return segment.Retire(tx, r.n["segment"]) })
	do("restore a segment", func(tx *store.Tx) error { return segment.Restore(tx, r.n["segment"]) })
}
