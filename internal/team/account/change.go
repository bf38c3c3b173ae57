// SPDX-License-Identifier: AGPL-3.0-or-later

package account

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"consend/internal/ground/fault"
	"consend/internal/ground/locale"
	"consend/internal/ground/mark"
	"consend/internal/ground/store"
	"consend/internal/trace/proof"
)

// Add writes the row of the bound account; its keys exist (ID made them).
func Add(tx *store.Tx, n New) error {
	if err := n.check(); err != nil {
		return err
	}
	d := n.Details
	_, err := tx.Exec(add, n.Kind, d.Name, d.Postal, d.Country, d.Rules, d.Language, d.Zone, d.Colour, d.DataName, d.DataEmail.Raw(), d.Sending)
	if errors.Is(err, store.ErrUnique) {
		return fault.New(fault.Conflict, "account.house.taken")
	}
	if err != nil {
		return err
	}
	clear, private := d.split()
	clear["kind"] = string(n.Kind)
	return wrote(tx, "account.create", clear, private)
}

// Mark names what the settings page shows.
func (d Details) Mark() string {
	return mark.Of(d.Name, d.Postal, d.Country, d.Rules, d.Language, d.Zone, d.Colour, d.DataName.Raw(), d.DataEmail.Raw(), string(d.Sending)) // disclosed: hashed
}

// Change replaces what people set about the bound account.
func Change(tx *store.Tx, seen string, d Details) error {
	if err := d.Whole(); err != nil {
		return err
	}
	before, err := store.One[Account](tx, lock)
	if err != nil {
		return missing(err)
	}
	if mark.Stale(seen, before.Mark()) {
		return fault.New(fault.Conflict, "account.changed")
	}
	if before.Details == d {
		return nil
	}
	tx.Do(set, d.Name, d.Postal, d.Country, d.Rules, d.Language, d.Zone, d.Colour, d.DataName, d.DataEmail.Raw(), d.Sending)
	clear, private := before.Details.split()
	newClear, newPrivate := d.split()
	return wrote(tx, "account.change", changes(clear, newClear), changes(private, newPrivate))
}

// Suspend stops the account: nothing is sent for it; its members still come in, to read why and to
// take their data along. why is the key of a reason.
func Suspend(tx *store.Tx, why string) error { return suspended(tx, true, why) }

// Resume ends a suspension.
func Resume(tx *store.Tx) error { return suspended(tx, false, "") }

func suspended(tx *store.Tx, stop bool, why string) error {
	before, err := store.One[Account](tx, lock)
	if err != nil {
		return missing(err)
	}
	if before.Suspended() == stop {
		return nil
	}
	at := tx.Now
	if !stop {
		at = 0
	}
	tx.Do(suspend, at, why)
	if !stop {
		return wrote(tx, "account.resume", nil, nil)
	}
	return wrote(tx, "account.suspend", proof.Fields{"why": why}, nil)
}

func missing(err error) error {
	if errors.Is(err, store.ErrNone) {
		return fault.New(fault.NotFound, "account.none")
	}
	return err
}

const (
	maxName   = 200
	maxPostal = 500
)

var colour = regexp.MustCompile(`^#[0-9a-f]{6}$`)

func (n *New) check() error {
	if n.Kind == "" {
		n.Kind = Customer
	}
	if !slices.Contains([]Kind{Own, Operator, Customer}, n.Kind) {
		return fault.New(fault.Invalid, "account.kind.bad")
	}
	return n.Details.check()
}

// Whole completes what may be left out, and refuses what can't be or is missing: all at once.
func (d *Details) Whole() error {
	m := d.faults()
	if d.Postal == "" { // LCEN 20, CAN-SPAM 5(a)(5): a mail names its sender's postal address
		m = append(m, fault.New(fault.Invalid, "account.postal.missing").At("postal"))
	}
	if d.Country == "" {
		m = append(m, fault.New(fault.Invalid, "account.country.missing").At("country"))
	}
	return m.Err()
}

// Complete tells whether the account says all that its mails must: its postal address and
// country. An account made at the command line doesn't yet.
func (a Account) Complete() bool { return a.Postal != "" && a.Country != "" }

func (d *Details) check() error { return d.faults().Err() }

func (d *Details) faults() (m fault.Many) {
	fail := func(field, key string, args ...any) {
		m = append(m, fault.New(fault.Invalid, key, args...).At(field))
	}
	d.Name, d.Postal = tidy(d.Name), strings.Join(lines(d.Postal), "\n")
	switch {
	case d.Name == "":
		fail("name", "account.name.missing")
	case utf8.RuneCountInString(d.Name) > maxName || !printable(d.Name):
		fail("name", "account.name.bad", "max", maxName)
	}
	if utf8.RuneCountInString(d.Postal) > maxPostal || !printable(d.Postal) {
		fail("postal", "account.postal.bad", "max", maxPostal)
	}
	d.Country = strings.ToUpper(d.Country)
	if d.Country != "" && !slices.Contains(codes(), d.Country) {
		fail("country", "account.country.bad")
	}
	if d.Rules == "" {
		d.Rules = d.Country
	}
	if d.Rules != d.Country && !slices.Contains(codes(), d.Rules) {
		fail("rules", "account.country.bad")
	}
	if d.Language == "" {
		d.Language = or(home[d.Country].language, locale.English)
	}
	if !locale.Known(d.Language) {
		fail("language", "account.language.bad")
	}
	if d.Zone == "" {
		d.Zone = or(home[d.Country].zone, "UTC")
	}
	if _, err := time.LoadLocation(d.Zone); err != nil || d.Zone == "Local" {
		fail("zone", "account.zone.bad")
	}
	d.Colour = strings.ToLower(d.Colour)
	if d.Colour != "" && !colour.MatchString(d.Colour) {
		fail("colour", "account.colour.bad")
	}
	if n := d.DataName.Raw(); utf8.RuneCountInString(n) > maxName || !printable(n) {
		fail("data_name", "account.name.bad", "max", maxName)
	}
	if d.Sending == "" {
		d.Sending = Mailbox
	}
	if !slices.Contains([]Sending{Mailbox, SMTP, Provider}, d.Sending) {
		fail("sending", "account.sending.bad")
	}
	return m
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// tidy is one line of text: NFC, blanks as one.
func tidy(s string) string { return norm.NFC.String(strings.Join(strings.Fields(s), " ")) }

// lines are the lines of a text that say something.
func lines(s string) []string {
	var out []string
	for _, l := range strings.Split(s, "\n") {
		if l = tidy(l); l != "" {
			out = append(out, l)
		}
	}
	return out
}

// printable refuses what has no place in a name: control and format characters, which could
// break a header or turn the direction of what follows.
func printable(s string) bool {
	for _, c := range s {
		if c != '\n' && (unicode.IsControl(c) || unicode.Is(unicode.Cf, c) || c == utf8.RuneError) {
			return false
		}
	}
	return true
}

func fold(s string) string {
	return strings.ToLower(strings.Map(func(c rune) rune {
		if unicode.Is(unicode.Mn, c) {
			return -1
		}
		return c
	}, norm.NFD.String(s)))
}
