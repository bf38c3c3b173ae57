// SPDX-License-Identifier: AGPL-3.0-or-later

package gate_test

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"consend/internal/chain/legal"
	"consend/internal/chain/processor"
	"consend/internal/gate"
	"consend/internal/ground/actor"
	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/rulepack"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/list"
	"consend/internal/sending/relay"
	"consend/internal/team/account"
	"consend/internal/team/member"
	"consend/internal/testhouse"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// place is an account with a list, a provider and a sending service over it.
type place struct {
	*testhouse.House
	who       actor.Actor
	list      int64
	processor int64
	relay     int64
	people    int
}

func at(year int, month time.Month, day int) legalclock.Moment {
	return legalclock.MomentOf(time.Date(year, month, day, 0, 0, 0, 0, time.UTC))
}

func settle(t testing.TB, h *testhouse.House) *place {
	t.Helper()
	_, who := h.House(t)
	p := &place{House: h, who: who}
	p.write(t, func(tx *store.Tx) (err error) {
		if p.list, err = list.EnsureNamed(tx, "Newsletter", "News"); err != nil {
			return err
		}
		r, err := processor.Add(tx, processor.New{Kind: processor.Provider, Name: "Exemple Mail SAS", Country: "FR",
			DPA: processor.DPA{Status: processor.Executed, From: at(2025, 1, 1)}})
		if err != nil {
			return err
		}
		p.processor = r.ID
		s, err := relay.Add(tx, relay.New{Name: "Exemple", Addr: "smtp.example.org:587", TLS: relay.StartTLS, Processor: r.ID})
		p.relay = s.ID
		return err
	})
	return p
}

func (p *place) write(t testing.TB, fn func(tx *store.Tx) error) {
	t.Helper()
	must(t, p.Main.Write(context.Background(), p.who, fn))
}

// person makes a contact who said nothing.
func (p *place) person(t testing.TB) (id int64) {
	t.Helper()
	p.people++
	p.write(t, func(tx *store.Tx) error {
		rows, err := contact.Ensure(tx, []contact.New{{Email: address.Must(fmt.Sprintf("person%d@example.org", p.people)), Source: "member"}})
		if err == nil {
			id = rows[0].ID
		}
		return err
	})
	return id
}

// reader makes a contact who may be written to.
func (p *place) reader(t testing.TB) int64 {
	t.Helper()
	id := p.person(t)
	p.event(t, id, consent.Give)
	return id
}

func (p *place) event(t testing.TB, id int64, kind consent.Kind) {
	t.Helper()
	p.write(t, func(tx *store.Tx) error {
		e := consent.Event{Contact: id, List: p.list, Kind: kind, Source: "member"}
		if kind == consent.Give {
			e.Basis, e.Grade, e.Source = consent.ByConsent, consent.GradeB, "import"
		}
		_, err := consent.Apply(tx, []consent.Event{e})
		return err
	})
}

// publish is the operator's act.
func (p *place) publish(t testing.TB, version string, required legalclock.Moment) (id int64) {
	t.Helper()
	must(t, p.Main.Write(context.Background(), actor.Actor{Kind: actor.Command, Name: "test"}, func(tx *store.Tx) error {
		terms, err := legal.Publish(tx, legal.New{Version: version, URL: "https://consend.example/terms/" + version, RequiredAt: required})
		id = terms.ID
		return err
	}))
	return id
}

func (p *place) accept(t testing.TB, id int64) {
	t.Helper()
	p.write(t, func(tx *store.Tx) error { return legal.Accept(tx, id) })
}

// forget takes the terms of the test before away: they are the installation's.
func (p *place) forget(t testing.TB) {
	t.Helper()
	must(t, p.Main.Purge(context.Background(), actor.System("test"), "test", func(tx *store.Tx) error {
		tx.Do(store.Installation("test.no_acceptance", "test", `DELETE FROM terms_acceptance`))
		tx.Do(store.Installation("test.no_terms", "test", `DELETE FROM terms`))
		return nil
	}))
}

func (p *place) batch() gate.Batch {
	return gate.Batch{Class: gate.Campaign, Campaign: 77, List: p.list, Relay: p.relay, Approval: 1}
}

func (p *place) decide(t testing.TB, b gate.Batch, who ...gate.Candidate) (gate.Permit, []gate.Decision) {
	t.Helper()
	var permit gate.Permit
	var out []gate.Decision
	p.write(t, func(tx *store.Tx) (err error) { permit, out, err = gate.Decide(tx, b, who); return err })
	return permit, out
}

func contacts(ids ...int64) (out []gate.Candidate) {
	for _, id := range ids {
		out = append(out, gate.Candidate{Contact: id})
	}
	return out
}

func norm(n int) string { return fmt.Sprintf("person%d@example.org", n) }

func TestAPermitCoversWhoMayGoAndNamesWhatItRestedOn(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := settle(t, h)
		yes, no := p.reader(t), p.person(t)
		permit, out := p.decide(t, p.batch(), contacts(yes, no)...)
		if out[0].Reason != gate.OK || out[0].Basis != consent.ByConsent || out[0].Grade != consent.GradeB || out[0].Event == 0 {
			t.Errorf("who gave a yes: %+v", out[0])
		}
		if out[1].Reason != gate.Reason(consent.NotOnList) {
			t.Errorf("who said nothing: %+v", out[1])
		}
		if permit.Relay() != p.relay || permit.Account() != p.who.Account || permit.Class() != gate.Campaign || permit.Until().Sub(legalclock.MomentOf(h.Clock.Now())) != 10*time.Minute {
			t.Errorf("the permit: relay %d, account %d, %s, until %s", permit.Relay(), permit.Account(), permit.Class(), permit.Until())
		}
		for _, c := range []struct {
			id   int64
			norm string
			want gate.Reason
		}{{yes, norm(1), gate.OK}, {yes, norm(2), gate.OtherAddress}, {no, norm(2), gate.NotCovered}} {
			if got := permit.Covers(gate.Candidate{Contact: c.id, List: p.list}, c.norm); got != c.want {
				t.Errorf("covers %d at %s: %q, want %q", c.id, c.norm, got, c.want)
			}
		}
		must(t, h.Main.View(context.Background(), p.who, func(v *store.View) error {
			g, err := gate.Get(v, permit.ID())
			if err == nil && (g.ProcessorID != p.processor || g.ProcessorVersion != 1 || g.People != 1 || g.LeftOut != 1 || g.CampaignID != 77 || g.EntryID == 0 ||
				!strings.Contains(g.DPA, "executed, from 2025-01-01") || g.Transfer != "none, FR" || g.Rulepack != "2026-11") {
				t.Errorf("the row: %+v", g)
			}
			return err
		}))
		if (gate.Permit{}).Covers(gate.Candidate{Contact: yes}, norm(1)) != gate.NoPermit {
			t.Error("the zero permit lets somebody go")
		}
	})
}

// The table "facts stop, paperwork limits or reminds" of docs/flow.md: a test per line.
func TestFactsStopABatchAndPaperworkDoesNot(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		tx := func(f func(tx *store.Tx, p *place) error) func(t *testing.T, p *place) {
			return func(t *testing.T, p *place) { p.write(t, func(tx *store.Tx) error { return f(tx, p) }) }
		}
		dpa := func(d processor.DPA) func(t *testing.T, p *place) {
			return tx(func(tx *store.Tx, p *place) error { return processor.SetDPA(tx, p.processor, d) })
		}
		for name, c := range map[string]struct {
			change func(t *testing.T, p *place)
			want   gate.Reason
			class  gate.Class // also for this class, "" only campaigns
		}{
			"nothing speaks against it":             {func(*testing.T, *place) {}, gate.OK, ""},
			"the provider is suspended by a person": {tx(func(tx *store.Tx, p *place) error { return processor.Suspend(tx, p.processor, "why") }), gate.RelaySuspended, gate.Notice},
			"the collaboration has ended":           {tx(func(tx *store.Tx, p *place) error { return processor.Terminate(tx, p.processor, "why") }), gate.RelayTerminated, gate.Notice},
			"the provider was never contracted":     {dpa(processor.DPA{Status: processor.NoContract}), gate.RelayUncontracted, gate.Notice},
			"the agreement is past its end":         {dpa(processor.DPA{Status: processor.Executed, From: at(2025, 1, 1), Until: at(2026, 3, 1)}), gate.RelayDPAEnded, gate.Notice},
			"renewed, paper follows": {func(t *testing.T, p *place) {
				dpa(processor.DPA{Status: processor.Executed, From: at(2025, 1, 1), Until: at(2026, 3, 1)})(t, p)
				p.write(t, func(tx *store.Tx) error { return processor.PaperFollows(tx, p.processor) })
			}, gate.OK, gate.Notice},
			"the transfer mechanism is void": {func(t *testing.T, p *place) {
				p.write(t, func(tx *store.Tx) error {
					r, err := processor.Add(tx, processor.New{Kind: processor.Provider, Name: "Example Inc.", Country: "US", DPA: processor.DPA{Status: processor.Executed, From: at(2025, 1, 1)},
						Transfer: processor.Transfer{Mechanism: processor.DPF, From: at(2025, 1, 1)}})
					if err != nil {
						return err
					}
					s, err := relay.Add(tx, relay.New{Name: "Example", Addr: "smtp.example.com:587", TLS: relay.StartTLS, Processor: r.ID})
					if err != nil {
						return err
					}
					p.relay = s.ID
					return processor.Move(tx, r.ID, processor.Transfer{Mechanism: processor.PrivacyShield, From: at(2025, 1, 1)})
				})
			}, gate.RelayTransferVoid, gate.Notice},
			"the sending service was taken out of use": {tx(func(tx *store.Tx, p *place) error { return relay.Retire(tx, p.relay) }), gate.RelayUnknown, gate.Notice},
			"the account is suspended":                 {tx(func(tx *store.Tx, p *place) error { return account.Suspend(tx, "abuse") }), gate.AccountSuspended, ""},
			"the account never accepted any terms":     {func(t *testing.T, p *place) { p.publish(t, "1", 0) }, gate.TermsMissing, ""},
			"newer terms wait, the old ones still bind": {func(t *testing.T, p *place) {
				p.accept(t, p.publish(t, "2", 0))
				p.publish(t, "3", 0)
			}, gate.OK, gate.Notice},
			"newer terms the law asks for, from next year": {func(t *testing.T, p *place) {
				p.accept(t, p.publish(t, "4", 0))
				p.publish(t, "5", at(2027, 1, 1))
			}, gate.OK, gate.Notice},
			"newer terms the law asks for, and the date has passed": {func(t *testing.T, p *place) {
				p.accept(t, p.publish(t, "6", 0))
				p.publish(t, "7", at(2026, 3, 1))
			}, gate.TermsMissing, ""},
			"questions to the provider are overdue": {func(t *testing.T, p *place) {
				p.write(t, func(tx *store.Tx) error { return processor.Reviewed(tx, p.processor) })
				p.Clock.Advance(400 * 24 * time.Hour)
			}, gate.OK, gate.Notice},
		} {
			t.Run(name, func(t *testing.T) {
				before := h.Clock.Now()
				defer h.Clock.Set(before)
				p := settle(t, h)
				p.forget(t)
				id := p.reader(t)
				c.change(t, p)
				permit, out := p.decide(t, p.batch(), contacts(id)...)
				if out[0].Reason != c.want || permit.IsZero() != (c.want != gate.OK) || c.want != gate.OK && !out[0].Reason.Holds() {
					t.Errorf("a campaign: %q (permit %d), want %q", out[0].Reason, permit.ID(), c.want)
				}
				want := gate.OK
				if c.class != "" {
					want = c.want
				}
				if _, out = p.decide(t, gate.Batch{Class: gate.Notice, Relay: p.relay}, contacts(id)...); out[0].Reason != want {
					t.Errorf("a notice: %q, want %q", out[0].Reason, want)
				}
			})
		}
	})
}

func TestWhatSpeaksAgainstThePersonComesBeforeWhatSpeaksAgainstTheBatch(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := settle(t, h)
		yes, no := p.reader(t), p.reader(t)
		p.event(t, no, consent.Withdraw)
		p.write(t, func(tx *store.Tx) error { return processor.Suspend(tx, p.processor, "why") })
		b := p.batch()
		b.Approval = 0
		_, out := p.decide(t, b, contacts(yes, no)...)
		if out[0].Reason != gate.NotApproved || out[1].Reason != gate.Reason(consent.HasLeft) {
			t.Errorf("reasons %q and %q: the order is the person's no, account, campaign, sending service", out[0].Reason, out[1].Reason)
		}
		if !out[0].Reason.Holds() || out[1].Reason.Holds() {
			t.Error("a person's no holds the batch, or the batch's reason leaves the person out")
		}
	})
}

// A second opinion: over random histories the gate says what a reading of them in plain Go says.
func TestTheGateAgreesWithAnIndependentReading(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := settle(t, h)
		rapid.Check(t, func(rt *rapid.T) {
			id := p.person(t)
			for _, kind := range rapid.SliceOfN(rapid.SampledFrom([]consent.Kind{consent.Give, consent.Withdraw, consent.Remove, consent.Give, consent.Object, consent.Expire}), 0, 4).Draw(rt, "events") {
				p.event(t, id, kind)
			}
			restricted := rapid.Bool().Draw(rt, "restricted")
			if restricted {
				p.write(t, func(tx *store.Tx) error { return contact.Restrict(tx, id, "asked") })
			}
			bounced := rapid.Bool().Draw(rt, "bounced")
			if bounced && !restricted {
				p.write(t, func(tx *store.Tx) error { return consent.Suppress(tx, id, consent.HardBounce, consent.Everything) })
			}
			suspended := rapid.Bool().Draw(rt, "suspended")
			if suspended {
				p.write(t, func(tx *store.Tx) error { return processor.Suspend(tx, p.processor, "why") })
			}
			_, out := p.decide(t, p.batch(), contacts(id)...)
			if suspended {
				p.write(t, func(tx *store.Tx) error { return processor.Resume(tx, p.processor, "why") })
			}
			// the same, from what the rooms tell
			var l list.List
			var c contact.Contact
			var said []consent.Record
			must(t, h.Main.View(context.Background(), p.who, func(v *store.View) (err error) {
				if l, err = list.Get(v, p.list); err == nil {
					if c, err = contact.Get(v, id); err == nil {
						said, err = consent.Events(v, id)
					}
				}
				return err
			}))
			want := second(l, c, said, suspended)
			if (out[0].Reason == gate.OK) != want {
				rt.Fatalf("the gate says %q, a second reading says may go: %v (state %s, %d events, suspended %v)", out[0].Reason, want, c.State, len(said), suspended)
			}
		})
	})
}

// second reads a history the long way: may the person be written to?
func second(l list.List, c contact.Contact, said []consent.Record, suspended bool) bool {
	if suspended || l.RetiredAt != 0 || c.State != contact.StateActive {
		return false
	}
	may := false
	for _, e := range said {
		switch {
		case e.Kind.No():
			return false // nothing in these histories is the person's own yes, so a no stays
		case e.Kind == consent.Give:
			may = true
		case e.Kind == consent.Remove || e.Kind == consent.Expire:
			may = false
		}
	}
	return may
}

func TestARefusalAfterThePermitIsSeenByTheNextLook(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := settle(t, h)
		leaves, stays := p.reader(t), p.reader(t)
		permit, _ := p.decide(t, p.batch(), contacts(leaves, stays)...)
		now := legalclock.MomentOf(h.Clock.Now())
		if permit.Due(now) || !permit.Due(now.Add(time.Second)) || !permit.Due(now.Add(-time.Second)) {
			t.Error("a permit is looked at again after a second, and when the clock went back")
		}
		p.event(t, leaves, consent.Withdraw)
		look := func() {
			must(t, h.Main.View(context.Background(), p.who, func(v *store.View) error { return gate.Recheck(v, permit) }))
		}
		look()
		if a, b := permit.Covers(gate.Candidate{Contact: leaves}, norm(1)), permit.Covers(gate.Candidate{Contact: stays}, norm(2)); a != gate.Reason(consent.HasLeft) || b != gate.OK {
			t.Errorf("after a withdrawal: %q and %q", a, b)
		}
		p.write(t, func(tx *store.Tx) error { return processor.Suspend(tx, p.processor, "why") })
		look()
		if got := permit.Covers(gate.Candidate{Contact: stays}, norm(2)); got != gate.RelaySuspended {
			t.Errorf("after a suspension: %q", got)
		}
		p.write(t, func(tx *store.Tx) error { return processor.Resume(tx, p.processor, "why") })
		look()
		if got := permit.Covers(gate.Candidate{Contact: stays}, norm(2)); got != gate.OK {
			t.Errorf("after it was resumed: %q", got)
		}
	})
}

func TestServiceMailGoesToWhomItIsOwedAndToNobodyElse(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := settle(t, h)
		quiet := p.person(t) // no basis: a receipt needs none
		gone := p.person(t)
		p.write(t, func(tx *store.Tx) error { return contact.BeginErasing(tx, gone, "asked") })
		bounced := p.person(t)
		p.write(t, func(tx *store.Tx) error { return consent.Suppress(tx, bounced, consent.HardBounce, consent.Everything) })
		var editor int64
		p.write(t, func(tx *store.Tx) error {
			m, err := member.Add(tx, member.New{Email: address.Must("editor@example.org"), Role: member.Editor, Language: "en"})
			editor = m.ID
			return err
		})
		for _, c := range []struct {
			class gate.Class
			who   gate.Candidate
			want  gate.Reason
		}{
			{gate.Receipt, gate.Candidate{Contact: quiet}, gate.OK},
			{gate.Receipt, gate.Candidate{Contact: gone}, gate.Reason(consent.ErasingNow)},
			{gate.Receipt, gate.Candidate{Contact: bounced}, gate.Reason(consent.HasBounced)},
			{gate.Receipt, gate.Candidate{Member: p.who.ID}, gate.Gone},
			{gate.Receipt, gate.Candidate{Contact: 12345}, gate.Gone},
			{gate.Invitation, gate.Candidate{Member: editor}, gate.OK},
			{gate.SignIn, gate.Candidate{Member: p.who.ID}, gate.OK},
			{gate.SignIn, gate.Candidate{Contact: quiet}, gate.Gone},
			{gate.Checkpoint, gate.Candidate{Member: p.who.ID}, gate.OK},
			{gate.Checkpoint, gate.Candidate{Member: editor}, gate.Gone}, // invited, no owner
			{gate.Notice, gate.Candidate{Member: editor}, gate.OK},
			{gate.Notice, gate.Candidate{Contact: quiet}, gate.OK},
			{gate.Campaign, gate.Candidate{Contact: quiet}, gate.Reason(consent.NotOnList)},
		} {
			b := gate.Batch{Class: c.class, Relay: p.relay, List: p.list, Approval: 1}
			permit, out := p.decide(t, b, c.who)
			if out[0].Reason != c.want || permit.IsZero() != (c.want != gate.OK) {
				t.Errorf("%s to %+v: %q, want %q", c.class, c.who, out[0].Reason, c.want)
			}
		}
	})
}

// A confirmation mail goes to a sign-up that waits, and never after "not me".
func TestAConfirmationGoesToAPendingSignUpAndNeverAfterNotMe(t *testing.T) {
	add := store.Account("test.signup", `INSERT INTO signup (account_id, id, form_id, version_id, contact_id, state, language, choices, requested_at)
 VALUES (:account, ?, 1, 1, ?, ?, 'en', '[]', :now)`)
	block := store.Account("test.block", `INSERT INTO confirm_block (account_id, fp, since) SELECT c.account_id, c.fp, :now FROM contact c WHERE c.account_id = :account AND c.id = ?`)
	older := store.Account("test.block_older", `INSERT INTO confirm_block (account_id, fp, since) SELECT c.account_id, c.fp, :now - 1 FROM contact c WHERE c.account_id = :account AND c.id = ?`)
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := settle(t, h)
		for state, c := range map[string]struct {
			before func(tx *store.Tx, id int64) error
			want   gate.Reason
		}{
			"pending":      {nil, gate.OK},
			"confirmed":    {nil, gate.NotPending},
			"expired":      {nil, gate.NotPending},
			"not_me":       {nil, gate.SaidNotMe},
			"pending ":     {func(tx *store.Tx, id int64) error { _, err := tx.Exec(block, id); return err }, gate.SaidNotMe},
			"pending     ": {func(tx *store.Tx, id int64) error { _, err := tx.Exec(older, id); return err }, gate.OK}, // asked for since, by who holds the mailbox
			"pending  ": {func(tx *store.Tx, id int64) error {
				return consent.Suppress(tx, id, consent.AuthorityOrder, consent.Everything)
			}, gate.Reason(consent.Ordered)},
			"pending   ": {func(tx *store.Tx, id int64) error {
				return consent.Suppress(tx, id, consent.HardBounce, consent.Everything)
			}, gate.OK},
			"pending    ": {func(tx *store.Tx, id int64) error { return contact.BeginErasing(tx, id, "asked") }, gate.Reason(consent.ErasingNow)},
		} {
			who := p.person(t)
			var id int64
			p.write(t, func(tx *store.Tx) error {
				id = tx.ID()
				if _, err := tx.Exec(add, id, who, strings.TrimSpace(state)); err != nil || c.before == nil {
					return err
				}
				return c.before(tx, who)
			})
			permit, out := p.decide(t, gate.Batch{Class: gate.Confirmation, Relay: p.relay}, gate.Candidate{Signup: id})
			if out[0].Reason != c.want {
				t.Errorf("%q: %q, want %q", state, out[0].Reason, c.want)
			}
			if c.want == gate.OK && permit.Covers(gate.Candidate{Signup: id}, norm(p.people)) != gate.OK {
				t.Errorf("%q: the permit doesn't cover it", state)
			}
		}
	})
}

func TestAnotherAccountsPeopleAndServicesAreUnknown(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p, q := settle(t, h), settle(t, h)
		id := p.reader(t)
		if _, out := q.decide(t, q.batch(), contacts(id)...); out[0].Reason != gate.Gone {
			t.Errorf("another account's contact: %q", out[0].Reason)
		}
		mine := q.reader(t)
		b := q.batch()
		b.Relay = p.relay
		if _, out := q.decide(t, b, contacts(mine)...); out[0].Reason != gate.RelayUnknown {
			t.Errorf("another account's sending service: %q", out[0].Reason)
		}
	})
}

// INV-03: nobody but the gate makes a permit, and nobody but relay's transport dials a mail server.
func TestNobodyElseMakesAPermitOrDialsAMailServer(t *testing.T) {
	set := token.NewFileSet()
	seen := 0
	root := filepath.Join("..", "..")
	for _, top := range []string{"cmd", "internal", "bench"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			rel, _ := filepath.Rel(root, path)
			rel = filepath.ToSlash(rel)
			file, err := parser.ParseFile(set, path, nil, 0)
			if err != nil {
				return err
			}
			seen++
			for _, f := range Look(rel, file) {
				t.Errorf("%s: %s", set.Position(f.Pos), f.What)
			}
			return nil
		})
		if err != nil && !strings.Contains(err.Error(), "no such file") {
			t.Fatal(err)
		}
	}
	if seen < 100 {
		t.Errorf("looked at %d files only", seen)
	}
	// and the look finds what it looks for
	for what, src := range map[string]string{
		"literal":  `package x; import "consend/internal/gate"; var p = gate.Permit{}`,
		"new":      `package x; import "consend/internal/gate"; var p = new(gate.Permit)`,
		"smtp":     `package x; import "net/smtp"; var _ = smtp.Dial`,
		"port":     `package x; import "net"; func f() { net.Dial("tcp", "mx.example.org:25") }`,
		"port 587": `package x; import ("net"; "context"); func f() { (&net.Dialer{}).DialContext(context.Background(), "tcp", host+":587") }`,
		"constant": `package x; import "net"; const to = "mx.example.org:465"; func f() { net.Dial("tcp", to) }`,
	} {
		file, err := parser.ParseFile(set, what+".go", src, 0)
		must(t, err)
		if len(Look("internal/x/"+what+".go", file)) == 0 {
			t.Errorf("%s is not found", what)
		}
	}
}

// Finding is a place in the code that could send without the gate.
type Finding struct {
	Pos  token.Pos
	What string
}

// Look finds permits made elsewhere, and mail servers dialled elsewhere.
func Look(path string, file *ast.File) (out []Finding) {
	say := func(n ast.Node, what string) { out = append(out, Finding{n.Pos(), what}) }
	dials := false
	for _, i := range file.Imports {
		switch i.Path.Value {
		case `"net/smtp"`, `"github.com/emersion/go-smtp"`, `"github.com/wneessen/go-mail"`:
			if !strings.HasPrefix(path, "internal/mail/") && !strings.HasPrefix(path, "internal/api/smtpd") && !strings.HasPrefix(path, "bench") {
				say(i, "a client of mail servers: only internal/mail/transport is one")
			}
		case `"net"`, `"crypto/tls"`:
			dials = true
		}
	}
	inGate := strings.HasPrefix(path, "internal/gate/")
	ast.Inspect(file, func(n ast.Node) bool {
		switch x := n.(type) {
		case *ast.CompositeLit:
			if permit(x.Type) && !inGate {
				say(x, "a gate.Permit made outside the gate")
			}
		case *ast.CallExpr:
			if id, ok := x.Fun.(*ast.Ident); ok && id.Name == "new" && len(x.Args) == 1 && permit(x.Args[0]) && !inGate {
				say(x, "a gate.Permit made outside the gate")
			}
		case *ast.BasicLit:
			s := strings.Trim(x.Value, "`\"")
			if dials && x.Kind == token.STRING && !strings.HasPrefix(path, "internal/mail/transport") && !strings.HasPrefix(path, "bench") &&
				(strings.HasSuffix(s, ":25") || strings.HasSuffix(s, ":465") || strings.HasSuffix(s, ":587")) {
				say(x, "a mail server's port beside the network: only internal/mail/transport dials")
			}
		}
		return true
	})
	return out
}

func permit(e ast.Expr) bool {
	s, ok := e.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	x, ok := s.X.(*ast.Ident)
	return ok && x.Name == "gate" && s.Sel.Name == "Permit"
}

// TestAnAccountThatAsksForMoreProofLeavesTheRestOutAtOnce: rule evidence.mailable is read by
// the next batch, and by the counting before it.
func TestAnAccountThatAsksForMoreProofLeavesTheRestOutAtOnce(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := settle(t, h)
		who := p.reader(t) // grade B
		reason := func() gate.Reason {
			var out []gate.Decision
			p.write(t, func(tx *store.Tx) (err error) {
				_, out, err = gate.Decide(tx, gate.Batch{Class: gate.Campaign, Campaign: 1, List: p.list, Relay: p.relay, Approval: 1}, []gate.Candidate{{Contact: who}})
				return err
			})
			var counted map[int64]consent.Reason
			must(t, h.Main.View(context.Background(), p.who, func(v *store.View) (err error) {
				counted, err = consent.ReasonsFor(v, p.list, []int64{who})
				return err
			}))
			if gate.Reason(counted[who]) != out[0].Reason {
				t.Errorf("counted %q, decided %q", counted[who], out[0].Reason)
			}
			return out[0].Reason
		}
		if r := reason(); r != gate.OK {
			t.Fatal(r)
		}
		choose := func(v string) (err error) {
			return h.Main.Write(context.Background(), p.who, func(tx *store.Tx) error {
				_, err := account.SetRule(tx, rulepack.Decision{Key: rulepack.Mailable, Value: v, Reason: "our lawyer asks for more"})
				return err
			})
		}
		must(t, choose("A"))
		if r := reason(); r != gate.Reason(consent.TooWeak) {
			t.Errorf("reason %q after the choice", r)
		}
		if err := choose("A,B,C,D,E"); fault.KindOf(err) != fault.Invalid {
			t.Errorf("a grade nobody knows: %v", err)
		}
		must(t, choose(""))
		if r := reason(); r != gate.OK {
			t.Errorf("reason %q after it was taken back", r)
		}
	})
}

// A pause and a pace are the person's own word: counted, decided, and heard while a batch flies.
func TestAPauseAndAPaceLeaveOutAndEndByThemselves(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := settle(t, h)
		who := p.reader(t)
		own := func(fn func(tx *store.Tx) error) {
			must(t, h.Main.Write(context.Background(), actor.Actor{Kind: actor.Subject, Account: p.who.Account, Request: "test"}, fn))
		}
		reason := func() gate.Reason {
			_, out := p.decide(t, p.batch(), contacts(who)...)
			return out[0].Reason
		}
		permit, out := p.decide(t, p.batch(), contacts(who)...)
		if out[0].Reason != gate.OK {
			t.Fatal(out[0].Reason)
		}
		own(func(tx *store.Tx) error { return contact.Pause(tx, who, 1, time.UTC) })
		p.write(t, func(tx *store.Tx) error { return gate.Recheck(tx, permit) })
		if r := permit.Covers(gate.Candidate{Contact: who}, norm(p.people)); r != gate.Reason(consent.Paused) {
			t.Errorf("in flight: %q", r)
		}
		if reason() != gate.Reason(consent.Paused) {
			t.Errorf("paused: %q", reason())
		}
		h.Clock.Advance(32 * 24 * time.Hour)
		if reason() != gate.OK {
			t.Errorf("after the pause: %q", reason())
		}
		own(func(tx *store.Tx) error { return contact.Slow(tx, who, contact.PaceWeek) })
		if reason() != gate.OK {
			t.Errorf("never written to: %q", reason())
		}
		p.write(t, func(tx *store.Tx) error {
			return contact.Active(tx, []contact.Activity{{Contact: who, Kind: contact.Sent}})
		})
		if reason() != gate.Reason(consent.TooOften) {
			t.Errorf("written to just now: %q", reason())
		}
		h.Clock.Advance(7*24*time.Hour - time.Hour) // a weekly letter that leaves an hour earlier
		if reason() != gate.OK {
			t.Errorf("a week later: %q", reason())
		}
		// Service mail is owed all the same.
		own(func(tx *store.Tx) error { return contact.Pause(tx, who, 6, time.UTC) })
		if _, out := p.decide(t, gate.Batch{Class: gate.Receipt, Relay: p.relay}, gate.Candidate{Contact: who}); out[0].Reason != gate.OK {
			t.Errorf("a receipt: %q", out[0].Reason)
		}
		// Nobody pauses for another.
		if err := h.Main.Write(context.Background(), p.who, func(tx *store.Tx) error { return contact.Pause(tx, who, 1, time.UTC) }); fault.KindOf(err) != fault.Forbidden {
			t.Errorf("a member paused a person: %v", err)
		}
	})
}
