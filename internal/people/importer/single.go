// SPDX-License-Identifier: AGPL-3.0-or-later

package importer

import (
	"consend/internal/ground/actor"
	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/pii"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/list"
)

// Single is one person whom a member types in, with the same origin as a file would need.
type Single struct {
	Email    address.Address
	Name     pii.Text
	Language string
	List     int64
	Origin   Origin
	Word     bool // the member, an owner or admin, stands for it: grade D
}

// Add puts one person on a list. A row of a file can wait for proof; one person can't be kept
// for nothing: without a reason to write, nobody is written down (GDPR 5(1)(c), 14(3)).
// Faults: those of Origin.Check, contact.email.missing, import.single.word,
// import.single.lacks.…, import.withheld.… (what the person said before stands).
func Add(tx *store.Tx, s Single) (int64, error) {
	zone, rules, err := rulesOf(tx)
	if err != nil {
		return 0, err
	}
	if err := s.Origin.Check(tx.Now, zone); err != nil {
		return 0, err
	}
	signs := tx.Who.Kind == actor.Member && (tx.Who.Role == "owner" || tx.Who.Role == "admin")
	if s.Word && !signs {
		return 0, fault.New(fault.Forbidden, "import.single.word").At("word")
	}
	g, lacks := grade(s.Origin, rules, false, false, s.Word)
	if g == "" {
		at := fieldOf(lacks)
		switch at {
		case "declare":
			at = "word"
		case "evidence": // there is none to attach
			at = "kind"
		}
		return 0, fault.New(fault.Invalid, "import.single.lacks."+lacks).At(at)
	}
	said := tx.Now
	if d, err := legalclock.ParseDate(s.Origin.To); err == nil {
		said = min(d.Start(zone), tx.Now)
	}
	rows, err := contact.Ensure(tx, []contact.New{{Email: s.Email, Name: s.Name, Language: s.Language, Source: "member", ActiveAt: said,
		NoticeDueAt: s.Origin.NoticeDue(tx.Now, zone, rules)}})
	if err != nil {
		return 0, err
	}
	e := consent.Event{Contact: rows[0].ID, List: s.List, Kind: consent.Give, Basis: s.Origin.basis(), BasisRef: s.Origin.ref(), Grade: consent.Grade(g),
		OptOutOffered: s.Origin.Refusal == "yes", OccurredAt: said, Source: "member", Method: string(s.Origin.word()), Page: s.Origin.source(),
		Text: s.Origin.Words, Language: s.Language, Row: rows[0]}
	if e.Grade == consent.GradeD {
		e.DeclaredBy = tx.Who.ID
	}
	l, err := list.Get(tx, s.List)
	if err != nil {
		return 0, err
	}
	e.BasisFamily = s.Origin.products(l)
	res, err := consent.Apply(tx, []consent.Event{e})
	if err != nil {
		return 0, err
	}
	if v := res[0].Verdict; !v.OK() {
		return 0, fault.New(fault.Conflict, "import.withheld."+string(v)).At("email")
	}
	if res[0].After.Status == consent.Waiting {
		at := "kind"
		if res[0].Lacks == consent.NoService {
			at = "list"
		}
		return 0, fault.New(fault.Invalid, "import.single.lacks."+res[0].Lacks).At(at)
	}
	return rows[0].ID, nil
}
