// SPDX-License-Identifier: AGPL-3.0-or-later

package segment

import (
	"consend/internal/people/contact"
	"consend/internal/people/list"
)

// Field is what a condition looks at.
type Field string

// The fields.
const (
	Attribute Field = "attribute"
	Name      Field = "name"
	Language  Field = "language"
	Country   Field = "country"
	Domain    Field = "domain" // of the address, behind the @
	Added     Field = "added"  // when the account came to know them
	Source    Field = "source"
	List      Field = "list"
	Purpose   Field = "purpose"     // what the person said of it, here or elsewhere
	DoNotMail Field = "do_not_mail" // for everything
	Activity  Field = "activity"
)

// Fields lists them in the order pages show them.
func Fields() []Field {
	return []Field{Attribute, List, Purpose, Activity, Added, Language, Country, Domain, Name, Source, DoNotMail}
}

// Op is how it looks.
type Op string

// The ways of looking. Those with days count from the account's today.
const (
	Is          Op = "is"
	IsNot       Op = "is_not"
	Contains    Op = "contains"
	NotContains Op = "not_contains"
	Begins      Op = "begins"
	OneOf       Op = "one_of"
	NoneOf      Op = "none_of"
	Empty       Op = "empty"
	Filled      Op = "filled"
	Less        Op = "less"
	Greater     Op = "greater"
	Between     Op = "between" // both ends included
	Yes         Op = "yes"
	No          Op = "no"

	Before      Op = "before" // days of the calendar
	After       Op = "after"
	LastDays    Op = "last"        // today and the days before it
	NextDays    Op = "next"        // today and the days after it
	DaysAgo     Op = "ago"         // exactly
	Anniversary Op = "anniversary" // its day and month come within the days

	On      Op = "on"     // may stand on the list: a basis is given
	Off     Op = "off"    // no basis is given
	Status  Op = "status" // one of consent's
	OnBasis Op = "basis"
	OnGrade Op = "grade"
	OnSince Op = "since" // on it, since at most so many days

	SaidYes Op = "said_yes"
	SaidNo  Op = "said_no"

	Ever    Op = "ever"
	Never   Op = "never"
	NotLast Op = "not_last" // not within the last days
	Times   Op = "times"    // at least
)

// needs is what an Op takes: 'v' one value, 'w' two, 'm' many, 'd' days, 0 nothing.
func (o Op) needs() byte {
	switch o {
	case Is, IsNot, Contains, NotContains, Begins, Less, Greater, Before, After:
		return 'v'
	case Between:
		return 'w'
	case OneOf, NoneOf, Status, OnBasis, OnGrade:
		return 'm'
	case LastDays, NextDays, DaysAgo, Anniversary, OnSince, NotLast, Times:
		return 'd'
	}
	return 0
}

// Values tells how many values an Op takes; many is 2 for a list of any length.
func (o Op) Values() (least, most int) {
	switch o.needs() {
	case 'v':
		return 1, 1
	case 'w':
		return 2, 2
	case 'm':
		return 1, MaxValues
	}
	return 0, 0
}

// Counts tells whether an Op takes a number: of days, or of times.
func (o Op) Counts() bool { return o.needs() == 'd' }

// Ops lists how a field can be looked at; t is the attribute's type.
func Ops(f Field, t contact.Type) []Op {
	switch f {
	case Attribute:
		switch t {
		case contact.TypeNumber:
			return []Op{Is, IsNot, Less, Greater, Between, Empty, Filled}
		case contact.TypeDate:
			return []Op{Is, Before, After, Between, LastDays, NextDays, DaysAgo, Anniversary, Empty, Filled}
		case contact.TypeBoolean:
			return []Op{Yes, No, Empty, Filled}
		case contact.TypeChoice:
			return []Op{Is, IsNot, OneOf, NoneOf, Empty, Filled}
		case contact.TypeMultiple:
			return []Op{OneOf, NoneOf, Empty, Filled}
		}
		return []Op{Is, IsNot, Contains, NotContains, Begins, OneOf, Empty, Filled}
	case Name:
		return []Op{Is, IsNot, Contains, NotContains, Begins, Empty, Filled}
	case Language, Country, Source:
		return []Op{Is, IsNot, OneOf, NoneOf, Empty, Filled}
	case Domain:
		return []Op{Is, IsNot, OneOf, NoneOf}
	case Added:
		return []Op{LastDays, DaysAgo, Is, Before, After, Between}
	case List:
		return []Op{On, Off, OnSince, Status, OnBasis, OnGrade}
	case Purpose:
		return []Op{SaidYes, SaidNo}
	case DoNotMail:
		return []Op{Yes, No}
	case Activity:
		return []Op{LastDays, NotLast, Ever, Never, Times}
	}
	return nil
}

// Doings are the kinds of activity that can be asked about.
func Doings() []contact.Doing {
	return []contact.Doing{contact.Clicked, contact.Opened, contact.Replied, contact.Bought, contact.SignedIn, contact.Submitted, contact.Chose, contact.Left, contact.KeptOn,
		contact.Sent, contact.SoftBounced, contact.HardBounced, contact.Grumbled}
}

// Measured tells whether a kind of activity counts only where the person agreed to be measured.
func Measured(d contact.Doing) bool { return Measure(d) != "" }

// Measure is what a yes must allow for a kind of activity to count, list.Opens or list.Clicks: a yes to one is
// none to the other (GDPR 6(1)(a)). "" is no yes at all.
func Measure(d contact.Doing) string {
	switch d {
	case contact.Opened:
		return list.Opens
	case contact.Clicked:
		return list.Clicks
	}
	return ""
}
