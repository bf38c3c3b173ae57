// SPDX-License-Identifier: AGPL-3.0-or-later

package form_test

import (
	"testing"
	"time"

	"consend/internal/ground/store"
	"consend/internal/people/consent"
	"consend/internal/people/form"
	"consend/internal/testhouse"
)

func TestWhomAHashRefusesIsAskedInTheMailboxWhenTheySignUp(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h, func(d *form.Definition, _ *stall) { d.OptIn = form.Single })
		w.write(func(tx *store.Tx) error {
			_, err := consent.RefuseSet(tx, []consent.Told{{Kind: consent.SHA256, Hash: consent.SHA256.Of("lea@example.org"), Cause: consent.Unsubscribed, Scope: consent.Everything}}, 0)
			return err
		})
		h.Clock.Advance(time.Minute)
		if out := w.submit("lea@example.org"); out.Signup == 0 || w.facts("form.requested") != 1 {
			t.Errorf("believed without the mailbox: %+v", out)
		}
		if s, _ := w.standing("lea@example.org", w.news); s.State != consent.Requested || s.Reason != consent.HasLeft {
			t.Errorf("%+v", s)
		}
		if out := w.submit("max@example.org"); out.Signup == 0 || w.facts("form.requested") != 1 {
			t.Errorf("whom no hash names: %+v", out)
		}
	})
}
