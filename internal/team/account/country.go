// SPDX-License-Identifier: AGPL-3.0-or-later

package account

import (
	"cmp"
	"slices"
	"sync"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"consend/internal/ground/locale"
)

// Country is one country by code and name.
type Country struct{ Code, Name string }

// notCountries are codes that CLDR counts as countries and ISO 3166-1 only reserves: islands that
// belong to others, and groups of countries.
var notCountries = []string{"AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ"}

// codes are the countries of ISO 3166-1 as CLDR knows them (and Kosovo, which ISO has no code for).
var codes = sync.OnceValue(func() []string {
	var out []string
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			code := string([]rune{a, b})
			if r, err := language.ParseRegion(code); err == nil && r.IsCountry() && r.String() == code && r.Canonicalize() == r && !slices.Contains(notCountries, code) && display.English.Regions().Name(r) != "" {
				out = append(out, code)
			}
		}
	}
	return out
})

// Countries lists the countries by their names in a language.
func Countries(lang string) []Country {
	var out []Country
	for _, c := range codes() {
		out = append(out, Country{c, CountryName(c, lang)})
	}
	slices.SortFunc(out, func(a, b Country) int { return cmp.Compare(fold(a.Name), fold(b.Name)) })
	return out
}

// CountryName is a country's name in a language; the code when it has none.
func CountryName(code, lang string) string {
	r, err := language.ParseRegion(code)
	if err != nil {
		return code
	}
	names := display.English.Regions()
	if lang == locale.French {
		names = display.French.Regions()
	}
	if n := names.Name(r); n != "" {
		return n
	}
	return code
}

// home is what a country usually speaks (of our languages) and the zone of its capital. It is
// only the beginning: both are settings. Where a country isn't listed: English, UTC.
var home = map[string]struct{ language, zone string }{
	"AT": {"en", "Europe/Vienna"}, "BE": {"fr", "Europe/Brussels"}, "BG": {"en", "Europe/Sofia"}, "CA": {"en", "America/Toronto"},
	"CH": {"fr", "Europe/Zurich"}, "CY": {"en", "Asia/Nicosia"}, "CZ": {"en", "Europe/Prague"}, "DE": {"en", "Europe/Berlin"},
	"DK": {"en", "Europe/Copenhagen"}, "EE": {"en", "Europe/Tallinn"}, "ES": {"en", "Europe/Madrid"}, "FI": {"en", "Europe/Helsinki"},
	"FR": {"fr", "Europe/Paris"}, "GB": {"en", "Europe/London"}, "GF": {"fr", "America/Cayenne"}, "GP": {"fr", "America/Guadeloupe"},
	"GR": {"en", "Europe/Athens"}, "HR": {"en", "Europe/Zagreb"}, "HU": {"en", "Europe/Budapest"}, "IE": {"en", "Europe/Dublin"},
	"IS": {"en", "Atlantic/Reykjavik"}, "IT": {"en", "Europe/Rome"}, "LI": {"en", "Europe/Vaduz"}, "LT": {"en", "Europe/Vilnius"},
	"LU": {"fr", "Europe/Luxembourg"}, "LV": {"en", "Europe/Riga"}, "MC": {"fr", "Europe/Monaco"}, "MQ": {"fr", "America/Martinique"},
	"MT": {"en", "Europe/Malta"}, "NC": {"fr", "Pacific/Noumea"}, "NL": {"en", "Europe/Amsterdam"}, "NO": {"en", "Europe/Oslo"},
	"PF": {"fr", "Pacific/Tahiti"}, "PL": {"en", "Europe/Warsaw"}, "PT": {"en", "Europe/Lisbon"}, "RE": {"fr", "Indian/Reunion"},
	"RO": {"en", "Europe/Bucharest"}, "SE": {"en", "Europe/Stockholm"}, "SI": {"en", "Europe/Ljubljana"}, "SK": {"en", "Europe/Bratislava"},
	"US": {"en", "America/New_York"}, "YT": {"fr", "Indian/Mayotte"},
	"AU": {"en", "Australia/Sydney"}, "IN": {"en", "Asia/Kolkata"}, "JP": {"en", "Asia/Tokyo"}, "MA": {"fr", "Africa/Casablanca"},
	"NZ": {"en", "Pacific/Auckland"}, "SN": {"fr", "Africa/Dakar"}, "TN": {"fr", "Africa/Tunis"}, "CI": {"fr", "Africa/Abidjan"},
}

// Zones lists the zones the settings offer: those of the countries above, UTC, and the account's own.
func Zones(own string) []string {
	out := []string{"UTC"}
	for _, h := range home {
		out = append(out, h.zone)
	}
	if own != "" {
		out = append(out, own)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
