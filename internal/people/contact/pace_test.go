// SPDX-License-Identifier: AGPL-3.0-or-later

package contact_test

import (
	"slices"
	"testing"
	"time"

	"consend/internal/ground/actor"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	. "consend/internal/people/contact"
	"consend/internal/people/refusal"
)

var ledgerLines = store.Account("test.ledger_lines", `SELECT o.kind, o.scope_id, o.contact_id FROM refusal_out o WHERE o.account_id = :account ORDER BY o.id`)

// A restored backup must not forget what a person chose, nor that they took it back.
func TestAPauseAndAPaceAreToldToTheLedger(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		id := d.ensure(person("a@example.org"))[0].ID
		d.who = actor.Actor{Kind: actor.Subject, Account: d.who.Account, ID: id}
		for _, act := range []func(tx *store.Tx) error{
			func(tx *store.Tx) error { return Pause(tx, id, 1, time.UTC) },
			func(tx *store.Tx) error { return Pause(tx, id, 1, time.UTC) }, // the same again tells nothing
			func(tx *store.Tx) error { return Slow(tx, id, PaceMonth) },
			func(tx *store.Tx) error { return Pause(tx, id, 0, time.UTC) },
			func(tx *store.Tx) error { return Slow(tx, id, PaceAll) },
		} {
			must(t, d.write(act))
		}
		type line struct {
			Kind      string
			ScopeID   int64
			ContactID int64
		}
		var lines []line
		d.view(func(v *store.View) (err error) { lines, err = store.All[line](v, ledgerLines); return err })
		until := int64(legalclock.MomentOf(time.Date(2026, 4, 2, 0, 0, 0, 0, time.UTC)))
		if want := []line{{refusal.Paused, until, id}, {refusal.Paced, 30, id}, {refusal.Paused, 0, id}, {refusal.Paced, 0, id}}; !slices.Equal(lines, want) {
			t.Errorf("%+v", lines)
		}
	})
}
