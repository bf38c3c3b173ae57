// SPDX-License-Identifier: AGPL-3.0-or-later

package transactional

import (
	"context"
	"time"

	"consend/internal/gate"
	"consend/internal/ground/actor"
	"consend/internal/ground/config"
	"consend/internal/ground/fault"
	"consend/internal/ground/locale"
	"consend/internal/ground/store"
	"consend/internal/keys"
	"consend/internal/mail/compose"
	"consend/internal/mail/token"
	"consend/internal/sending/message"
	"consend/internal/sending/relay"
	"consend/internal/team/account"
	"consend/internal/team/member"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

// tryFor bounds a try: somebody looks at the page.
const tryFor = 25 * time.Second

// Try sends one mail to the member who asks, through a sending service, at once: to see that
// it works. It passes the gate like any other (INV-07), and isn't tried again.
func (s *Sender) Try(ctx context.Context, who actor.Actor, through int64) (relay.Result, error) {
	if who.Kind != actor.Member {
		return relay.Result{}, fault.New(fault.Forbidden, "relay.try_member")
	}
	b := batch{account: who.Account}
	var one ready
	var held gate.Reason
	err := s.db.Write(ctx, who, func(tx *store.Tx) (err error) {
		if b.sender, err = account.Get(tx); err != nil {
			return err
		}
		if b.relay, err = relay.Get(tx, through); err != nil {
			return err
		}
		if site, ok := store.Attached[*config.Site](tx); ok {
			b.site = *site
		}
		if b.key, err = keys.Of(tx).MAC(b.account, token.Service.Key()); err != nil {
			return err
		}
		m, err := member.Get(tx, who.ID)
		if err != nil {
			return err
		}
		one = ready{Message: message.Message{ID: tx.ID(), MemberID: m.ID, MadeAt: tx.Now}, draft: tryDraft(m, who.Language, b)}
		var out []gate.Decision
		one.permit, out, err = gate.Decide(tx, gate.Batch{Class: gate.Notice, Relay: through}, []gate.Candidate{{Member: m.ID}})
		if err != nil {
			return err
		}
		held = out[0].Reason
		_, err = trace.Append(tx, trace.Act{Action: "relay.try", Object: "relay", ObjectID: through, Person: m.Person(), Clear: proof.Fields{"held": string(held)}})
		return err
	})
	if err != nil {
		return relay.Result{}, err
	}
	if held != gate.OK {
		return relay.Result{Outcome: relay.LeftOut, Reason: held}, nil
	}
	ctx, stop := context.WithTimeout(ctx, tryFor)
	defer stop()
	l, err := s.relays.Lane(ctx, through)
	if err != nil {
		return relay.Result{}, err
	}
	defer l.Close()
	return s.one(b, l, one), nil
}

func tryDraft(m member.Member, asked string, b batch) compose.Draft {
	lang := m.Language
	if lang == "" {
		lang = asked
	}
	p := locale.For(lang, b.sender.Location())
	name := b.relay.Name
	if b.relay.Kind == relay.Mailbox {
		name = p.T("transactional.try.mailbox")
	}
	return compose.Draft{Class: string(gate.Notice), To: compose.Mailbox{Name: m.Name.Raw(), Addr: m.Email.RawWire()}, Member: m.ID, Language: p.Lang,
		Subject: p.T("transactional.try.subject", "relay", name), Preview: p.T("transactional.try.text"),
		Blocks: []compose.Block{{Kind: compose.Heading, Text: p.T("transactional.try.title")}, {Kind: compose.Paragraph, Text: p.T("transactional.try.text")},
			{Kind: compose.Small, Text: p.T("transactional.try.small", "relay", name)}}}
}
