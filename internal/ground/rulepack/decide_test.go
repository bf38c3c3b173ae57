// SPDX-License-Identifier: AGPL-3.0-or-later

package rulepack_test

import (
	"errors"
	"testing"

	"consend/internal/ground/fault"
	"consend/internal/ground/rulepack"
)

// The rule of decisions: an account may only tighten, whoever runs the house may choose within
// bounds and says why.
func TestAnAccountOnlyTightens(t *testing.T) {
	base := newest()
	for _, x := range []struct {
		account int64
		key     rulepack.Key
		value   string
		reason  string
		fault   string // "" is accepted
	}{
		{7, "doi.token", "5", "", ""},
		{7, "doi.token", "7", "", ""},
		{7, "doi.token", "8", "we are slow", "rulepack.looser"},
		{7, "doi.token", "0x5", "", "rulepack.value"},
		{7, "doi.token", "-1", "", "rulepack.value"},
		{7, "evidence.mailable", "A,B,C", "", ""},
		{7, "evidence.mailable", "A,B,C,D", "", ""},
		{7, "evidence.word_refused", "acquired", "", "rulepack.looser"},
		{7, "evidence.word_refused", "acquired,inherited,site,unknown", "", ""},
		{7, "rights.answer", "1", "", "rulepack.fixed"},
		{7, rulepack.Prospect, "24", "", ""},
		{7, rulepack.Prospect, "40", "", "rulepack.reason"},
		{7, rulepack.Prospect, "40", "customers come back after three years", ""},
		{0, "rights.target", "5", "", "rulepack.reason"},
		{0, "rights.target", "5", "we have the people", ""},
		{7, "no.such", "1", "", "rulepack.unknown"},
		{7, "doi.token", "", "", ""},
		{0, "doi.token", "", "", "rulepack.reason"},
	} {
		err := rulepack.Decision{ID: 1, Key: x.key, Value: x.value, Reason: x.reason}.Check(base, x.account, "")
		got := ""
		var f *fault.Error
		if errors.As(err, &f) {
			got = f.Key
		} else if err != nil {
			got = err.Error()
		}
		if got != x.fault {
			t.Errorf("account %d puts %q for %s (%q): %q, want %q", x.account, x.value, x.key, x.reason, got, x.fault)
		}
		laid := base.With(x.account, []rulepack.Decision{{ID: 9, Key: x.key, Value: x.value, Reason: x.reason}})
		if _, changed := laid.Changed(x.key); changed != (x.fault == "" && x.value != "") {
			t.Errorf("%s = %q is laid over the rules: %v", x.key, x.value, changed)
		}
	}
	twice := base.With(7, []rulepack.Decision{{ID: 1, Key: "doi.token", Value: "5"}, {ID: 2, Key: "doi.token", Value: ""}})
	if _, changed := twice.Changed("doi.token"); changed || twice.Number("doi.token") != base.Number("doi.token") {
		t.Error("an empty value goes back to the layer below")
	}
}
