// SPDX-License-Identifier: AGPL-3.0-or-later

package actor_test

import (
	"testing"

	"consend/internal/ground/actor"
)

func TestOnlyANamedActorMayAct(t *testing.T) {
	for _, c := range []struct {
		a    actor.Actor
		want bool
	}{
		{actor.Actor{}, false},
		{actor.Actor{Kind: actor.Member, ID: 4}, false},
		{actor.Actor{Kind: actor.Member, ID: 4, Account: 2}, true},
		{actor.Actor{Kind: actor.Subject, Account: 2}, true},
		{actor.System("sealer"), true},
		{actor.System(""), false},
		{actor.Worker("import", 3), true},
		{actor.Actor{Kind: "root", ID: 1, Account: 1, Name: "x"}, false},
	} {
		if got := c.a.Valid(); got != c.want {
			t.Errorf("Valid(%+v) = %v, want %v", c.a, got, c.want)
		}
	}
}
