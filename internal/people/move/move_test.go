// SPDX-License-Identifier: AGPL-3.0-or-later

package move_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"consend/internal/gate"
	"consend/internal/ground/actor"
	"consend/internal/ground/config"
	"consend/internal/ground/fault"
	"consend/internal/ground/locale"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/mail/compose"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/form"
	"consend/internal/people/list"
	"consend/internal/people/move"
	"consend/internal/testhouse"
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

// desk is an account with a list and Léa, who said yes to it.
type desk struct {
	*testhouse.House
	t            testing.TB
	who, visitor actor.Actor
	lea, news    int64
}

func each(t *testing.T, f func(t *testing.T, d *desk)) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		h.Clock.Set(testhouse.Start)
		h.Main.Attach(&config.Site{URL: "https://news.example", Host: "news.example"})
		acct, who := h.House(t)
		d := &desk{House: h, t: t, who: who, visitor: actor.Actor{Kind: actor.Subject, Account: acct, Request: "test"}}
		d.write(func(tx *store.Tx) (err error) {
			d.news, err = list.EnsureNamed(tx, "Newsletter", "News")
			return err
		})
		d.lea = d.person("lea@example.org")
		d.accept(d.lea)
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
	d.write(func(tx *store.Tx) error {
		rows, err := contact.Ensure(tx, []contact.New{{Email: address.Must(email), Source: "form", Language: "fr"}})
		if err == nil {
			id = rows[0].ID
		}
		return err
	})
	return id
}

func (d *desk) accept(id int64) {
	d.Clock.Advance(time.Minute)
	must(d.t, d.act(d.visitor, func(tx *store.Tx) error {
		_, err := consent.Apply(tx, []consent.Event{{Contact: id, List: d.news, Kind: consent.Accept, Source: "preferences", Method: "page"}})
		return err
	}))
	d.Clock.Advance(time.Minute)
}

func (d *desk) ask(who actor.Actor, to string) (id int64) {
	d.t.Helper()
	must(d.t, d.act(who, func(tx *store.Tx) (err error) { id, err = move.Ask(tx, d.lea, address.Must(to)); return err }))
	return id
}

func (d *desk) say(id int64, side move.Side, yes bool) (st move.Stage) {
	d.t.Helper()
	must(d.t, d.act(d.visitor, func(tx *store.Tx) (err error) { st, err = move.Say(tx, id, side, yes); return err }))
	return st
}

func (d *desk) email(id int64) (a string) {
	d.view(func(v *store.View) error {
		c, err := contact.Get(v, id)
		a = c.Email.Raw()
		return err
	})
	return a
}

func (d *desk) reason(id int64) (r consent.Reason) {
	d.view(func(v *store.View) error {
		all, err := consent.ReasonsFor(v, d.news, []int64{id})
		r = all[id]
		return err
	})
	return r
}

func (d *desk) change(id int64) (c move.Change) {
	d.view(func(v *store.View) (err error) { c, err = move.Find(v, id); return err })
	return c
}

func TestAnAddressChangesWhenBothMailboxesHaveSaidYes(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		for i, order := range [][2]move.Side{{move.Old, move.New}, {move.New, move.Old}} {
			to := []string{"Lea.One@example.org", "lea.two@example.org"}[i]
			before := d.email(d.lea)
			id := d.ask(d.who, to)
			if st := d.say(id, order[0], true); st != move.Waiting || d.email(d.lea) != before {
				t.Fatalf("after one yes: %s, %s", st, d.email(d.lea))
			}
			if st := d.say(id, order[0], true); st != move.Waiting {
				t.Errorf("the same side twice: %s", st)
			}
			if st := d.say(id, order[1], true); st != move.Moved || d.email(d.lea) != to {
				t.Fatalf("after both: %s, %s", st, d.email(d.lea))
			}
			if c := d.change(id); c.State != move.Done || !c.Address.IsZero() || c.EndedAt == 0 {
				t.Errorf("%+v", c)
			}
			if st := d.say(id, order[0], false); st != move.Moved || d.email(d.lea) != to {
				t.Errorf("a no afterwards: %s", st)
			}
			if r := d.reason(d.lea); r != "" {
				t.Errorf("the proved mailbox is left out: %s", r)
			}
			d.Clock.Advance(24 * time.Hour)
		}
	})
}

func TestANoOfEitherMailboxEndsAChange(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		id := d.ask(d.who, "a@example.org")
		d.say(id, move.New, true)
		if st := d.say(id, move.Old, false); st != move.SaidNo {
			t.Errorf("the old says no: %s", st)
		}
		if st := d.say(id, move.Old, true); st != move.SaidNo {
			t.Errorf("a yes after a no: %s", st)
		}
		d.Clock.Advance(24 * time.Hour)
		id = d.ask(d.who, "stranger@example.org")
		d.say(id, move.Old, true)
		if st := d.say(id, move.New, false); st != move.SaidNo {
			t.Errorf("the new says no: %s", st)
		}
		if c := d.change(id); c.State != move.Refused || c.Why != "new" || !c.Address.IsZero() || d.email(d.lea) != "lea@example.org" {
			t.Errorf("%+v", c)
		}
		// The stranger's mailbox gets no further such mail.
		d.Clock.Advance(24 * time.Hour)
		id = d.ask(d.who, "stranger@example.org")
		if why := d.decide(id); why != gate.SaidNotMe {
			t.Errorf("the stranger is asked again: %q", why)
		}
	})
}

// decide asks the gate about the mail to the new mailbox.
func (d *desk) decide(id int64) (why gate.Reason) {
	d.write(func(tx *store.Tx) error {
		_, out, err := gate.Decide(tx, gate.Batch{Class: gate.Confirmation}, []gate.Candidate{{Contact: d.lea, Change: id}})
		if err == nil {
			why = out[0].Reason
		}
		return err
	})
	return why
}

func TestAChangeThatNobodyAnswersEndsAndItsAddressIsForgotten(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		first := d.ask(d.who, "typo@example.org")
		id := d.ask(d.who, "a@example.org")
		if c := d.change(first); c.State != move.Expired || c.Why != "replaced" || !c.Address.IsZero() {
			t.Errorf("a change asked for anew: %+v", c)
		}
		d.say(id, move.New, true)
		d.Clock.Advance(move.Term - time.Second)
		must(t, move.Expire(ctx, d.Main))
		if c := d.change(id); c.State != move.Asked {
			t.Fatalf("ended too early: %+v", c)
		}
		d.Clock.Advance(time.Second)
		if st := d.say(id, move.Old, true); st != move.TooLate || d.email(d.lea) != "lea@example.org" {
			t.Errorf("a yes after the term: %s", st)
		}
		must(t, move.Expire(ctx, d.Main))
		if c := d.change(id); c.State != move.Expired || c.Why != "late" || !c.Address.IsZero() {
			t.Errorf("%+v", c)
		}
	})
}

func TestAMailboxThatIsGoneMovesNothing(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		d.write(func(tx *store.Tx) error { return consent.Suppress(tx, d.lea, consent.HardBounce, consent.Everything) })
		err := d.act(d.who, func(tx *store.Tx) error { _, err := move.Ask(tx, d.lea, address.Must("a@example.org")); return err })
		wants(t, err, fault.Refused, "move.gone")
	})
}

func TestAPersonIsNotToldWhoElseIsHere(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		bob := d.person("bob@example.org")
		err := d.act(d.who, func(tx *store.Tx) error { _, err := move.Ask(tx, d.lea, address.Must("BOB@example.org")); return err })
		wants(t, err, fault.Conflict, "move.taken")
		id := d.ask(d.visitor, "bob@example.org")
		d.say(id, move.Old, true)
		if st := d.say(id, move.New, true); st != move.Taken {
			t.Errorf("both are proved: %s", st)
		}
		if d.email(d.lea) != "lea@example.org" || d.email(bob) != "bob@example.org" {
			t.Error("something moved")
		}
	})
}

func TestTheRefusalsOfBothAddressesBind(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		// The new address said no long before Léa said yes from the old one.
		d.write(func(tx *store.Tx) error {
			return consent.SuppressAddresses(tx, []address.Address{address.Must("a@example.org")}, consent.Unsubscribed, consent.Everything)
		})
		d.accept(d.lea)
		id := d.ask(d.who, "a@example.org")
		d.say(id, move.Old, true)
		d.say(id, move.New, true)
		if r := d.reason(d.lea); r != consent.HasLeft {
			t.Errorf("the no of the new address: %q", r)
		}
		d.Clock.Advance(time.Minute)
		// And a no of the old one goes along.
		d.write(func(tx *store.Tx) error { return consent.Suppress(tx, d.lea, consent.Objected, consent.Everything) })
		id = d.ask(d.who, "b@example.org")
		d.say(id, move.Old, true)
		d.say(id, move.New, true)
		if r := d.reason(d.lea); r != consent.HasObjected || d.email(d.lea) != "b@example.org" {
			t.Errorf("the no of the old address: %q", r)
		}
	})
}

func TestTheMailsSayToEachMailboxWhatItMayKnow(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		id := d.ask(d.who, "a@example.org")
		mails := map[move.Side]compose.Draft{}
		d.write(func(tx *store.Tx) (err error) {
			if mails[move.Old], err = move.DraftOld(tx, id); err != nil {
				return err
			}
			mails[move.New], err = move.DraftNew(tx, id)
			return err
		})
		words := func(c compose.Draft) string {
			s := c.Subject
			for _, b := range c.Blocks {
				s += "\n" + b.Text
			}
			return s
		}
		o, n := mails[move.Old], mails[move.New]
		if o.To.Addr != "lea@example.org" || o.Change != 0 || !strings.Contains(words(o), "a@example.org") {
			t.Errorf("to the old: %+v", o)
		}
		if n.To.Addr != "a@example.org" || n.Change != id || strings.Contains(words(n), "lea@") {
			t.Errorf("to the new: %+v", n)
		}
		for side, c := range mails { // neither is of a form
			if begin, _, _ := strings.Cut(locale.For(c.Language, nil).T("move."+string(side)+".why", "account", "·"), "·"); !strings.HasPrefix(c.Why, begin) {
				t.Errorf("why the %s mailbox gets one: %q", side, c.Why)
			}
		}
		if why := d.decide(id); why == gate.NotPending || why == gate.Gone || why == gate.SaidNotMe {
			t.Errorf("the new mailbox can't be asked: %q", why)
		}
		d.say(id, move.New, true)
		err := d.act(d.who, func(tx *store.Tx) error { _, err := move.DraftNew(tx, id); return err })
		wants(t, err, fault.Gone, "move.nothing")
		d.say(id, move.Old, true)
		if why := d.decide(id); why != gate.NotPending {
			t.Errorf("after both: %q", why)
		}
		// Who wants no confirmation mail from anybody is not asked either.
		d.Clock.Advance(24 * time.Hour)
		must(t, d.act(d.visitor, func(tx *store.Tx) error {
			fp, err := contact.FP(tx, address.Must("b@example.org"))
			if err != nil {
				return err
			}
			return form.Block(tx, fp)
		}))
		if why := d.decide(d.ask(d.who, "b@example.org")); why != gate.SaidNotMe {
			t.Errorf("a blocked mailbox: %q", why)
		}
	})
}

func TestNobodyAsksWithoutEnd(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		var err error
		for range 4 {
			err = d.act(d.visitor, func(tx *store.Tx) error { _, err := move.Ask(tx, d.lea, address.Must("a@example.org")); return err })
		}
		wants(t, err, fault.Busy, "budget.spent")
	})
}

// A no and the second yes at the same moment: whichever comes first, the person stays refused.
func TestNoChangeOfAddressOutrunsARefusal(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		for i := range 12 {
			n := string(rune('a' + i))
			d.lea = d.person("race." + n + "@example.org")
			d.accept(d.lea)
			id := d.ask(d.who, "moved."+n+"@example.org")
			d.say(id, move.New, true)
			var wg sync.WaitGroup
			acts := []func(){
				func() { d.say(id, move.Old, true) },
				func() {
					must(t, d.act(d.visitor, func(tx *store.Tx) error {
						_, err := consent.Leave(tx, consent.Leaving{Contact: d.lea, Kind: consent.Withdraw, Scope: consent.Everything, Source: "mail", Method: "one_click"})
						return err
					}))
				},
			}
			if i%2 == 0 {
				slices.Reverse(acts)
			}
			for _, f := range acts {
				wg.Go(f)
			}
			wg.Wait()
			if d.email(d.lea) != "moved."+n+"@example.org" || d.reason(d.lea) == "" {
				t.Errorf("%s: %q", d.email(d.lea), d.reason(d.lea))
			}
			d.view(func(v *store.View) error {
				bars, err := consent.SuppressionsOf(v, address.Must("moved."+n+"@example.org"))
				if len(bars) != 1 {
					t.Errorf("the new address bears %d refusals", len(bars))
				}
				return err
			})
		}
	})
}
