// SPDX-License-Identifier: AGPL-3.0-or-later

package importer

import (
	"strconv"
	"strings"
	"time"

	"consend/internal/ground/legalclock"
	"consend/internal/people/contact"
)

func itoa(n int) string { return strconv.Itoa(n) }

// readBool reads yes and no as spreadsheets and tools write them.
func readBool(s string) (v, ok bool) {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "1", "true", "yes", "y", "oui", "o", "vrai", "x", "ja":
		return true, true
	case "0", "false", "no", "n", "non", "faux", "nein":
		return false, true
	}
	return false, false
}

// readNumber reads 1234.5, 1 234,5 and 1,234.5; the result is canonical. What could be
// either (1,234) is read as spreadsheets of our readers write it: a comma before three
// digits parts thousands only if there is a point or a second comma too.
func readNumber(s string) (string, bool) {
	s = strings.TrimSpace(s)
	neg := strings.HasPrefix(s, "-")
	s = strings.TrimPrefix(s, "-")
	if s == "" || len(s) > 40 {
		return "", false
	}
	var b strings.Builder
	comma, point := strings.Count(s, ","), strings.Count(s, ".")
	decimal := byte('.')
	switch {
	case comma == 1 && point == 0, comma == 1 && point > 1, comma == 1 && point == 1 && strings.IndexByte(s, ',') > strings.IndexByte(s, '.'):
		decimal = ','
	case point > 1 && comma == 0:
		decimal = 0
	}
	seen, digits := false, 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c >= '0' && c <= '9':
			b.WriteByte(c)
			digits++
		case c == decimal:
			if seen {
				return "", false
			}
			seen = true
			b.WriteByte('.')
		case c == ',' || c == '.' || c == ' ' || c == '\'':
			if seen || digits == 0 || !thousands(s[i+1:]) {
				return "", false
			}
		case c == 0xC2 && i+1 < len(s) && s[i+1] == 0xA0: // no-break space
			i++
		case c == 0xE2 && i+2 < len(s) && s[i+1] == 0x80 && s[i+2] == 0xAF: // narrow no-break space
			i += 2
		default:
			return "", false
		}
	}
	out := strings.TrimSuffix(b.String(), ".")
	if digits == 0 || out == "" || out[0] == '.' {
		return "", false
	}
	whole, frac, _ := strings.Cut(out, ".")
	whole = strings.TrimLeft(whole, "0")
	frac = strings.TrimRight(frac, "0")
	if whole == "" {
		whole = "0"
	}
	if frac != "" {
		whole += "." + frac
	}
	if neg && whole != "0" {
		whole = "-" + whole
	}
	if len(whole) > 30 {
		return "", false
	}
	return whole, true
}

func thousands(rest string) bool {
	n := 0
	for n < len(rest) && rest[n] >= '0' && rest[n] <= '9' {
		n++
	}
	return n == 3
}

// How days and moments are written. A point puts the day first everywhere; slashes and
// dashes as the column has it.
var (
	iso = []string{"2006-01-02 15:04:05", "2006-01-02", "2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02T15:04",
		"2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05 MST", "2006-01-02 15:04:05 -0700", "2006/1/2", "2006/1/2 15:04", "2006/1/2 15:04:05",
		"20060102", "20060102150405", "2.1.2006", "2.1.2006 15:04", "2.1.2006 15:04:05"}
	dayFirst   = orders("2", "1")
	monthFirst = orders("1", "2")
)

func orders(first, second string) []string {
	var out []string
	for _, sep := range []string{"/", "-"} {
		for _, clock := range []string{"", " 15:04", " 15:04:05", " 3:04 PM", " 3:04:05 PM"} {
			out = append(out, first+sep+second+sep+"2006"+clock)
		}
	}
	return out
}

// readMoment reads a day or a moment; without a zone of its own it is in the given one.
func readMoment(s string, month bool, zone *time.Location) (time.Time, bool) {
	s = strings.TrimSpace(s)
	if len(s) < 8 || len(s) > 35 || s[0] < '0' || s[0] > '9' {
		return time.Time{}, false
	}
	if zone == nil {
		zone = time.UTC
	}
	if frac := strings.IndexByte(s, '.'); frac > 10 && s[4] == '-' { // fractions of a second
		end := frac + 1
		for end < len(s) && s[end] >= '0' && s[end] <= '9' {
			end++
		}
		s = s[:frac] + s[end:]
	}
	marked := dayFirst
	if month {
		marked = monthFirst
	}
	if s[1] != '/' && s[2] != '/' && s[1] != '-' && s[2] != '-' {
		marked = iso
	}
	for _, l := range marked {
		if t, err := time.ParseInLocation(l, s, zone); err == nil {
			return t, contact.Plausible(t)
		}
	}
	return time.Time{}, false
}

// readDay reads a date attribute: canonical, without zone.
func readDay(s string, month bool) (string, bool) {
	t, ok := readMoment(s, month, time.UTC)
	if !ok {
		return "", false
	}
	y, m, d := t.Date()
	return legalclock.Civil(y, m, d).String(), true
}

// readLanguage reads "fr", "fr-FR", "French" as an ISO 639-1 code; "" when unknown.
func readLanguage(s string) string {
	s = strings.ToLower(strings.TrimSpace(s))
	if n, ok := languageNames[s]; ok {
		return n
	}
	if i := strings.IndexAny(s, "-_"); i == 2 {
		s = s[:2]
	}
	if len(s) == 2 && s[0] >= 'a' && s[0] <= 'z' && s[1] >= 'a' && s[1] <= 'z' {
		return s
	}
	return ""
}

var languageNames = map[string]string{"english": "en", "anglais": "en", "french": "fr", "français": "fr", "francais": "fr", "german": "de", "deutsch": "de", "allemand": "de",
	"spanish": "es", "español": "es", "espagnol": "es", "italian": "it", "italiano": "it", "italien": "it", "dutch": "nl", "nederlands": "nl", "néerlandais": "nl", "portuguese": "pt", "português": "pt", "portugais": "pt"}

var utc = time.UTC
