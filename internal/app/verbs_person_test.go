// SPDX-License-Identifier: AGPL-3.0-or-later

package app_test

import (
	"context"
	"time"

	"consend/internal/demo"
	"consend/internal/ground/actor"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/people/move"
)

// moves are the acts of changes of address.
func (r *run) moves(do, public verb, own ownVerb, later func(time.Duration)) {
	ask := func(name, to string) func(tx *store.Tx) error {
		return func(tx *store.Tx) error {
			id, err := move.Ask(tx, r.who(demo.Tom), address.Must(to))
			return r.keep(name, id, err)
		}
	}
	say := func(name string, side move.Side, yes bool) func(tx *store.Tx) error {
		return func(tx *store.Tx) error { _, err := move.Say(tx, r.n[name], side, yes); return err }
	}
	do("ask for another address", ask("move", "tom.b@orchard.example"))
	public("the new mailbox says yes", say("move", move.New, true))
	public("the old mailbox says yes", say("move", move.Old, true))
	do("ask for a third address", ask("move2", "tom.c@orchard.example"))
	do("ask for a fourth address", ask("move3", "tom.d@orchard.example"))
	public("the new mailbox says no", say("move3", move.New, false))
	do("ask for a fifth address", ask("move4", "tom.e@orchard.example"))
	own("end changes of address nobody answered", func(ctx context.Context, _ actor.Actor) error { return move.Expire(ctx, r.Main) })
	later(move.Term)
}
