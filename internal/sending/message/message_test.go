// SPDX-License-Identifier: AGPL-3.0-or-later

package message_test

import (
	"context"
	"testing"

	"consend/internal/ground/actor"
	"consend/internal/ground/store"
	"consend/internal/sending/message"
	"consend/internal/testhouse"
)

// A sender that was slower than its claim tells what became of a message that somebody else
// holds by then: it changes nothing, and the other's word counts.
func TestWhoLostAClaimBooksNothing(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		who := actor.Worker("test", h.Account(t))
		do := func(f func(tx *store.Tx) error) {
			t.Helper()
			if err := h.Main.Write(context.Background(), who, f); err != nil {
				t.Fatal(err)
			}
		}
		claim := func() (out message.Message) {
			t.Helper()
			do(func(tx *store.Tx) error {
				all, _, err := message.Claim(tx, 5)
				if len(all) == 1 {
					out = all[0]
				}
				return err
			})
			return out
		}
		var id int64
		do(func(tx *store.Tx) error { id = message.Post(tx, "test.mail", 7); return nil })
		slow := claim()
		h.Clock.Advance(message.Lease)
		quick := claim()
		if slow.ID != id || quick.ID != id || quick.Claim == slow.Claim || quick.Doubts != 1 {
			t.Fatalf("%+v, then %+v", slow, quick)
		}
		book := func(m message.Message, s message.State) (now message.Message) {
			t.Helper()
			m.State = s
			do(func(tx *store.Tx) error { message.Book(tx, m); return nil })
			do(func(tx *store.Tx) (err error) { now, err = message.Get(tx, id); return err })
			return now
		}
		if m := book(slow, message.Failed); m.State != message.Claimed || m.Claim != quick.Claim || m.Doubts != 1 {
			t.Errorf("a lost claim booked %+v", m)
		}
		if m := book(quick, message.Accepted); m.State != message.Accepted || m.Claim != 0 || m.EndedAt == 0 {
			t.Errorf("the holder booked %+v", m)
		}
		if m := book(slow, message.Failed); m.State != message.Accepted {
			t.Errorf("a lost claim booked %+v afterwards", m)
		}
	})
}

// A message whose holders vanished twice may have arrived twice: nobody sends it a third time.
func TestAMessageWhoseHoldersVanishTwiceIsUncertain(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		who := actor.Worker("test", h.Account(t))
		var id int64
		var given []int
		for range 4 {
			err := h.Main.Write(context.Background(), who, func(tx *store.Tx) error {
				if id == 0 {
					id = message.Post(tx, "test.mail", 7)
				}
				return nil
			})
			if err == nil {
				err = h.Main.Write(context.Background(), who, func(tx *store.Tx) error {
					all, _, err := message.Claim(tx, 5)
					given = append(given, len(all))
					return err
				})
			}
			if err != nil {
				t.Fatal(err)
			}
			h.Clock.Advance(message.Lease)
		}
		var m message.Message
		if err := h.Main.View(context.Background(), who, func(v *store.View) (err error) { m, err = message.Get(v, id); return err }); err != nil {
			t.Fatal(err)
		}
		if len(given) != 4 || given[0] != 1 || given[1] != 1 || given[2] != 0 || given[3] != 0 || m.State != message.Uncertain || m.Reason != message.NoAnswer {
			t.Errorf("given %v times, and stands as %+v", given, m)
		}
	})
}
