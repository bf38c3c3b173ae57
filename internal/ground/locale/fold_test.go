// SPDX-License-Identifier: AGPL-3.0-or-later

package locale_test

import (
	"testing"

	"consend/internal/ground/locale"
)

func TestWordsAreFoundHoweverTheyAreTyped(t *testing.T) {
	for _, c := range []struct {
		text, asked string
		want        bool
	}{
		{"Soldes d’été 2026", "ete", true}, {"Soldes d’été 2026", "ÉTÉ sol", true}, {"Soldes d’été 2026", "2026 hiver", false},
		{"E\u0301lise", "élise", true}, {"Cœur", "coe", true}, {"Straße", "strass", true}, {"Newsletter", "letter", false},
		{"anything", "", false}, {"anything", "  - ", false}, {"", "a", false}, {"info@maison-thym.example", "thym", true},
	} {
		if got := locale.Begins(c.text, locale.Words(c.asked)); got != c.want {
			t.Errorf("%q in %q: %v", c.asked, c.text, got)
		}
	}
}
