// SPDX-License-Identifier: AGPL-3.0-or-later

package legalclock

import "time"

// Holidays of a country: days since Easter Sunday, and fixed ones as month*100+day.
//
// Only days that are free in the whole country and don't move are here, and only
// for some countries; elsewhere Legal is rolled past week-ends alone. That errs on
// the early side, and Due, which binds, doesn't use this table at all.
type days struct {
	easter []int
	fixed  []int
}

const (
	goodFriday   = -2
	easterSunday = 0
	easterMonday = 1
	ascension    = 39
	whitSunday   = 49
	whitMonday   = 50
	corpus       = 60
)

// France: Code du travail L3133-1. Germany: Laender's common nine. The others:
// lists of public holidays that member states notify under 1182/71 art. 2(1), from
// memory; a lawyer should look over them before anybody relies on Legal.
var holidays = map[string]days{
	"FR": {[]int{easterMonday, ascension, whitMonday}, []int{101, 501, 508, 714, 815, 1101, 1111, 1225}},
	"BE": {[]int{easterMonday, ascension, whitMonday}, []int{101, 501, 721, 815, 1101, 1111, 1225}},
	"LU": {[]int{easterMonday, ascension, whitMonday}, []int{101, 501, 509, 623, 815, 1101, 1225, 1226}},
	"DE": {[]int{goodFriday, easterMonday, ascension, whitMonday}, []int{101, 501, 1003, 1225, 1226}},
	"AT": {[]int{easterMonday, ascension, whitMonday, corpus}, []int{101, 106, 501, 815, 1026, 1101, 1208, 1225, 1226}},
	"NL": {[]int{easterMonday, ascension, whitMonday}, []int{101, 1225, 1226}},
	"IT": {[]int{easterMonday}, []int{101, 106, 425, 501, 602, 815, 1101, 1208, 1225, 1226}},
	"ES": {[]int{goodFriday}, []int{101, 501, 815, 1012, 1101, 1206, 1208, 1225}},
	"PT": {[]int{goodFriday, corpus}, []int{101, 425, 501, 610, 815, 1005, 1101, 1201, 1208, 1225}},
	"IE": {[]int{easterMonday}, []int{101, 317, 1225, 1226}},
	"PL": {[]int{easterMonday, corpus}, []int{101, 106, 501, 503, 815, 1101, 1111, 1225, 1226}},
}

// Holiday tells whether a day is a public holiday in the whole of a country
// (ISO 3166 alpha-2). Of an unknown country no day is.
func Holiday(d Date, country string) bool {
	h, ok := holidays[country]
	if !ok {
		return false
	}
	y, m, day := d.Civil()
	for _, f := range h.fixed {
		if f == int(m)*100+day {
			return true
		}
	}
	e := Easter(y)
	for _, off := range append([]int{easterSunday, whitSunday}, h.easter...) {
		if d == e.AddDays(off) {
			return true
		}
	}
	return false
}

// Easter gives Easter Sunday of the Gregorian calendar (Meeus, Jones and Butcher).
func Easter(year int) Date {
	a, b, c := year%19, year/100, year%100
	d, e := b/4, b%4
	f := (b + 8) / 25
	g := (b - f + 1) / 3
	h := (19*a + b - d - g + 15) % 30
	i, k := c/4, c%4
	l := (32 + 2*e + 2*i - h - k) % 7
	m := (a + 11*h + 22*l) / 451
	n := h + l - 7*m + 114
	return Civil(year, time.Month(n/31), n%31+1)
}
