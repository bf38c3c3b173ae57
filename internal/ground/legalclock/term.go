// SPDX-License-Identifier: AGPL-3.0-or-later

package legalclock

import "time"

// Term is the end of a legal period. Due is the date the program holds itself to:
// never rolled, since earlier is always lawful. Legal is the date the law allows:
// rolled past Saturdays, Sundays and public holidays.
type Term struct{ Due, Legal Date }

// Months counts a term in calendar months from the day something was received.
// That day itself isn't counted (Regulation (EEC, Euratom) 1182/71, art. 3(1)),
// the term ends with the last hour of the day of the same number, or of the
// month's last day (3(2)(c)), and on the next working day if that is a Saturday,
// Sunday or public holiday of the country (3(4)).
//
// A right is answered in Months(received, 1); an extension by "two further months"
// (GDPR 12(3)) counts from receipt too: Months(received, 3), and holds only if the
// person is told before the first Due.
func Months(received Date, n int, country string) Term {
	due := received.AddMonths(n)
	return Term{due, NextWorkingDay(due, country)}
}

// Days counts a term in days after the day of receipt.
func Days(received Date, n int, country string) Term {
	due := received.AddDays(n)
	return Term{due, NextWorkingDay(due, country)}
}

// Hours counts raw hours (GDPR 33(1): 72 after becoming aware). The comfort of
// 1182/71 art. 3(5), two working days in any term, is ignored: earlier is lawful.
func Hours(aware Moment, n int) Moment { return aware.Add(time.Duration(n) * time.Hour) }

// WorkingDays gives the n-th working day after a day.
func WorkingDays(from Date, n int, country string) Date {
	for d := from; ; {
		if n <= 0 {
			return d
		}
		if d = d.AddDays(1); Working(d, country) {
			n--
		}
	}
}

// NextWorkingDay gives the day itself if people work on it, else the next on which they do.
func NextWorkingDay(d Date, country string) Date {
	for !Working(d, country) {
		d++
	}
	return d
}

// Working tells whether a day is neither Saturday, Sunday nor a public holiday of the country.
func Working(d Date, country string) bool {
	w := d.Weekday()
	return w != time.Saturday && w != time.Sunday && !Holiday(d, country)
}
