// SPDX-License-Identifier: AGPL-3.0-or-later

package app_test

import (
	"consend/internal/ground/store"
	"consend/internal/people/form"
)

// moreForms are the acts of a flooded mailbox.
func (r *run) moreForms(public verb) {
	public("submit a form as somebody flooded", r.submit("flooded", "octava@exemple.example"))
	public("shut the mailbox", func(tx *store.Tx) error { _, err := form.Shut(tx, r.n["flooded"], r.origin()); return err })
	public("reconsider", func(tx *store.Tx) error { _, err := form.Reconsider(tx, r.n["flooded"], r.origin()); return err })
}
