// SPDX-License-Identifier: AGPL-3.0-or-later

package campaign_test

import (
	"context"
	"fmt"
	"testing"

	"consend/internal/ground/fault"
	"consend/internal/ground/store"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/segment"
	"consend/internal/sending/campaign"
	"consend/internal/sending/template"
	"consend/internal/testhouse"
)

// narrow is a segment of people of a city, and a draft that goes to those of a list in it.
func (p *place) narrow(t testing.TB, people []int64, city string) (id, of, attribute int64) {
	t.Helper()
	p.write(t, func(tx *store.Tx) (err error) {
		if attribute, err = contact.MakeAttribute(tx, contact.Attribute{Name: "CITY", Type: contact.TypeChoice, Choices: contact.Choices{"Lyon", "Lille"}}); err != nil {
			return err
		}
		of, err = segment.Make(tx, "City", p.city(attribute, city))
		return err
	})
	p.live(t, "Lyon", people...)
	return p.draft(t, of), of, attribute
}

func (p *place) city(attribute int64, city string) segment.Definition {
	return segment.Definition{Conditions: []segment.Condition{{Field: segment.Attribute, Of: attribute, Op: segment.Is, Values: []string{city}}}}
}

func (p *place) draft(t testing.TB, of int64) (id int64) {
	t.Helper()
	p.write(t, func(tx *store.Tx) (err error) {
		if id, err = campaign.Make(tx, campaign.Words{Name: "Spring", Subject: "Hello", Kind: template.HTML, Body: body}, p.sender); err != nil {
			return err
		}
		if err = campaign.SetLists(tx, id, 0, []int64{p.list}, nil); err != nil {
			return err
		}
		return campaign.SetSegment(tx, id, 0, of)
	})
	return id
}

// live lets people live in a city.
func (p *place) live(t testing.TB, city string, people ...int64) {
	t.Helper()
	var raw []string
	for _, id := range people {
		raw = append(raw, fmt.Sprintf(`UPDATE contact SET attributes = '{"CITY":"%s"}' WHERE account_id = %d AND id = %d`, city, p.account, id))
	}
	p.Raw(t, raw...)
}

func (p *place) approve(t testing.TB, id int64) {
	t.Helper()
	p.write(t, func(tx *store.Tx) error { return campaign.Approve(tx, id, 0, 0, 0) })
}

func TestASegmentNarrowsTheListsAndTellsWhoIsNotInIt(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := settle(t, h)
		ids := p.people(t, p.list, consent.GradeB, 10)
		id, _, _ := p.narrow(t, ids[:4], "Lyon")
		p.write(t, func(tx *store.Tx) error { // in the segment, and yet to be left out: the segment is no yes
			_, err := consent.Leave(tx, consent.Leaving{Contact: ids[0], Scope: consent.Everything, Kind: consent.Object})
			return err
		})
		a := view(t, p, func(v *store.View) (campaign.Audience, error) { return campaign.AudienceOf(v, id) })
		if a.People != 3 || a.OutTotal() != 7 || a.Out[0] != (campaign.LeftOut{Reason: campaign.NotInSegment, People: 6}) {
			t.Errorf("%+v", a)
		}
		for person, want := range map[int64]string{ids[1]: "", ids[9]: string(campaign.NotInSegment)} {
			seen := view(t, p, func(v *store.View) (campaign.Preview, error) { return campaign.PreviewFor(v, id, person, "") })
			if string(seen.Reason) != want {
				t.Errorf("the preview says %q, want %q", seen.Reason, want)
			}
		}
		p.approve(t, id)
		p.settle(t)
		p.is(t, id, "accepted 3, left_out 7")
		if row, _ := p.why(t, id, ids[9]); row.Reason != string(campaign.NotInSegment) {
			t.Errorf("%+v", row)
		}
		if p.sink.has(p.email(t, ids[0])) || p.sink.has(p.email(t, ids[9])) || !p.sink.has(p.email(t, ids[1])) {
			t.Error("somebody else got it")
		}
	})
}

func TestWhoIsInTheSegmentIsAskedWhenPeopleAreFrozenByWhatWasApproved(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := settle(t, h)
		ids := p.people(t, p.list, consent.GradeB, 10)
		id, of, attribute := p.narrow(t, ids[:4], "Lyon")
		p.approve(t, id)
		p.write(t, func(tx *store.Tx) error { // all of it after the approval
			if err := segment.Change(tx, of, 0, "Other", p.city(attribute, "Lille")); err != nil {
				return err
			}
			if err := segment.Retire(tx, of); err != nil {
				return err
			}
			if err := contact.ChangeAttribute(tx, attribute, 0, contact.Attribute{Choices: contact.Choices{"Nantes"}}); err != nil {
				return err
			}
			return contact.RetireAttribute(tx, attribute)
		})
		p.live(t, "Lille", ids[0])
		p.live(t, "Lyon", ids[8])
		p.settle(t)
		p.is(t, id, "accepted 4, left_out 6")
		if p.sink.has(p.email(t, ids[0])) || !p.sink.has(p.email(t, ids[8])) {
			t.Error("people were taken as they were at the approval")
		}
		if c := p.get(t, id); c.SegmentDefinition != p.city(attribute, "Lyon").Text() || c.SegmentAt != c.ApprovedAt {
			t.Errorf("%q %v", c.SegmentDefinition, c.SegmentAt)
		}
	})
}

// A retired segment is approved by nobody; one that asks for what it may not holds the campaign.
func TestASegmentThatMayNotBeAskedSendsToNobody(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := settle(t, h)
		ids := p.people(t, p.list, consent.GradeB, 3)
		id, of, attribute := p.narrow(t, ids[:1], "Lyon")
		approve := func() error {
			return h.Main.Write(context.Background(), p.who, func(tx *store.Tx) error { return campaign.Approve(tx, id, 0, 0, 0) })
		}
		stops := func() bool {
			return !view(t, p, func(v *store.View) (campaign.Checklist, error) { return campaign.Check(v, id) }).Ready()
		}
		p.write(t, func(tx *store.Tx) error { return segment.Retire(tx, of) })
		if err := approve(); !fault.Is(err, fault.Invalid) || fault.All(err)[0].Key != "campaign.segment.retired" || !stops() {
			t.Errorf("%v", err)
		}
		p.write(t, func(tx *store.Tx) error { return segment.Restore(tx, of) })
		declare := func(s contact.Special) {
			p.write(t, func(tx *store.Tx) error {
				return contact.ChangeAttribute(tx, attribute, 0, contact.Attribute{Choices: contact.Choices{"Lyon"}, Sensitive: contact.Declared, Special: s})
			})
		}
		declare(contact.NoSpecial)
		if err := approve(); !fault.Is(err, fault.Invalid) || fault.All(err)[0].Field != "segment" || !stops() {
			t.Errorf("%v", err)
		}
		declare(contact.ExplicitConsent)
		must(t, approve())
		declare(contact.NoSpecial)
		if err := p.engine.Settle(context.Background()); !fault.Is(err, fault.Invalid) {
			t.Error(err)
		}
		if c := p.get(t, id); c.Hold != campaign.HoldSegment || p.sink.count() != 0 {
			t.Errorf("%+v", c)
		}
		declare(contact.ExplicitConsent)
		p.settle(t)
		p.is(t, id, "accepted 1, left_out 2")
	})
}

func TestAnUndoneApprovalAndACopyKeepTheChoiceOfASegment(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := settle(t, h)
		ids := p.people(t, p.list, consent.GradeB, 3)
		id, of, attribute := p.narrow(t, ids[:1], "Lyon")
		var twin int64
		p.write(t, func(tx *store.Tx) (err error) {
			if err = campaign.Approve(tx, id, 0, 0, campaign.UndoWindow); err != nil {
				return err
			}
			if twin, err = campaign.Copy(tx, id, "Again"); err != nil {
				return err
			}
			return campaign.Undo(tx, id)
		})
		for _, c := range []campaign.Campaign{p.get(t, id), p.get(t, twin)} {
			if c.SegmentID != of || c.SegmentDefinition != "" || c.SegmentAt != 0 || c.State != campaign.Draft {
				t.Errorf("%+v", c)
			}
		}
		p.write(t, func(tx *store.Tx) error { return segment.Change(tx, of, 0, "City", p.city(attribute, "Lille")) })
		p.live(t, "Lille", ids...)
		p.approve(t, id)
		p.settle(t)
		p.is(t, id, "accepted 3")
	})
}
