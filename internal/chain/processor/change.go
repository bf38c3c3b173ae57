// SPDX-License-Identifier: AGPL-3.0-or-later

package processor

import (
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/rulepack"
	"consend/internal/ground/store"
	"consend/internal/team/account"
)

// New is a record to be.
type New struct {
	Kind      Kind
	Name      string
	Country   string
	Place     Place
	DPA       DPA
	Transfer  Transfer
	ReviewDue legalclock.Moment
	Catalogue string
}

// Add writes a record down. Whether it holds is another question: a carrier that was never
// contracted may stand here, and carries nothing.
func Add(tx *store.Tx, n New) (Record, error) {
	n.Name = strings.TrimSpace(n.Name)
	n.Country = strings.ToUpper(strings.TrimSpace(n.Country))
	if n.Kind == Own && n.Place != Hoster {
		n.Place, n.DPA = Premises, DPA{Status: NotNeeded}
	}
	if n.Kind == Provider {
		n.Place = AtProvider
	}
	if n.DPA.Status == "" {
		n.DPA.Status = NoContract
	}
	if err := n.check(); err != nil {
		return Record{}, err
	}
	role, err := roleOf(tx, n)
	if err != nil {
		return Record{}, err
	}
	id := tx.ID()
	d, t := n.DPA, n.Transfer
	tx.Do(add, id, n.Kind, n.Name, n.Country, role, n.Place, d.Status, d.Version, d.URL, d.From, d.Until,
		t.Mechanism, t.From, t.Until, t.Checked, n.ReviewDue, by(tx), n.Catalogue)
	r := Record{ID: id, Owner: tx.Account(), Kind: n.Kind, Name: n.Name, Country: n.Country, Role: role, Place: n.Place, DPA: d, Transfer: t,
		ReviewDue: n.ReviewDue, State: Active, StateAt: tx.Now, StateBy: by(tx), Catalogue: n.Catalogue, Version: 1, MadeAt: tx.Now}
	return r, record(tx, "processor.add", r, "")
}

func (n New) check() error {
	var m fault.Many
	bad := func(field, key string) { m = append(m, fault.New(fault.Invalid, key).At(field)) }
	if n.Kind != Own && n.Kind != Provider {
		bad("kind", "processor.kind")
	}
	if n.Name == "" || utf8.RuneCountInString(n.Name) > 200 || strings.ContainsAny(n.Name, "\x00\r\n") {
		bad("name", "processor.name")
	}
	atHome := n.Kind == Own && n.Place == Premises && n.Country == ""
	if !atHome && (len(n.Country) != 2 || n.Country[0] < 'A' || n.Country[0] > 'Z' || n.Country[1] < 'A' || n.Country[1] > 'Z') {
		bad("country", "processor.country")
	}
	m = append(m, n.DPA.check()...)
	m = append(m, n.Transfer.check()...)
	return m.Err()
}

func (d DPA) check() fault.Many {
	var m fault.Many
	bad := func(field, key string) { m = append(m, fault.New(fault.Invalid, key).At(field)) }
	switch d.Status {
	case NotNeeded, NoContract, Published, IncorporatedByTerms, NeedsCountersignature, Executed, ContractExpired, ContractTerminated:
	default:
		bad("dpa", "processor.dpa")
	}
	if (d.Status == IncorporatedByTerms || d.Status == Executed) && d.From == 0 {
		bad("dpa_from", "processor.dpa_from")
	}
	if d.Until != 0 && d.Until <= d.From {
		bad("dpa_until", "processor.dpa_until")
	}
	if len(d.Version) > 200 {
		bad("dpa_version", "processor.dpa_version")
	}
	if d.URL != "" {
		u, err := url.Parse(d.URL)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || len(d.URL) > 1000 {
			bad("dpa_url", "processor.dpa_url")
		}
	}
	return m
}

func (t Transfer) check() fault.Many {
	var m fault.Many
	if t.Mechanism != NoTransfer {
		known := false
		for _, k := range Mechanisms() {
			known = known || k == t.Mechanism
		}
		if !known {
			m = append(m, fault.New(fault.Invalid, "processor.mechanism").At("mechanism"))
		}
	}
	if t.Until != 0 && t.Until <= t.From {
		m = append(m, fault.New(fault.Invalid, "processor.mechanism_until").At("mechanism_until"))
	}
	return m
}

// roleOf: the operator is processor for its customers' people, so its carriers are
// sub-processors (GDPR 28(4)); in one's own house they are processors.
func roleOf(tx *store.Tx, n New) (Role, error) {
	if n.Kind == Own && n.Place != Hoster {
		return NoRole, nil
	}
	if tx.Account() == 0 {
		return ForProcessor, nil
	}
	return ForUs, nil
}

// OurServer finds the record of our own server in our own rooms, or writes it down: there is no
// contract with oneself, and the record says so.
func OurServer(tx *store.Tx, name string) (Record, error) {
	list, err := All(tx)
	if err != nil {
		return Record{}, err
	}
	for _, r := range list {
		if r.Kind == Own && r.Place == Premises && r.Owner == tx.Account() && r.State == Active {
			return r, nil
		}
	}
	country := ""
	if tx.Account() != 0 {
		a, err := account.Get(tx)
		if err != nil {
			return Record{}, err
		}
		country = a.Country
	}
	return Add(tx, New{Kind: Own, Name: name, Country: country, Place: Premises})
}

// Suspend stops the carrier: the next batch is held. A person says why.
func Suspend(tx *store.Tx, id int64, why string) error {
	return decide(tx, id, Suspended, why, "processor.suspend", func(r Record) bool { return r.State == Active })
}

// Resume lets a suspended carrier go on.
func Resume(tx *store.Tx, id int64, why string) error {
	return decide(tx, id, Active, why, "processor.resume", func(r Record) bool { return r.State == Suspended })
}

// Terminate ends the collaboration (GDPR 28(3)(g)). It can't be undone: who comes back is a new record.
func Terminate(tx *store.Tx, id int64, why string) error {
	return decide(tx, id, Terminated, why, "processor.terminate", func(r Record) bool { return r.State != Terminated })
}

func decide(tx *store.Tx, id int64, to Status, why, action string, from func(Record) bool) error {
	why = strings.TrimSpace(why)
	if why == "" || utf8.RuneCountInString(why) > 500 {
		return fault.New(fault.Invalid, "processor.why").At("why")
	}
	r, err := own(tx, id)
	if err != nil {
		return err
	}
	if !from(r) {
		return fault.New(fault.Conflict, "processor.state."+string(r.State))
	}
	tx.Do(setState, to, by(tx), why, id)
	r.State, r.Version = to, r.Version+1
	return record(tx, action, r, why)
}

// SetDPA sets the agreement with its dates. What was "paper follows" ends with it.
func SetDPA(tx *store.Tx, id int64, d DPA) error {
	if err := d.check().Err(); err != nil {
		return err
	}
	r, err := own(tx, id)
	if err != nil {
		return err
	}
	if r.State == Terminated {
		return fault.New(fault.Conflict, "processor.state.terminated")
	}
	tx.Do(setDPA, d.Status, d.Version, d.URL, d.From, d.Until, legalclock.Moment(0), id)
	d.PaperUntil, r.Version = 0, r.Version+1
	r.DPA = d
	return record(tx, "processor.contract", r, "")
}

// PaperFollows is one click of the owner: the agreement is renewed and its paper comes later.
// It holds for the term of the rulepack (14 days), once in a row.
func PaperFollows(tx *store.Tx, id int64) error {
	r, err := own(tx, id)
	if err != nil {
		return err
	}
	switch {
	case r.State == Terminated:
		return fault.New(fault.Conflict, "processor.state.terminated")
	case r.DPA.Until == 0 && r.DPA.Status != ContractExpired,
		r.DPA.Status != IncorporatedByTerms && r.DPA.Status != Executed && r.DPA.Status != ContractExpired:
		return fault.New(fault.Conflict, "processor.paper.nothing") // there was no agreement to renew
	case r.DPA.PaperUntil != 0:
		return fault.New(fault.Conflict, "processor.paper.twice")
	}
	rules, err := rulepack.For(tx)
	if err != nil {
		return err
	}
	d := r.DPA
	d.PaperUntil = rules.After(rulepack.PaperFollows, tx.Now, time.UTC)
	tx.Do(setDPA, d.Status, d.Version, d.URL, d.From, d.Until, d.PaperUntil, id)
	r.DPA, r.Version = d, r.Version+1
	return record(tx, "processor.paper_follows", r, "")
}

// Move sets what carries data outside the EEA. Checked is now: who sets it has looked.
func Move(tx *store.Tx, id int64, t Transfer) error {
	if err := t.check().Err(); err != nil {
		return err
	}
	r, err := own(tx, id)
	if err != nil {
		return err
	}
	t.Checked = tx.Now
	tx.Do(setTransfer, t.Mechanism, t.From, t.Until, t.Checked, id)
	r.Transfer, r.Version = t, r.Version+1
	return record(tx, "processor.transfer", r, "")
}

// Reviewed notes that the provider's answers were looked through; the next time is due by the rulepack.
func Reviewed(tx *store.Tx, id int64) error {
	r, err := own(tx, id)
	if err != nil {
		return err
	}
	rules, err := rulepack.For(tx)
	if err != nil {
		return err
	}
	r.ReviewDue, r.Version = rules.After(rulepack.Questionnaire, tx.Now, time.UTC), r.Version+1
	tx.Do(setReview, r.ReviewDue, id)
	return record(tx, "processor.review", r, "")
}

// own finds and locks a record that the transaction's account may change: its own, or the
// house's when the account is no customer's.
func own(tx *store.Tx, id int64) (Record, error) {
	w, err := store.All[row](tx, lock, id)
	if err != nil {
		return Record{}, err
	}
	if len(w) == 0 {
		return Record{}, fault.New(fault.NotFound, "processor.not_found")
	}
	r := w[0].record()
	if r.Kind == Mailbox {
		return r, fault.New(fault.Conflict, "processor.built_in")
	}
	return r, Mine(tx, r.Owner)
}

// Mine refuses a customer's account what is the house's.
func Mine(r store.Reader, owner int64) error {
	of := accountOf(r)
	if owner == of || of == 0 {
		return nil
	}
	a, err := account.Get(r)
	if err != nil {
		return err
	}
	if a.Kind == account.Customer {
		return fault.New(fault.Forbidden, "processor.of_the_house")
	}
	return nil
}

func accountOf(r store.Reader) int64 {
	switch v := r.(type) {
	case *store.Tx:
		return v.Account()
	case *store.View:
		return v.Account()
	}
	return 0
}
