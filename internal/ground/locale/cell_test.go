// SPDX-License-Identifier: AGPL-3.0-or-later

package locale_test

import (
	"testing"

	"consend/internal/ground/locale"
)

func TestACellIsNoFormulaAndComesBackAsItWas(t *testing.T) {
	for s, want := range map[string]string{"": "", "Léa": "Léa", "=1+1": "'=1+1", "+33 1": "'+33 1", "-x": "'-x", "@sum": "'@sum", "\tx": "'\tx", "\rx": "'\rx", "\nx": "'\nx",
		"|cmd": "'|cmd", "%x": "'%x", "'quoted": "'quoted", "a=b": "a=b"} {
		got := locale.Cell(s)
		if got != want {
			t.Errorf("%q becomes %q, want %q", s, got, want)
		}
		if back := locale.Uncell(got); back != s {
			t.Errorf("%q comes back as %q", s, back)
		}
	}
}
