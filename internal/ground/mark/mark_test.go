// SPDX-License-Identifier: AGPL-3.0-or-later

package mark

import "testing"

func TestAMarkTellsWhatWasShown(t *testing.T) {
	seen := Of("Spring", "Hello")
	if Stale(seen, Of("Spring", "Hello")) || Stale("", seen) {
		t.Error("the same is taken for something else")
	}
	for _, other := range []string{Of("Spring", "hello"), Of("SpringHello"), Of("SpringHello", ""), Of("Spring", "Hello", ""), Of("Sprin", "gHello"), Of()} {
		if !Stale(seen, other) {
			t.Error("something else is taken for the same")
		}
	}
}
