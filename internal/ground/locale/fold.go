// SPDX-License-Identifier: AGPL-3.0-or-later

package locale

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

var ligatures = strings.NewReplacer("œ", "oe", "æ", "ae", "ß", "ss", "’", "'")

// Plain folds a text to what people type when they look for it: small letters without
// accents ("Élise" and "elise" are one), ligatures spelt out.
func Plain(s string) string {
	s = strings.ToLower(s)
	for i := range len(s) {
		if s[i] >= 0x80 {
			return plain(s)
		}
	}
	return s
}

func plain(s string) string {
	return strings.Map(func(c rune) rune {
		if unicode.Is(unicode.Mn, c) {
			return -1
		}
		return c
	}, norm.NFD.String(ligatures.Replace(s)))
}

// Words splits a text into its folded words, as Begins compares them.
func Words(s string) []string {
	return strings.FieldsFunc(Plain(s), func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsNumber(c) })
}

// Begins tells whether every word of what was asked begins a word of the text. Nothing asked
// is nothing found.
func Begins(text string, asked []string) bool {
	if len(asked) == 0 {
		return false
	}
	words := Words(text)
	for _, a := range asked {
		found := false
		for _, w := range words {
			if found = strings.HasPrefix(w, a); found {
				break
			}
		}
		if !found {
			return false
		}
	}
	return true
}
