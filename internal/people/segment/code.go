// SPDX-License-Identifier: AGPL-3.0-or-later

package segment

import (
	"slices"
	"strings"
	"sync"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"consend/internal/ground/locale"
	"consend/internal/team/account"
)

// Sources are where contacts come from.
func Sources() []string { return []string{"form", "import", "member", "api", "merge"} }

// Code reads a country, a language or a source: its code, or a name of it in a language of the house. false: it is none.
// A value of another field is itself.
func Code(f Field, s string) (string, bool) {
	if f != Country && f != Language && f != Source {
		return s, true
	}
	if f == Country {
		c := account.ReadCountry(s)
		return c, c != ""
	}
	s = strings.ToLower(strings.TrimSpace(s))
	if f == Language {
		if c, ok := tongues()[s]; ok {
			return c, true
		}
		_, err := language.Parse(s)
		return s, err == nil && s != ""
	}
	return s, slices.Contains(Sources(), s)
}

// Called says a code of a country or a language by its name in a language of the house.
func Called(f Field, code, lang string) string {
	switch f {
	case Country:
		return account.CountryName(strings.ToUpper(code), lang)
	case Language:
		t, err := language.Parse(code)
		if err != nil {
			return code
		}
		if n := names(lang).Name(t); n != "" {
			return n
		}
	}
	return code
}

func names(lang string) display.Namer {
	if lang == locale.French {
		return display.French.Languages()
	}
	return display.English.Languages()
}

var tongues = sync.OnceValue(func() map[string]string {
	out := map[string]string{}
	for _, l := range locale.Languages() {
		for _, t := range display.Supported.Tags() {
			if n := strings.ToLower(names(l).Name(t)); n != "" && out[n] == "" {
				out[n] = t.String()
			}
		}
	}
	return out
})
