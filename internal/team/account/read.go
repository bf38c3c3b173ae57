// SPDX-License-Identifier: AGPL-3.0-or-later

package account

import (
	"strings"
	"sync"
	"unicode"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
	"golang.org/x/text/unicode/norm"
)

// ReadCountry reads a code of ISO 3166-1, of two letters or three, or a name in English, French or the country's own
// languages, however it is capitalised and accented; "" when unknown.
func ReadCountry(s string) string { return countryNames()[foldedWord(s)] }

// foldedWord is small letters and digits of any script, without accents.
func foldedWord(s string) string {
	return strings.Map(func(c rune) rune {
		if !unicode.IsLetter(c) && !unicode.IsDigit(c) {
			return -1
		}
		return unicode.ToLower(c)
	}, norm.NFD.String(s))
}

// spoken are the languages of countries beside the likeliest.
var spoken = map[string]string{"BE": "nl fr de", "CH": "de fr it rm", "LU": "fr de lb", "FI": "fi sv", "IE": "ga", "MT": "mt", "CY": "el tr", "ES": "es ca eu gl", "NO": "nb nn", "GB": "cy gd"}

// otherwise is how countries are called, too.
var otherwise = map[string]string{"uk": "GB", "greatbritain": "GB", "grandebretagne": "GB", "england": "GB", "angleterre": "GB", "scotland": "GB", "ecosse": "GB", "wales": "GB", "paysdegalles": "GB", "northernireland": "GB", "irlandedunord": "GB",
	"el": "GR", "ellas": "GR", "hellas": "GR", "czechrepublic": "CZ", "republiquetcheque": "CZ", "ceskarepublika": "CZ", "slovakrepublic": "SK", "republiqueslovaque": "SK", "holland": "NL", "hollande": "NL", "thenetherlands": "NL", "oesterreich": "AT",
	"roumanie": "RO", "republicofireland": "IE", "eire": "IE", "danmark": "DK", "turkey": "TR", "macedonia": "MK", "macedoine": "MK", "schweiz": "CH", "unitedstatesofamerica": "US", "usofamerica": "US", "etatsunisdamerique": "US", "russianfederation": "RU", "federationderussie": "RU", "moldova": "MD", "vietnam": "VN", "ivorycoast": "CI"}

var countryNames = sync.OnceValue(func() map[string]string {
	names := map[string]string{}
	put := func(name, code string) {
		if f := foldedWord(name); f != "" && names[f] == "" {
			names[f] = code
		}
	}
	all := Countries("en")
	for _, c := range all { // codes before names
		put(c.Code, c.Code)
		put(language.MustParseRegion(c.Code).ISO3(), c.Code)
	}
	for _, c := range all {
		put(c.Name, c.Code)
		put(CountryName(c.Code, "fr"), c.Code)
	}
	for name, code := range otherwise {
		put(name, code)
	}
	for _, c := range all {
		r := language.MustParseRegion(c.Code)
		likely, _ := language.MustParse("und-" + c.Code).Base()
		for _, l := range append(strings.Fields(spoken[c.Code]), likely.String()) {
			if tag, err := language.Parse(l); err == nil {
				if n := display.Regions(tag); n != nil {
					put(n.Name(r), c.Code)
				}
			}
		}
	}
	return names
})
