// SPDX-License-Identifier: AGPL-3.0-or-later

package consent

import (
	"strings"

	"consend/internal/ground/legalclock"
	"consend/internal/ground/locale"
	"consend/internal/ground/rulepack"
	"consend/internal/ground/store"
	"consend/internal/people/contact"
	"consend/internal/people/list"
	"consend/internal/team/account"
)

// Condition is one of what must be so for a basis to hold, and whether it is. Each has its words:
// "consent.condition.<name>", and with ".no" those for one that isn't met.
type Condition struct {
	Name  string
	Holds bool
	About string            // what it leans on: a sale, products, a contract, countries by their codes
	Until legalclock.Moment // of a term: its end
}

// The conditions.
const (
	InCountry  = "country"    // the basis holds in the countries that are looked at
	Sold       = "sale"       // ePrivacy 13(2): in the context of a sale (C-654/23)
	Similar    = "similar"    // ePrivacy 13(2): own similar products
	Offered    = "offered"    // ePrivacy 13(2): a free way to refuse, when the address was taken
	EachMail   = "each_mail"  // ePrivacy 13(2), GDPR 21(4): and in each mail; no mail is made without (RFC 8058)
	InTerm     = "term"       // the last sale or use isn't too long ago, where a country has such a term
	Profession = "profession" // what is written concerns the person's work
	Reference  = "reference"  // the contract or membership
	Needed     = "needed"     // what the purpose sends is needed for it (GDPR 6(1)(b))
)

// Conditions tells why a basis holds for a person on a list, or why not, condition by condition, from
// the event it rests on. Consent has none beside its proof.
func Conditions(r store.Reader, c contact.Contact, e Record) ([]Condition, error) {
	if e.Basis == ByConsent || !e.Basis.Known() {
		return nil, nil
	}
	g, err := GroundOf(r)
	if err != nil {
		return nil, err
	}
	here := Condition{Name: InCountry, Holds: g.Holds(e.Basis, c.Country)}
	for i, code := range g.Countries(c.Country) {
		if i > 0 {
			here.About += ","
		}
		here.About += code
	}
	out := []Condition{here}
	mail := Condition{Name: EachMail, Holds: true}
	switch e.Basis {
	case Contract:
		l, err := list.Get(r, e.ListID)
		return []Condition{{Name: Reference, Holds: true, About: e.BasisRef}, {Name: Needed, Holds: l.Service, About: l.PurposeName}}, err
	case Member:
		return append(out, Condition{Name: Reference, Holds: true, About: e.BasisRef}), nil
	case B2B:
		return append(out, Condition{Name: Profession, Holds: true, About: e.BasisRef}, mail), nil
	case SoftOptIn:
	default:
		return append(out, mail), nil
	}
	out = append(out, Condition{Name: Sold, Holds: e.BasisRef != "", About: e.BasisRef},
		Condition{Name: Similar, Holds: e.Lacks != "other_products", About: e.BasisFamily}, Condition{Name: Offered, Holds: e.OptoutOffered}, mail)
	if months, _ := g.Term(c.Country, store.NowOf(r)); months > 0 {
		term, err := g.inTerm(r, c, e, months)
		if err != nil {
			return nil, err
		}
		out = append(out, term)
	}
	return out, nil
}

// inTerm tells until when the last sale or use is recent enough.
func (g Ground) inTerm(r store.Reader, c contact.Contact, e Record, months int) (Condition, error) {
	last := e.OccurredAt
	sold, err := store.All[sale](r, sales, e.ListID, []int64{c.ID})
	if err != nil {
		return Condition{}, err
	}
	for _, s := range sold {
		last = s.At
	}
	used := map[int64]legalclock.Moment{}
	if err := contact.LastUse(r, []int64{c.ID}, used); err != nil {
		return Condition{}, err
	}
	end := legalclock.Day(max(last, used[c.ID]), g.zone).AddMonths(months).End(g.zone)
	return Condition{Name: InTerm, Holds: end > store.NowOf(r), About: string(rulepack.SoftOptInTerm), Until: end}, nil
}

// Words are the condition's name, and how it stands, as people read them.
func (c Condition) Words(p locale.Printer) (name, stands string) {
	key := "consent.condition." + c.Name
	about := c.About
	switch {
	case c.Name == InTerm:
		about = p.Date(c.Until - 1) // the last day of it
	case c.Name != InCountry:
	case about == "":
		about = p.T(key + ".unknown")
	default:
		codes := strings.Split(about, ",")
		for i := range codes {
			codes[i] = account.CountryName(codes[i], p.Lang)
		}
		about = p.Join(codes)
	}
	how := ".yes"
	switch {
	case !c.Holds:
		how = ".no"
	case about == "" && p.Has(key+".declared"):
		how = ".declared"
	}
	return p.T(key), p.T(key+how, "about", about)
}
