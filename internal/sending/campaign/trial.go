// SPDX-License-Identifier: AGPL-3.0-or-later

package campaign

import (
	"context"

	"consend/internal/gate"
	"consend/internal/ground/actor"
	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/sending/relay"
	"consend/internal/sending/template"
)

// TestTo sends a draft to members of the team, as it would look for nobody in particular or for a contact. It waits for
// the sending service. The caller traces the look at the contact.
func (e *Engine) TestTo(ctx context.Context, who actor.Actor, id, person int64, language string, members []Member) (sent int, err error) {
	var p *press
	var m template.Message
	var permit gate.Permit
	var decisions []gate.Decision
	var way relay.Relay
	var at legalclock.Moment
	err = e.db.Write(ctx, who, func(tx *store.Tx) error {
		at = tx.Now
		c, err := Get(tx, id)
		if err != nil {
			return err
		}
		if language != "" {
			c.Language = language
		}
		if p, err = prepare(tx, c); err != nil {
			return err
		}
		seen, err := PreviewFor(tx, id, person, language)
		if err != nil {
			return err
		}
		m = seen.Message
		if way, err = relay.Default(tx); err != nil {
			return err
		}
		list := make([]gate.Candidate, len(members))
		for i, t := range members {
			list[i] = gate.Candidate{Member: t.ID}
		}
		permit, decisions, err = gate.Decide(tx, gate.Batch{Class: gate.Notice, Relay: way.ID}, list)
		if err != nil {
			return err
		}
		return toldTest(tx, id, members)
	})
	if err != nil {
		return 0, err
	}
	l, err := e.relays.Lane(ctx, way.ID)
	if err != nil {
		return 0, err
	}
	defer l.Close()
	m.Subject = p.words.T("campaign.test.subject", "subject", m.Subject)
	nobody := p.nobody().Links
	for i, d := range decisions {
		if d.Reason != gate.OK {
			return sent, fault.New(fault.Conflict, "gate.reason."+string(d.Reason))
		}
		out, err := p.letter(nil, &m, members[i].Email, nobody.Unsubscribe, p.messageID(members[i].ID), "", at)
		if err != nil {
			return sent, err
		}
		if got := l.Send(permit, relay.Mail{Member: members[i].ID, From: p.from.Addr, To: out.to, Raw: out.raw}); got.Outcome != relay.Accepted {
			return sent, fault.New(fault.Busy, "campaign.test.not_sent", "code", got.Code)
		}
		sent++
	}
	return sent, nil
}
