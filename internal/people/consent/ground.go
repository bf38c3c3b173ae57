// SPDX-License-Identifier: AGPL-3.0-or-later

package consent

import (
	"slices"
	"time"

	"consend/internal/ground/legalclock"
	"consend/internal/ground/rulepack"
	"consend/internal/ground/store"
	"consend/internal/people/contact"
	"consend/internal/people/list"
	"consend/internal/team/account"
)

// Ground is what the rules in force ask of those whom an account writes to: by which grades of
// evidence (kind.md; rule evidence.mailable), and on which bases in which countries (rules
// basis.*; ePrivacy 13 as each country took it over; compliance L12). Consent and what a contract
// needs hold everywhere.
//
// The countries are the account's (whose law it follows) and the one the person stated, never one
// guessed from an address (L13). Where both are known a basis holds in both; where neither is, the
// general value counts, which is the cautious one.
type Ground struct {
	rules *rulepack.Rules
	law   string
	zone  *time.Location
}

// holding names the rule of each basis that a country may forbid.
var holding = map[Basis]rulepack.Key{SoftOptIn: rulepack.HoldsSoftOptIn, B2B: rulepack.HoldsB2B, Member: rulepack.HoldsMember,
	PublicTask: rulepack.HoldsPublicTask, NonCommercial: rulepack.HoldsInterest}

// Everywhere tells whether a basis holds whatever the country.
func (b Basis) Everywhere() bool { return b == ByConsent || b == Contract }

// Objectable tells whether who is written to on it has the right to object, of which the first mail must tell clearly and
// apart from the rest (GDPR 21(4)): on everything but their own yes, which they withdraw, and a contract.
func (b Basis) Objectable() bool { return b.Known() && b != ByConsent && b != Contract }

// GroundOf gives the rules of the reader's account.
func GroundOf(r store.Reader) (Ground, error) {
	rulepack.Ask(r) // travels with the account
	a, err := account.Get(r)
	if err != nil {
		return Ground{}, err
	}
	rules, err := rulepack.For(r)
	return GroundFor(rules, a), err
}

// GroundFor is GroundOf where rules and account are at hand.
func GroundFor(rules *rulepack.Rules, a account.Account) Ground {
	return Ground{rules: rules, law: a.Law(), zone: a.Location()}
}

// Law is the account's country, "" where it said none.
func (g Ground) Law() string { return g.law }

// Mailable are the grades of evidence by which the account writes to people.
func (g Ground) Mailable() []string { return g.rules.List(rulepack.Mailable) }

// Countries are those that are looked at for somebody who stated a country, or none: "".
func (g Ground) Countries(stated string) []string {
	var out []string
	for _, c := range []string{g.law, stated} {
		if c != "" && !slices.Contains(out, c) {
			out = append(out, c)
		}
	}
	return out
}

// Holds tells whether one may write on a basis to somebody who stated a country, or none: "".
func (g Ground) Holds(b Basis, stated string) bool {
	if b.Everywhere() {
		return true
	}
	k, ok := holding[b]
	if !ok {
		return false
	}
	for _, c := range g.Countries(stated) {
		if !g.rules.CountryBool(k, c) {
			return false
		}
	}
	return len(g.Countries(stated)) > 0 || g.rules.CountryBool(k, "")
}

// anyOther stands for every country of which the rules say nothing of their own.
const anyOther = "*"

// Args are the arguments of ReasonSQL, in the order in which it asks: the countries that the rules
// know apart, which basis holds for somebody of which country, and the grades.
func (g Ground) Args() []any {
	known := []string{""}
	for _, k := range holding {
		known = append(known, g.rules.Countries(k)...)
	}
	slices.Sort(known)
	known = slices.Compact(known)
	var pairs []string
	for b := range holding {
		for _, c := range append(slices.Clone(known), anyOther) {
			if g.Holds(b, c) { // the rules know no country "*" either, and give the general value
				pairs = append(pairs, string(b)+" "+c)
			}
		}
	}
	if len(pairs) == 0 {
		pairs = []string{""}
	}
	slices.Sort(pairs)
	return []any{known, pairs, g.Mailable()}
}

// Term is the term of soft opt-in for somebody who stated a country: the months since the last sale
// or use, and the moment before which that is too long ago now. 0, 0: there is none. Of two countries the
// shorter term counts.
func (g Ground) Term(stated string, now legalclock.Moment) (months int, before legalclock.Moment) {
	in := g.Countries(stated)
	if len(in) == 0 {
		in = []string{""}
	}
	for _, c := range in {
		if n := g.rules.CountryNumber(rulepack.SoftOptInTerm, c); n > 0 && (months == 0 || n < months) {
			months, before = n, g.rules.CountryBefore(rulepack.SoftOptInTerm, c, now, g.zone).Start(g.zone)
		}
	}
	return months, before
}

// Conditions of a claim that isn't consent, as Event.Lacks names what is missing.
const (
	NotInCountry = "not_in_country" // the basis doesn't hold in the account's country or the person's
	SaleTooOld   = "sale_too_old"   // soft opt-in: the term since the last sale or use is over
	NoService    = "no_service"     // contract: what the list's purpose sends isn't said to be needed for it (GDPR 6(1)(b))
	NoBalance    = "no_balance"     // b2b: nobody wrote down why it concerns the person's work (GDPR 6(1)(f))
)

// claims is what the claims of a batch are held against; its zero value holds no claim that a
// country may forbid.
type claims struct {
	ground Ground
	sold   map[int64]legalclock.Moment // of who waits on an old claim: when they bought
	used   map[int64]legalclock.Moment // of whose sale is old: what they did since
}

// bound tells whether what an event claims is held against something: a country, a purpose.
func (e *Event) bound() bool {
	_, ok := holding[e.Basis]
	return (ok || e.Basis == Contract) && (e.Kind == Give || e.Kind == Release)
}

// claimsOf reads what the claims among events are held against; who is looked up by country gives
// the one that was stated.
func claimsOf(r store.Reader, events []Event, country func(*Event) string) (out claims, err error) {
	if !slices.ContainsFunc(events, func(e Event) bool { return e.bound() }) {
		return out, nil // a sign-up asks nothing
	}
	if out.ground, err = GroundOf(r); err != nil {
		return out, err
	}
	now := store.NowOf(r)
	waited := map[int64][]int64{} // by list
	for i := range events {
		e := &events[i]
		if e.Basis != SoftOptIn || e.Kind != Release {
			continue
		}
		if n, _ := out.ground.Term(country(e), now); n > 0 {
			waited[e.List] = append(waited[e.List], e.Contact)
		}
	}
	out.sold = map[int64]legalclock.Moment{}
	for list, people := range waited {
		for part := range slices.Chunk(people, 1000) {
			rows, err := store.All[sale](r, sales, list, part)
			if err != nil {
				return out, err
			}
			for _, s := range rows {
				out.sold[s.ContactID] = s.At
			}
		}
	}
	var old []int64
	for i := range events {
		e := &events[i]
		if e.Basis != SoftOptIn || !e.bound() || e.Contact == 0 {
			continue
		}
		if _, before := out.ground.Term(country(e), now); out.saleOf(e, now) < before {
			old = append(old, e.Contact)
		}
	}
	out.used = map[int64]legalclock.Moment{}
	for part := range slices.Chunk(old, 1000) {
		if err := contact.LastUse(r, part, out.used); err != nil {
			return out, err
		}
	}
	return out, nil
}

type sale struct {
	ContactID int64
	At        legalclock.Moment
}

// saleOf is when the sale was that an event leans on.
func (c claims) saleOf(e *Event, now legalclock.Moment) legalclock.Moment {
	at := e.OccurredAt
	if at == 0 {
		at = now
	}
	if s, ok := c.sold[e.Contact]; ok && e.Kind == Release {
		at = min(at, s)
	}
	return at
}

// lacking names what a claim on a list misses; it then waits instead of being mailed: a country in
// which its basis holds; of a contract a purpose of its service (GDPR 6(1)(b)); of b2b why it
// concerns the person's work (GDPR 6(1)(f)); and of soft opt-in the sale, the refusal that was
// offered with it, products like those of the purpose, and a sale or use within the term
// (ePrivacy 13(2); C-654/23). The fourth condition, a refusal in each mail, is the mail's own (RFC 8058).
func (c claims) lacking(e *Event, l list.List, country string, now legalclock.Moment) string {
	switch {
	case e.Lacks != "" || !e.bound():
		return e.Lacks
	case e.Basis == Contract && !l.Service:
		return NoService
	case !c.ground.Holds(e.Basis, country):
		return NotInCountry
	case e.Basis == B2B && e.BasisRef == "":
		return NoBalance
	case e.Basis != SoftOptIn:
		return ""
	case e.BasisRef == "":
		return "sale_unnamed"
	case !e.OptOutOffered:
		return "no_opt_out_when_collecting"
	case e.BasisFamily != l.Products():
		return "other_products"
	}
	if _, before := c.ground.Term(country, now); max(c.saleOf(e, now), c.used[e.Contact]) < before {
		return SaleTooOld
	}
	return ""
}
