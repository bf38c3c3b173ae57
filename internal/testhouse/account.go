// SPDX-License-Identifier: AGPL-3.0-or-later

package testhouse

import (
	"context"
	"fmt"
	"testing"

	"consend/internal/ground/actor"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/pii"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/team/account"
	"consend/internal/team/member"
)

// House makes an account with its keys, its row and an owner, and gives its number and the
// owner as an actor. The owner has no password: a test that signs in gives them one.
func (h *House) House(t testing.TB) (int64, actor.Actor) {
	t.Helper()
	n := h.accounts.Add(1)
	id, err := account.Create(context.Background(), h.Main, h.Ring, actor.Actor{Kind: actor.Command, Name: "test"}, account.New{Details: account.Details{
		Name: fmt.Sprintf("Maison Exemple %d", n), Postal: "1 rue de l’Exemple\n69001 Lyon", Country: "FR", Colour: "#0f766e"}})
	if err != nil {
		t.Fatalf("an account: %v", err)
	}
	email, err := address.Parse(fmt.Sprintf("owner%d@example.org", n))
	if err != nil {
		t.Fatal(err)
	}
	var m member.Member
	err = h.Main.Write(context.Background(), actor.Worker("test", id), func(tx *store.Tx) error {
		if m, err = member.Add(tx, member.New{Email: email, Name: pii.T("Camille Martin"), Role: member.Owner, Language: "en"}); err == nil {
			_, err = member.Join(tx, m.ID, 0, m.Name, "en")
		}
		return err
	})
	if err != nil {
		t.Fatalf("an owner: %v", err)
	}
	return id, actor.Actor{Kind: actor.Member, ID: m.ID, Account: id, Role: string(member.Owner), Request: "test"}
}

var countEntries = store.Account("testhouse.entries", `SELECT count(*) FROM trace_entry e WHERE e.account_id = :account`)

// Entries counts what the trace holds of the actor's account.
func (h *House) Entries(t testing.TB, who actor.Actor) (n int64) {
	t.Helper()
	err := h.Main.View(context.Background(), who, func(v *store.View) (err error) { n, err = store.One[int64](v, countEntries); return err })
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Now is the house's time.
func (h *House) Now() legalclock.Moment { return legalclock.MomentOf(h.Clock.Now()) }
