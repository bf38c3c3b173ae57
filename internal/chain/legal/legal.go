// SPDX-License-Identifier: AGPL-3.0-or-later

// Package legal promises that one can always say what binds an account and the operator: which
// terms, with their data processing agreement, somebody accepted for it and when (GDPR 28(3)).
//
// The house's own account has no contract with itself, so nothing is asked of it. Of a
// customer's account some version must have been accepted; an older one still binds, unless
// the law asks for a newer from a date that has passed (kind.md: facts stop, paperwork limits).
// Where the operator publishes no terms, none can be accepted, and the permit says so.
//
// It leaves to gate what a missing acceptance stops.
package legal

import (
	"errors"
	"net/url"
	"strings"
	"unicode/utf8"

	"consend/internal/ground/actor"
	"consend/internal/ground/datamap"
	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/team/account"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

// Terms is one published version. It is never edited.
type Terms struct {
	ID          int64
	Version     string
	URL         string            `db:"url"`
	RequiredAt  legalclock.Moment // the law asks for it from then on; 0: what was accepted before still binds
	PublishedAt legalclock.Moment
	AcceptedAt  legalclock.Moment // by the account, 0 when not
}

// Standing is what binds an account.
type Standing struct {
	Applies  bool    // false in one's own house
	All      []Terms // the newest first
	Accepted Terms   // the newest one accepted; zero when none was
	Missing  bool    // a fact that stops mail: nothing accepted, or not what the law asks for
}

// Newer tells whether a version waits to be accepted. By itself that only limits what is new.
func (s Standing) Newer() bool {
	return s.Applies && len(s.All) > 0 && s.All[0].ID != s.Accepted.ID
}

// Text says in a permit what binds: "not_applicable", "none_published", "missing", or the version.
func (s Standing) Text() string {
	switch {
	case !s.Applies:
		return "not_applicable"
	case len(s.All) == 0:
		return "none_published"
	case s.Accepted.ID == 0:
		return "missing"
	}
	return s.Accepted.Version + ", accepted " + s.Accepted.AcceptedAt.String()
}

// Of tells what binds an account. a is the transaction's account.
func Of(r store.Reader, a account.Account, now legalclock.Moment) (Standing, error) {
	s := Standing{Applies: a.Kind == account.Customer}
	var err error
	if s.All, err = store.All[Terms](r, published); err != nil || !s.Applies {
		return s, err
	}
	got, err := store.All[acceptance](r, accepted)
	if err != nil {
		return s, err
	}
	at := map[int64]legalclock.Moment{}
	for _, g := range got {
		at[g.TermsID] = g.At
	}
	required := int64(0)
	for i := range s.All {
		t := &s.All[i]
		if t.AcceptedAt = at[t.ID]; t.AcceptedAt != 0 && s.Accepted.ID == 0 {
			s.Accepted = *t
		}
		if t.RequiredAt != 0 && t.RequiredAt <= now && required == 0 {
			required = t.ID
		}
	}
	s.Missing = len(s.All) > 0 && (s.Accepted.ID == 0 || s.Accepted.ID < required)
	return s, nil
}

type acceptance struct {
	TermsID int64
	At      legalclock.Moment
}

// New is a version to publish.
type New struct {
	Version    string
	URL        string
	RequiredAt legalclock.Moment
}

// Publish makes a version known. It is the operator's: a customer's account can't.
func Publish(tx *store.Tx, n New) (Terms, error) {
	n.Version, n.URL = strings.TrimSpace(n.Version), strings.TrimSpace(n.URL)
	var m fault.Many
	if n.Version == "" || utf8.RuneCountInString(n.Version) > 100 {
		m = append(m, fault.New(fault.Invalid, "legal.version").At("version"))
	}
	if u, err := url.Parse(n.URL); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || len(n.URL) > 1000 {
		m = append(m, fault.New(fault.Invalid, "legal.url").At("url"))
	}
	if err := m.Err(); err != nil {
		return Terms{}, err
	}
	if tx.Account() != 0 {
		a, err := account.Get(tx)
		if err != nil {
			return Terms{}, err
		}
		if a.Kind != account.Operator {
			return Terms{}, fault.New(fault.Forbidden, "legal.operator")
		}
	}
	t := Terms{ID: tx.ID(), Version: n.Version, URL: n.URL, RequiredAt: n.RequiredAt, PublishedAt: tx.Now}
	if _, err := tx.Exec(publish, t.ID, t.Version, t.URL, t.RequiredAt); err != nil {
		if errors.Is(err, store.ErrUnique) {
			err = fault.New(fault.Conflict, "legal.twice").At("version")
		}
		return Terms{}, err
	}
	clear := proof.Fields{"version": t.Version, "url": t.URL}
	if t.RequiredAt != 0 {
		clear["required"] = t.RequiredAt.String()
	}
	_, err := trace.Append(tx, trace.Act{Action: "legal.publish", Object: "terms", ObjectID: t.ID, Clear: clear})
	return t, err
}

// Accept binds the account: a member accepts a version for it. Again is harmless.
func Accept(tx *store.Tx, id int64) error {
	if tx.Who.Kind != actor.Member {
		return fault.New(fault.Forbidden, "legal.member")
	}
	all, err := store.All[Terms](tx, published)
	if err != nil {
		return err
	}
	for _, t := range all {
		if t.ID != id {
			continue
		}
		got, err := store.All[acceptance](tx, accepted)
		if err != nil {
			return err
		}
		for _, g := range got {
			if g.TermsID == id {
				return nil
			}
		}
		entry, err := trace.Append(tx, trace.Act{Action: "legal.accept", Object: "terms", ObjectID: id, Clear: proof.Fields{"version": t.Version, "url": t.URL}})
		if err == nil {
			tx.Do(accept, id, tx.Who.ID, entry)
		}
		return err
	}
	return fault.New(fault.NotFound, "legal.not_found")
}

var (
	published = store.Installation("legal.published", "the operator's terms are the same for all accounts",
		`SELECT t.id, t.version, t.url, t.required_at, t.published_at FROM terms t ORDER BY t.id DESC LIMIT 100`)
	publish = store.Installation("legal.publish", "the operator's terms are the same for all accounts",
		`INSERT INTO terms (id, version, url, required_at, published_at) VALUES (?, ?, ?, ?, :now)`)
	accepted = store.Account("legal.accepted", `SELECT a.terms_id, a.at FROM terms_acceptance a WHERE a.account_id = :account ORDER BY a.terms_id DESC LIMIT 100`)
	accept   = store.Account("legal.accept", `INSERT INTO terms_acceptance (account_id, terms_id, at, member_id, entry_id) VALUES (:account, ?, :now, ?, ?)`)
)

// Data is the room's part of the data map.
func Data() []datamap.Table {
	none := datamap.None
	return []datamap.Table{
		{Store: datamap.Main, Name: "terms", Few: true, Columns: []datamap.Column{
			none("id", "an id we assign"), none("version", "name of a text"), none("url", "where a text is published"),
			none("required_at", "a date"), none("published_at", "a date")}},
		{Store: datamap.Main, Name: "terms_acceptance", Account: true, AppendOnly: true, Few: true, Columns: []datamap.Column{
			none("account_id", "the account"), none("terms_id", "an id we assign"), none("at", "when it was accepted"),
			datamap.Personal("member_id", datamap.PD{Category: "pseudonym", Whose: datamap.Members, Purposes: []string{"contract"}, Basis: "GDPR 6(1)(b), 28(3)",
				Retention: "trace", Erasure: datamap.Keep, Export: datamap.Access, ExportName: "terms.accepted_by", Key: datamap.Clear, Why: "who bound the account stays provable"}),
			none("entry_id", "an id we assign")}},
	}
}
