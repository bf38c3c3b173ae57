// SPDX-License-Identifier: AGPL-3.0-or-later

package processor_test

import (
	"context"
	"testing"
	"time"

	"consend/internal/chain/processor"
	"consend/internal/ground/actor"
	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/rulepack"
	"consend/internal/ground/store"
	"consend/internal/testhouse"
)

func at(year int, month time.Month, day int) legalclock.Moment {
	return legalclock.MomentOf(time.Date(year, month, day, 0, 0, 0, 0, time.UTC))
}

var now = at(2026, 3, 2)

func rules() *rulepack.Rules {
	packs := rulepack.Packs()
	return rulepack.Published(packs[len(packs)-1])
}

func provider(change func(*processor.Record)) processor.Record {
	p := processor.Record{Kind: processor.Provider, Country: "FR", Place: processor.AtProvider, State: processor.Active,
		DPA: processor.DPA{Status: processor.IncorporatedByTerms, From: at(2025, 1, 1)}}
	if change != nil {
		change(&p)
	}
	return p
}

// The lines "Stop" of the table in docs/flow.md, one by one.
func TestFactsStop(t *testing.T) {
	american := func(m processor.Mechanism) func(p *processor.Record) {
		return func(p *processor.Record) {
			p.Country, p.Transfer = "US", processor.Transfer{Mechanism: m, From: at(2024, 1, 1)}
		}
	}
	for name, c := range map[string]struct {
		change func(p *processor.Record)
		want   processor.Reason
	}{
		"a provider with terms in force carries mail":        {nil, processor.None},
		"one without any agreement":                          {func(p *processor.Record) { p.DPA.Status = processor.NoContract }, processor.NotContracted},
		"a published text nobody agreed to":                  {func(p *processor.Record) { p.DPA.Status = processor.Published }, processor.NotContracted},
		"an agreement the other side has not signed":         {func(p *processor.Record) { p.DPA.Status = processor.NeedsCountersignature }, processor.NotContracted},
		"an agreement that begins tomorrow":                  {func(p *processor.Record) { p.DPA.From = now.Add(24 * time.Hour) }, processor.NotContracted},
		"an agreement past its end":                          {func(p *processor.Record) { p.DPA.Until = now }, processor.DPAEnded},
		"an agreement that ends in a moment still holds":     {func(p *processor.Record) { p.DPA.Until = now + 1 }, processor.None},
		"a terminated agreement":                             {func(p *processor.Record) { p.DPA.Status = processor.ContractTerminated }, processor.DPAEnded},
		"renewed, paper follows, holds":                      {func(p *processor.Record) { p.DPA.Until, p.DPA.PaperUntil = now-1, now+1 }, processor.None},
		"paper that did not follow":                          {func(p *processor.Record) { p.DPA.Until, p.DPA.PaperUntil = now-2, now }, processor.DPAEnded},
		"a person suspended it":                              {func(p *processor.Record) { p.State = processor.Suspended }, processor.IsSuspended},
		"the collaboration has ended":                        {func(p *processor.Record) { p.State = processor.Terminated }, processor.IsTerminated},
		"outside the EEA with nothing to carry it":           {american(processor.NoTransfer), processor.TransferVoid},
		"Privacy Shield is void (C-311/18)":                  {american(processor.PrivacyShield), processor.TransferVoid},
		"Safe Harbor is void (C-362/14)":                     {american(processor.SafeHarbor), processor.TransferVoid},
		"article 49 is never for regular sending":            {american(processor.Derogation), processor.TransferVoid},
		"the Data Privacy Framework carries it":              {american(processor.DPF), processor.None},
		"standard clauses carry it":                          {american(processor.SCC), processor.None},
		"the US are no adequate country without a framework": {american(processor.Adequacy), processor.TransferVoid},
		"Switzerland was found adequate":                     {func(p *processor.Record) { p.Country, p.Transfer.Mechanism = "CH", processor.Adequacy }, processor.None},
		"a framework for the US carries nothing to India":    {func(p *processor.Record) { p.Country, p.Transfer.Mechanism = "IN", processor.DPF }, processor.TransferVoid},
		"a mechanism past its end":                           {func(p *processor.Record) { american(processor.DPF)(p); p.Transfer.Until = now }, processor.TransferVoid},
		"our own server in our own rooms": {func(p *processor.Record) {
			*p = processor.Record{Kind: processor.Own, Place: processor.Premises, State: processor.Active, DPA: processor.DPA{Status: processor.NotNeeded}}
		}, processor.None},
		"our own server at a hoster who was never contracted": {func(p *processor.Record) {
			p.Kind, p.Place, p.DPA = processor.Own, processor.Hoster, processor.DPA{Status: processor.NoContract}
		}, processor.NotContracted},
		"our own server, suspended": {func(p *processor.Record) {
			p.Kind, p.Place, p.State = processor.Own, processor.Premises, processor.Suspended
		}, processor.IsSuspended},
	} {
		ok, got := provider(c.change).Holds(rules(), now)
		if got != c.want || ok != (c.want == processor.None) {
			t.Errorf("%s: %v %q, want %q", name, ok, got, c.want)
		}
	}
}

// The lines "Limit" and "Remind": paperwork never stops mail.
func TestPaperworkOnlyLimitsOrReminds(t *testing.T) {
	for name, c := range map[string]struct {
		change  func(p *processor.Record)
		want    string
		limited bool
	}{
		"nothing is due":               {nil, "", false},
		"the agreement ends soon":      {func(p *processor.Record) { p.DPA.Until = now.Add(30 * 24 * time.Hour) }, processor.RemindDPAEnds, false},
		"the agreement ends in a year": {func(p *processor.Record) { p.DPA.Until = now.Add(365 * 24 * time.Hour) }, "", false},
		"paper follows":                {func(p *processor.Record) { p.DPA.Until, p.DPA.PaperUntil = now-1, now.Add(time.Hour) }, processor.RemindPaper, false},
		"the questions are overdue":    {func(p *processor.Record) { p.ReviewDue = now }, processor.RemindReview, true},
		"the framework's list was not looked at": {func(p *processor.Record) {
			p.Country, p.Transfer = "US", processor.Transfer{Mechanism: processor.DPF, Checked: at(2025, 1, 1)}
		}, processor.RemindTransfer, true},
		"it was looked at not long ago": {func(p *processor.Record) {
			p.Country, p.Transfer = "US", processor.Transfer{Mechanism: processor.DPF, Checked: at(2026, 1, 1)}
		}, "", false},
		"an adequacy decision needs no look of ours": {func(p *processor.Record) {
			p.Country, p.Transfer = "CH", processor.Transfer{Mechanism: processor.Adequacy, Checked: at(2020, 1, 1)}
		}, "", false},
	} {
		p := provider(c.change)
		if ok, why := p.Holds(rules(), now); !ok {
			t.Errorf("%s: mail stops (%s)", name, why)
		}
		got := ""
		for _, r := range p.Reminders(rules(), now) {
			got = r.Key
		}
		if got != c.want || p.Limited(rules(), now) != c.limited {
			t.Errorf("%s: reminds of %q, limited %v; want %q, %v", name, got, p.Limited(rules(), now), c.want, c.limited)
		}
	}
}

// INV-09: taking an adequacy decision out of the rules stops what rests on it.
func TestAMechanismTakenOutOfTheRulesStopsWhatRestsOnIt(t *testing.T) {
	p := provider(func(p *processor.Record) { p.Country, p.Transfer.Mechanism = "US", processor.DPF })
	pack, err := rulepack.Read([]byte("version = \"x\"\ndate = \"2026-01-01\"\n[[rule]]\nkey = \"transfer.eea\"\nvalue = [\"FR\"]\nunit = \"list\"\nstricter = \"fixed\"\nsource = \"x\"\n" +
		"[[rule]]\nkey = \"transfer.adequate\"\nvalue = [\"CH\"]\nunit = \"list\"\nstricter = \"fixed\"\nsource = \"x\"\n" +
		"[[rule]]\nkey = \"transfer.mechanisms\"\nvalue = [\"scc_914\"]\nunit = \"list\"\nstricter = \"fixed\"\nsource = \"x\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	if ok, why := p.Holds(rulepack.Published(pack), now); ok || why != processor.TransferVoid {
		t.Errorf("holds %v %q", ok, why)
	}
}

func write(t *testing.T, h *testhouse.House, who actor.Actor, f func(tx *store.Tx) error) error {
	t.Helper()
	return h.Main.Write(context.Background(), who, f)
}

func TestEveryChangeOfARecordIsTracedAndCounted(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		_, who := h.House(t)
		before := h.Entries(t, who)
		var r processor.Record
		if err := write(t, h, who, func(tx *store.Tx) (err error) {
			r, err = processor.Add(tx, processor.New{Kind: processor.Provider, Name: "Exemple Mail SAS", Country: "fr",
				DPA: processor.DPA{Status: processor.Executed, From: at(2025, 1, 1), Until: at(2026, 3, 1)}})
			return err
		}); err != nil {
			t.Fatal(err)
		}
		for _, act := range []func(tx *store.Tx) error{
			func(tx *store.Tx) error { return processor.PaperFollows(tx, r.ID) },
			func(tx *store.Tx) error { return processor.Suspend(tx, r.ID, "They lost our data") },
			func(tx *store.Tx) error { return processor.Resume(tx, r.ID, "They found it again") },
			func(tx *store.Tx) error {
				return processor.SetDPA(tx, r.ID, processor.DPA{Status: processor.Executed, From: at(2026, 3, 1)})
			},
			func(tx *store.Tx) error {
				return processor.Move(tx, r.ID, processor.Transfer{Mechanism: processor.SCC, From: at(2025, 1, 1)})
			},
			func(tx *store.Tx) error { return processor.Reviewed(tx, r.ID) },
			func(tx *store.Tx) error { return processor.Terminate(tx, r.ID, "We found a better one") },
		} {
			if err := write(t, h, who, act); err != nil {
				t.Fatal(err)
			}
		}
		if n := h.Entries(t, who) - before; n != 8 {
			t.Errorf("%d entries in the trace for 8 acts", n)
		}
		err := h.Main.View(context.Background(), who, func(v *store.View) error {
			got, err := processor.Get(v, r.ID)
			if err != nil {
				return err
			}
			if got.Version != 8 || got.State != processor.Terminated || got.StateWhy != "We found a better one" || got.StateBy != who.ID || got.DPA.PaperUntil != 0 || got.Country != "FR" {
				t.Errorf("the record: %+v", got)
			}
			ok, why, err := processor.Holds(v, r.ID)
			if err != nil {
				return err
			}
			if ok || why != processor.IsTerminated {
				t.Errorf("holds %v %q", ok, why)
			}
			ok, _, err = processor.Holds(v, processor.MailboxID)
			if !ok {
				t.Error("the built-in mailbox does not hold")
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestPaperFollowsHoldsForFourteenDaysAndOnce(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		_, who := h.House(t)
		var r processor.Record
		act := func(f func(tx *store.Tx) error) error { return write(t, h, who, f) }
		if err := act(func(tx *store.Tx) (err error) {
			r, err = processor.Add(tx, processor.New{Kind: processor.Provider, Name: "Exemple", Country: "DE",
				DPA: processor.DPA{Status: processor.Executed, From: at(2025, 1, 1), Until: at(2026, 3, 1)}})
			return err
		}); err != nil {
			t.Fatal(err)
		}
		holds := func() (ok bool) {
			_ = h.Main.View(context.Background(), who, func(v *store.View) (err error) { ok, _, err = processor.Holds(v, r.ID); return err })
			return ok
		}
		if holds() {
			t.Error("an agreement that ended yesterday holds")
		}
		if err := act(func(tx *store.Tx) error { return processor.PaperFollows(tx, r.ID) }); err != nil || !holds() {
			t.Fatalf("renewed, paper follows: %v", err)
		}
		h.Clock.Advance(13 * 24 * time.Hour)
		if !holds() {
			t.Error("it holds for less than fourteen days")
		}
		h.Clock.Advance(3 * 24 * time.Hour)
		if holds() {
			t.Error("it holds for ever")
		}
		if err := act(func(tx *store.Tx) error { return processor.PaperFollows(tx, r.ID) }); !fault.Is(err, fault.Conflict) {
			t.Errorf("a second time in a row: %v", err)
		}
	})
}

func TestARecordOfAnotherAccountIsNotThereAndOneOfTheHouseIsNotOnesOwn(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		_, one := h.House(t)
		_, other := h.House(t)
		house := actor.Actor{Kind: actor.Command, Name: "test"}
		var mine, shared processor.Record
		n := processor.New{Kind: processor.Provider, Name: "Exemple", Country: "FR", DPA: processor.DPA{Status: processor.IncorporatedByTerms, From: at(2025, 1, 1)}}
		if err := write(t, h, one, func(tx *store.Tx) (err error) { mine, err = processor.Add(tx, n); return err }); err != nil {
			t.Fatal(err)
		}
		if err := write(t, h, house, func(tx *store.Tx) (err error) { shared, err = processor.Add(tx, n); return err }); err != nil {
			t.Fatal(err)
		}
		if mine.Role != processor.ForUs || shared.Role != processor.ForProcessor {
			t.Errorf("roles: %s, %s", mine.Role, shared.Role)
		}
		if err := write(t, h, other, func(tx *store.Tx) error { return processor.Suspend(tx, mine.ID, "not mine") }); !fault.Is(err, fault.NotFound) {
			t.Errorf("another account's record: %v", err)
		}
		if err := write(t, h, other, func(tx *store.Tx) error { return processor.Suspend(tx, shared.ID, "not mine") }); !fault.Is(err, fault.Forbidden) {
			t.Errorf("the house's record: %v", err)
		}
		if err := write(t, h, house, func(tx *store.Tx) error { return processor.Suspend(tx, shared.ID, "ours") }); err != nil {
			t.Errorf("the house suspends its own: %v", err)
		}
		err := h.Main.View(context.Background(), other, func(v *store.View) error {
			all, err := processor.All(v)
			if len(all) != 2 {
				t.Errorf("an account sees %d records, want the mailbox and the house's", len(all))
			}
			if ok, why, _ := processor.Holds(v, mine.ID); ok || why != processor.Missing {
				t.Errorf("another's record holds: %v %q", ok, why)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
