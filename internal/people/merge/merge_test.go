// SPDX-License-Identifier: AGPL-3.0-or-later

package merge_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"consend/internal/gate"
	"consend/internal/ground/actor"
	"consend/internal/ground/config"
	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/pii"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/list"
	"consend/internal/people/merge"
	"consend/internal/people/move"
	"consend/internal/people/segment"
	"consend/internal/testhouse"
	"consend/internal/trace"
)

var ctx = context.Background()

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wants(t testing.TB, err error, kind fault.Kind, key string) {
	t.Helper()
	if !fault.Is(err, kind) || fault.All(err)[0].Key != key {
		t.Errorf("%v, not %s", err, key)
	}
}

// desk is an account with two purposes, three lists, and people by a letter.
type desk struct {
	*testhouse.House
	t                   testing.TB
	who, visitor        actor.Actor
	news, offers, other int64
	purpose             int64
	n                   int
}

func each(t *testing.T, f func(t *testing.T, d *desk)) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		h.Clock.Set(testhouse.Start)
		h.Main.Attach(&config.Site{URL: "https://news.example", Host: "news.example"})
		acct, who := h.House(t)
		d := &desk{House: h, t: t, who: who, visitor: actor.Actor{Kind: actor.Subject, Account: acct, Request: "test"}}
		d.write(func(tx *store.Tx) (err error) {
			if d.news, err = list.EnsureNamed(tx, "Newsletter", "News"); err != nil {
				return err
			}
			if d.offers, err = list.EnsureNamed(tx, "Newsletter", "Offers"); err != nil {
				return err
			}
			if d.other, err = list.EnsureNamed(tx, "Events", "Concerts"); err != nil {
				return err
			}
			l, err := list.Get(tx, d.news)
			d.purpose = l.PurposeID
			return err
		})
		f(t, d)
	})
}

func (d *desk) act(who actor.Actor, fn func(tx *store.Tx) error) error {
	return d.Main.Write(ctx, who, fn)
}
func (d *desk) write(fn func(tx *store.Tx) error) { d.t.Helper(); must(d.t, d.act(d.who, fn)) }
func (d *desk) view(fn func(v *store.View) error) {
	d.t.Helper()
	must(d.t, d.Main.View(ctx, d.who, fn))
}

func (d *desk) person(email string) (id int64) {
	d.t.Helper()
	d.Clock.Advance(time.Second)
	d.write(func(tx *store.Tx) error {
		rows, err := contact.Ensure(tx, []contact.New{{Email: address.Must(email), Source: "form"}})
		if err == nil {
			id = rows[0].ID
		}
		return err
	})
	return id
}

// say writes one event, as the person where only they can.
func (d *desk) say(id, list int64, kind consent.Kind) consent.Result {
	d.t.Helper()
	d.Clock.Advance(time.Second)
	who := d.who
	e := consent.Event{Contact: id, List: list, Kind: kind, Source: "form"}
	switch kind {
	case consent.Confirm:
		e.RequestedAt = legalclock.MomentOf(d.Clock.Now())
	case consent.Give, consent.Release:
		e.Basis, e.Grade = consent.ByConsent, consent.GradeB
	}
	if kind.Own() || kind.No() || kind == consent.Request {
		who = d.visitor
	}
	var res []consent.Result
	must(d.t, d.act(who, func(tx *store.Tx) (err error) { res, err = consent.Apply(tx, []consent.Event{e}); return err }))
	return res[0]
}

// joined asks and confirms.
func (d *desk) joined(id, list int64) {
	d.say(id, list, consent.Request)
	d.say(id, list, consent.Confirm)
}

func (d *desk) merge(other, kept int64) error {
	d.Clock.Advance(time.Second)
	return d.act(d.who, func(tx *store.Tx) error { return merge.Merge(tx, other, kept, "") })
}

func (d *desk) reason(id, list int64) (r consent.Reason) {
	d.t.Helper()
	d.view(func(v *store.View) error {
		all, err := consent.ReasonsFor(v, list, []int64{id})
		r = all[id]
		return err
	})
	return r
}

func (d *desk) contact(id int64) (c contact.Contact) {
	d.t.Helper()
	d.view(func(v *store.View) (err error) { c, err = contact.Get(v, id); return err })
	return c
}

func text(s string) contact.Value {
	v, err := contact.TypeText.Read(s)
	if err != nil {
		panic(err)
	}
	return v
}

func (d *desk) lists() []int64 { return []int64{d.news, d.offers, d.other} }

func TestTheNoesTravelAndNoYesDoes(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		kept, other := d.person("kept@example.org"), d.person("other@example.org")
		d.joined(kept, d.news)
		d.joined(kept, d.offers)
		d.joined(other, d.offers)
		d.joined(other, d.other)
		d.joined(other, d.news)
		d.say(other, d.news, consent.Withdraw)
		must(t, d.merge(other, kept))
		for l, want := range map[int64]consent.Reason{d.news: consent.HasLeft, d.offers: "", d.other: consent.NotOnList} {
			if r := d.reason(kept, l); r != want {
				t.Errorf("list %d: the kept one %q, not %q", l, r, want)
			}
			if r := d.reason(other, l); r != consent.MergedAway {
				t.Errorf("list %d: the other one %q", l, r)
			}
		}
		// What the other said stays proved, and what the kept one was told names where it comes from.
		d.view(func(v *store.View) error {
			all, err := consent.Events(v, other)
			yes := 0
			for _, e := range all {
				if e.Kind == consent.Confirm && e.Verdict == consent.Applied && e.Grade == consent.GradeA {
					yes++
				}
			}
			if yes != 3 || len(all) != 9 { // three asked and confirmed, one no, and two ended
				t.Errorf("the other's past: %d yes of %d events", yes, len(all))
			}
			mine, err2 := consent.Events(v, kept)
			last := mine[len(mine)-1]
			if last.Source != consent.Merge || last.Kind != consent.Withdraw || last.BasisRef == "" || last.OccurredAt >= last.RecordedAt {
				t.Errorf("the kept one's no: %+v", last)
			}
			entries, err3 := trace.Search(v, trace.Question{Contact: other, Action: "contact.merged"})
			if len(entries) != 1 || entries[0].Fields()["into"] != fmt.Sprint(kept) {
				t.Errorf("the trace: %+v", entries)
			}
			return cmpErr(err, err2, err3)
		})
	})
}

func cmpErr(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func TestTheStubStandsInNoTableAndGetsNoMail(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		kept, other := d.person("kept@example.org"), d.person("other@example.org")
		d.joined(other, d.news)
		d.joined(kept, d.news)
		must(t, d.merge(other, kept))
		d.view(func(v *store.View) error {
			for name, q := range map[string]consent.Query{"all": {}, "address": {Prefix: "other"}, "list": {List: d.news}} {
				p, err := consent.Search(v, q)
				if err != nil {
					return err
				}
				if slices.ContainsFunc(p.People, func(c contact.Contact) bool { return c.ID == other }) {
					t.Errorf("found by %s", name)
				}
			}
			if n, err := contact.Count(v); err != nil || n != 1 {
				t.Errorf("%d people are counted: %v", n, err)
			}
			if n, err := consent.Consenting(v); err != nil || n != 1 {
				t.Errorf("%d people said yes: %v", n, err)
			}
			n, err := segment.Count(v, segment.Definition{})
			if n != 1 {
				t.Errorf("%d people in the segment of everybody", n)
			}
			return err
		})
		if v := d.say(other, d.other, consent.Give).Verdict; v != consent.MergedInto {
			t.Errorf("a file gave the merged address a basis: %q", v)
		}
		var out []gate.Decision
		d.write(func(tx *store.Tx) (err error) {
			_, out, err = gate.Decide(tx, gate.Batch{Class: gate.Campaign, Campaign: 1, List: d.news, Approval: 1}, []gate.Candidate{{Contact: other}, {Contact: kept}})
			return err
		})
		if out[0].Reason != gate.Reason(consent.MergedAway) || out[1].Reason == gate.Reason(consent.MergedAway) {
			t.Errorf("a campaign: %+v", out)
		}
		d.write(func(tx *store.Tx) (err error) {
			_, out, err = gate.Decide(tx, gate.Batch{Class: gate.Receipt}, []gate.Candidate{{Contact: other}})
			return err
		})
		if out[0].Reason != "relay_unknown" { // theirs (GDPR 15), and so only the sending service is looked at
			t.Errorf("a receipt: %+v", out)
		}
		d.write(func(tx *store.Tx) (err error) {
			_, out, err = gate.Decide(tx, gate.Batch{Class: gate.Notice}, []gate.Candidate{{Contact: other}})
			return err
		})
		if out[0].Reason != gate.Reason(consent.MergedAway) {
			t.Errorf("a notice: %+v", out)
		}
	})
}

// Nobody's no is lost: whatever happened at both before, and whatever is refused at the other
// address afterwards, the kept one is not written to where either said no.
func TestAfterAMergeANoAtEitherAddressHoldsForTheKeptOne(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		rapid.Check(t, func(rt *rapid.T) {
			d.n++
			kept, other := d.person(fmt.Sprintf("k%d@example.org", d.n)), d.person(fmt.Sprintf("o%d@example.org", d.n))
			if rapid.Bool().Draw(rt, "the kept one is the younger") {
				kept, other = other, kept
			}
			random := func(id int64, kinds []consent.Kind, label string) {
				l := rapid.SampledFrom(d.lists()).Draw(rt, "list")
				scope := rapid.SampledFrom([]consent.Scope{consent.Everything, {Reach: consent.OnePurpose, ID: d.purpose}, {Reach: consent.OneList, ID: l}}).Draw(rt, "scope")
				cause := rapid.SampledFrom([]consent.Cause{consent.Unsubscribed, consent.Objected, consent.Complained, consent.AuthorityOrder, consent.ByMember, consent.Imported}).Draw(rt, "cause")
				switch rapid.IntRange(0, 7).Draw(rt, label) {
				case 0:
					d.Clock.Advance(time.Second)
					d.write(func(tx *store.Tx) error { return consent.Suppress(tx, id, cause, scope) })
				case 1:
					d.Clock.Advance(time.Second)
					must(t, d.act(d.visitor, func(tx *store.Tx) error {
						_, err := consent.Leave(tx, consent.Leaving{Contact: id, Scope: scope, Kind: consent.Withdraw, Source: "mail"})
						return err
					}))
				default:
					if k := rapid.SampledFrom(kinds).Draw(rt, "kind"); k == consent.Confirm {
						d.joined(id, l)
					} else {
						d.say(id, l, k)
					}
				}
			}
			for range rapid.IntRange(0, 5).Draw(rt, "before") {
				random(rapid.SampledFrom([]int64{kept, other}).Draw(rt, "who"), append(consent.Kinds(), consent.Confirm, consent.Confirm), "what")
			}
			no := map[int64]bool{}
			for _, l := range d.lists() {
				for _, id := range []int64{kept, other} {
					switch d.reason(id, l) {
					case consent.HasLeft, consent.HasRefused, consent.HasObjected, consent.Ordered, consent.Complaining, consent.DoNotMail:
						no[l] = true
					}
				}
			}
			must(t, d.merge(other, kept))
			hold := func(when string) {
				for l := range no {
					if r := d.reason(kept, l); r == "" || r == consent.NotOnList || r == consent.Unconfirmed || r == consent.Unproved {
						rt.Fatalf("%s: list %d: somebody said no, and the kept one is %q", when, l, r)
					}
				}
			}
			hold("after the merge")
			for range rapid.IntRange(0, 4).Draw(rt, "after") {
				l := rapid.SampledFrom(d.lists()).Draw(rt, "list")
				d.Clock.Advance(time.Second)
				switch rapid.IntRange(0, 5).Draw(rt, "refusal") {
				case 0:
					d.write(func(tx *store.Tx) error {
						return consent.Suppress(tx, other, consent.Complained, consent.Scope{Reach: consent.OneList, ID: l})
					})
				case 1:
					d.write(func(tx *store.Tx) error {
						return consent.SuppressAddresses(tx, []address.Address{d.contact(other).Email}, consent.ByMember, consent.Scope{Reach: consent.OneList, ID: l})
					})
				case 2:
					d.write(func(tx *store.Tx) error {
						_, err := consent.RefuseSet(tx, []consent.Told{{Email: d.contact(other).Email, Cause: consent.Unsubscribed, Scope: consent.Scope{Reach: consent.OneList, ID: l}}}, 0)
						return err
					})
				case 3:
					d.write(func(tx *store.Tx) error {
						rows, err := contact.Lock(tx, []int64{other})
						if err != nil {
							return err
						}
						return consent.SuppressSet(tx, rows, consent.Imported, consent.Scope{Reach: consent.OneList, ID: l}, 0)
					})
				case 4:
					must(t, d.act(d.visitor, func(tx *store.Tx) error {
						_, err := consent.Leave(tx, consent.Leaving{Contact: other, Scope: consent.Scope{Reach: consent.OneList, ID: l}, Kind: consent.Withdraw, Source: "mail", Method: "one_click"})
						return err
					}))
				case 5:
					d.say(other, l, rapid.SampledFrom([]consent.Kind{consent.Withdraw, consent.Object, consent.Complain, consent.NotMe, consent.Refuse}).Draw(rt, "no"))
				}
				no[l] = true
				hold("a no at the other address")
				// Nobody but the person turns it.
				if v := d.say(other, l, consent.Give).Verdict; v.OK() {
					rt.Fatalf("a file put the merged address on a list: %s", v)
				}
				d.say(kept, l, consent.Give)
				hold("a file about the kept one")
			}
		})
	})
}

func TestABounceOfTheOtherMailboxIsNoWordOfThePerson(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		kept, other := d.person("kept@example.org"), d.person("other@example.org")
		d.joined(kept, d.news)
		d.joined(other, d.news)
		d.write(func(tx *store.Tx) error { return consent.Suppress(tx, other, consent.HardBounce, consent.Everything) })
		must(t, d.merge(other, kept))
		d.write(func(tx *store.Tx) error { return consent.Suppress(tx, other, consent.HardBounce, consent.Everything) })
		if r := d.reason(kept, d.news); r != "" {
			t.Errorf("a mailbox that is gone stopped another one: %q", r)
		}
	})
}

func TestAYesFromTheOthersMailboxMakesItAContactOfItsOwn(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		kept, other := d.person("kept@example.org"), d.person("other@example.org")
		d.joined(kept, d.news)
		d.joined(other, d.news)
		d.joined(other, d.offers)
		d.say(other, d.offers, consent.Withdraw)
		must(t, d.merge(other, kept))
		d.say(other, d.other, consent.Request)
		if d.contact(other).MergedInto != kept {
			t.Fatal("asking alone parted them: no mailbox has answered")
		}
		d.say(other, d.other, consent.Confirm)
		if d.contact(other).Merged() {
			t.Fatal("the mailbox answered, and the contact is still another one's")
		}
		// Its former yes ended with the merge, its no stays, and the kept one keeps what it was told.
		for l, want := range map[int64]consent.Reason{d.news: consent.NotOnList, d.offers: consent.HasLeft, d.other: ""} {
			if r := d.reason(other, l); r != want {
				t.Errorf("list %d: %q, not %q", l, r, want)
			}
		}
		if r := d.reason(kept, d.offers); r != consent.HasLeft {
			t.Errorf("the kept one: %q", r)
		}
		d.say(other, d.other, consent.Withdraw) // two people's noes are their own again
		if r := d.reason(kept, d.news); r != "" {
			t.Errorf("the kept one: %q", r)
		}
	})
}

func TestBlanksAreFilledAndTheStricterWishHolds(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		kept, other := d.person("kept@example.org"), d.person("other@example.org")
		name, fr, de, nobody := pii.T("Léa"), "fr", "DE", pii.T("Somebody")
		d.write(func(tx *store.Tx) error {
			if _, err := contact.EnsureAttributes(tx, []contact.Attribute{{Name: "CITY", Type: contact.TypeText}, {Name: "TEAM", Type: contact.TypeText},
				{Name: "RELIGION", Type: contact.TypeText}}); err != nil {
				return err
			}
			if err := contact.Correct(tx, kept, 0, contact.Change{Name: &name, Attributes: contact.Attributes{"CITY": text("Lyon")}}); err != nil {
				return err
			}
			if err := contact.Correct(tx, other, 0, contact.Change{Name: &nobody, Language: &fr, Country: &de,
				Attributes: contact.Attributes{"CITY": text("Paris"), "TEAM": text("red"), "RELIGION": text("x")}}); err != nil {
				return err
			}
			return contact.Restrict(tx, other, "accuracy")
		})
		must(t, d.act(d.visitor, func(tx *store.Tx) error {
			if err := contact.Pause(tx, other, 3, time.UTC); err != nil {
				return err
			}
			return contact.Slow(tx, other, contact.PaceMonth)
		}))
		paused := d.contact(other).PausedUntil
		must(t, d.merge(other, kept))
		c := d.contact(kept)
		if c.Name.Raw() != "Léa" || c.Language != "fr" || c.Country != "DE" || c.Attributes["CITY"].Raw() != "Lyon" || c.Attributes["TEAM"].Raw() != "red" || !c.Attributes["RELIGION"].IsZero() {
			t.Errorf("filled: %#v %v %v %q %q %q", c.Name.Raw(), c.Language, c.Country, c.Attributes["CITY"].Raw(), c.Attributes["TEAM"].Raw(), c.Attributes["RELIGION"].Raw())
		}
		if c.State != contact.StateRestricted || c.PausedUntil != paused || c.Pace != contact.PaceMonth {
			t.Errorf("wishes: %s %v %d", c.State, c.PausedUntil, c.Pace)
		}
		// A freeze that ends, ends for both; one asked for at the other address holds for the kept one.
		d.write(func(tx *store.Tx) error { return contact.Unrestrict(tx, kept, "") })
		if s := d.contact(other).State; s != contact.StateActive {
			t.Errorf("the other one is %s", s)
		}
		d.write(func(tx *store.Tx) error { return contact.Restrict(tx, other, "claims") })
		if s := d.contact(kept).State; s != contact.StateRestricted {
			t.Errorf("the kept one is %s", s)
		}
	})
}

func TestAValueThatMovesIsNoYoungerForIt(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		kept, other := d.person("kept@example.org"), d.person("other@example.org")
		d.write(func(tx *store.Tx) error {
			_, err := contact.MakeAttribute(tx, contact.Attribute{Name: "CITY", Type: contact.TypeText, KeepDays: 30})
			return err
		})
		d.write(func(tx *store.Tx) error {
			return contact.Correct(tx, other, 0, contact.Change{Attributes: contact.Attributes{"CITY": text("Paris")}})
		})
		d.Clock.Advance(20 * 24 * time.Hour)
		must(t, d.merge(other, kept))
		for _, more := range []struct {
			days int
			want string
		}{{9, "Paris"}, {2, ""}} {
			d.Clock.Advance(time.Duration(more.days) * 24 * time.Hour)
			must(t, contact.EndValues(ctx, d.Main))
			if got := d.contact(kept).Attributes["CITY"].Raw(); got != more.want {
				t.Errorf("after %d more days: %q", more.days, got)
			}
		}
	})
}

// The other took back their express yes (GDPR 9(2)(a)): the answer of the one that stays goes too, and isn't written again
// by the merge itself.
func TestAnExpressYesThatOneTookBackIsTheOthersTooAndTheAnswerGoes(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		kept, other := d.person("kept@example.org"), d.person("other@example.org")
		var express int64
		d.write(func(tx *store.Tx) error {
			id, err := contact.MakeAttribute(tx, contact.Attribute{Name: "ALLERGIES", Type: contact.TypeText, Sensitive: contact.Declared, Special: contact.ExplicitConsent})
			if err != nil {
				return err
			}
			l, err := list.EnsureSpecial(tx, id, "Allergies", "en", nil)
			express = l.ID
			return err
		})
		for _, id := range []int64{kept, other} {
			d.joined(id, express)
			d.write(func(tx *store.Tx) error {
				return contact.Correct(tx, id, 0, contact.Change{Attributes: contact.Attributes{"ALLERGIES": text("nuts")}})
			})
		}
		d.say(other, express, consent.Withdraw)
		if v := d.contact(kept).Attributes["ALLERGIES"].Raw(); v != "nuts" {
			t.Fatalf("somebody else's answer went: %q", v)
		}
		must(t, d.merge(other, kept))
		if v := d.contact(kept).Attributes["ALLERGIES"].Raw(); v != "" {
			t.Errorf("kept after the merge: %q", v)
		}
	})
}

func TestAMergeIsRefusedWhereItWouldTellUntruths(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		a, b, c := d.person("a@example.org"), d.person("b@example.org"), d.person("c@example.org")
		wants(t, d.merge(a, a), fault.Invalid, "merge.same")
		wants(t, d.merge(a, 999999), fault.NotFound, "contact.none")
		_, foreign := d.House.House(t)
		var theirs int64
		must(t, d.act(foreign, func(tx *store.Tx) error {
			rows, err := contact.Ensure(tx, []contact.New{{Email: address.Must("a@example.org"), Source: "form"}})
			theirs = rows[0].ID
			return err
		}))
		wants(t, d.merge(theirs, a), fault.NotFound, "contact.none")

		d.write(func(tx *store.Tx) error { _, err := move.Ask(tx, b, address.Must("new@example.org")); return err })
		wants(t, d.merge(b, a), fault.Refused, "merge.moving")
		wants(t, d.merge(a, b), fault.Refused, "merge.moving")
		d.Clock.Advance(move.Term)

		seen := ""
		d.view(func(v *store.View) error {
			p, err := merge.Look(v, c, a)
			seen = p.Seen()
			return err
		})
		d.say(c, d.news, consent.Withdraw)
		err := d.act(d.who, func(tx *store.Tx) error { return merge.Merge(tx, c, a, seen) })
		wants(t, err, fault.Conflict, "merge.changed")
		must(t, d.merge(c, a))
		wants(t, d.merge(c, b), fault.Refused, "merge.merged")
		wants(t, d.merge(b, c), fault.Refused, "merge.merged")
		err = d.act(d.who, func(tx *store.Tx) error { return contact.Correct(tx, c, 0, contact.Change{}) })
		wants(t, err, fault.Refused, "contact.merged")
		err = d.act(d.who, func(tx *store.Tx) error { _, err := move.Ask(tx, c, address.Must("new@example.org")); return err })
		wants(t, err, fault.Refused, "contact.merged")

		// Who had gone into one goes on with it into the next.
		must(t, d.merge(a, b))
		if got := d.contact(c).MergedInto; got != b {
			t.Errorf("the first one points to %d", got)
		}
		d.write(func(tx *store.Tx) error { return contact.BeginErasing(tx, a, "") })
		wants(t, d.merge(a, b), fault.Gone, "contact.ending")
		if s := d.contact(b).State; s != contact.StateActive {
			t.Errorf("erasing one that was merged began erasing the other: %s", s)
		}
		d.write(func(tx *store.Tx) error { return contact.BeginErasing(tx, b, "") })
		if s := d.contact(c).State; s != contact.StateErasing {
			t.Errorf("erasing the kept one leaves the merged one %s", s)
		}
	})
}

// Where people go for good, those who went into them go too, and nothing points to nobody.
func TestWhoGoesTakesAlongWhoWasMergedIntoThem(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		d.Main.Attach(contact.Parting(func(*store.Tx, []int64) error { return nil }))
		kept, other, third := d.person("kept@example.org"), d.person("other@example.org"), d.person("third@example.org")
		must(t, d.merge(other, kept))
		must(t, d.merge(third, kept))
		d.write(func(tx *store.Tx) error { return contact.BeginErasing(tx, third, "") })
		var gone []int64
		must(t, d.Main.Purge(ctx, d.who, "test", func(tx *store.Tx) (err error) { gone, err = contact.Drop(tx, []int64{kept}, "test"); return err }))
		slices.Sort(gone)
		if !slices.Equal(gone, []int64{kept, other}) {
			t.Errorf("gone are %v", gone)
		}
		if c := d.contact(third); c.Merged() || c.State != contact.StateErasing {
			t.Errorf("who is being erased points to somebody who is gone: %+v", c.MergedInto)
		}
	})
}

// Two members merge the same two the two ways round at once, while the person says no: one merge
// counts, nothing is stuck, and the no holds.
func TestMergesAndANoAtOnceLeaveTheNo(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		first := map[int64]int{}
		for i := range 25 {
			a, b := d.person(fmt.Sprintf("a%d@example.org", i)), d.person(fmt.Sprintf("b%d@example.org", i))
			d.joined(a, d.news)
			d.joined(b, d.news)
			errs := make(chan error, 3)
			go func() { errs <- d.act(d.who, func(tx *store.Tx) error { return merge.Merge(tx, a, b, "") }) }()
			go func() { errs <- d.act(d.who, func(tx *store.Tx) error { return merge.Merge(tx, b, a, "") }) }()
			go func() {
				errs <- d.act(d.visitor, func(tx *store.Tx) error {
					_, err := consent.Leave(tx, consent.Leaving{Contact: a, Scope: consent.Scope{Reach: consent.OneList, ID: d.news}, Kind: consent.Withdraw, Source: "mail"})
					return err
				})
			}()
			refused := 0
			for range 3 {
				if err := <-errs; fault.Is(err, fault.Refused) {
					refused++
				} else {
					must(t, err)
				}
			}
			kept := a
			if d.contact(a).Merged() {
				kept = b
			}
			first[kept-a]++
			if refused != 1 || d.contact(a).Merged() == d.contact(b).Merged() {
				t.Fatalf("%d merges were refused", refused)
			}
			if r := d.reason(kept, d.news); r != consent.HasLeft {
				t.Fatalf("the kept one is %q", r)
			}
		}
		t.Logf("%s: which of the two was kept: %v", d.Dialect, first)
	})
}
