// SPDX-License-Identifier: AGPL-3.0-or-later

package public

import (
	"fmt"
	"net/http"

	"consend/internal/ground/fault"
	"consend/internal/ground/store"
	"consend/internal/mail/token"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/evidence"
	"consend/internal/people/list"
	"consend/internal/people/move"
	"consend/internal/people/notice"
	"consend/internal/web/shell"
)

// receipt is what a person can see of one yes of theirs. The address is masked: a receipt is
// forwarded easily (compliance L18).
type receipt struct {
	facts []shell.Fact
	words titled
}

func (p *Pages) receipt(r *shell.Request) error {
	_, out, err := p.agreed(r)
	if err != nil {
		return err
	}
	return r.Render(ok, receiptPage(r, out))
}

// receiptPost sends the person the whole proof, with what was said since (GDPR 7(1), 15(3)). Unlike the page it holds
// the full address: so it goes to the mailbox it is about, whoever presses the button.
func (p *Pages) receiptPost(r *shell.Request) error {
	person, _, err := p.agreed(r)
	if err != nil {
		return err
	}
	err = p.write(r, func(tx *store.Tx) error { return evidence.AskFor(tx, person) })
	if fault.Is(err, fault.Busy) {
		return say(r, http.StatusTooManyRequests, word{Title: r.P.T("public.receipt.title"), Text: r.P.T("public.receipt.proof.often", "account", r.Brand.Name), Tone: shell.Waiting})
	}
	if err != nil {
		return err
	}
	return say(r, ok, word{Title: r.P.T("public.receipt.sent"), Text: r.P.T("public.receipt.sent.text", "account", r.Brand.Name), Tone: shell.Good})
}

// agreed gives the person a link of a receipt names, and the receipt.
func (p *Pages) agreed(r *shell.Request) (person int64, out receipt, err error) {
	t, err := p.link(r, "receipt", token.Receipt, 2)
	if err != nil {
		return 0, out, err
	}
	person, event := t.Objects[0], t.Objects[1]
	err = p.view(r, func(v *store.View) error {
		c, err := contact.Get(v, person)
		if err != nil || c.State.Ending() {
			return badLink()
		}
		read, err := speakTo(r, v, c.Language)
		if err != nil {
			return err
		}
		events, err := consent.Events(v, person)
		if err != nil {
			return err
		}
		for i := range events {
			if events[i].ID == event {
				out, err = p.told(r, v, c, events[i], events, read)
				return err
			}
		}
		return badLink()
	})
	return person, out, err
}

func (p *Pages) told(r *shell.Request, v *store.View, c contact.Contact, e consent.Record, events []consent.Record, read []string) (receipt, error) {
	l, err := list.Get(v, e.ListID)
	if err != nil {
		return receipt{}, err
	}
	request := e
	for _, x := range events {
		if x.ID == e.RequestEvent {
			request = x
		}
	}
	moved, err := move.Last(v, []int64{c.ID})
	if err != nil {
		return receipt{}, err
	}
	of := c.Email.String()
	if e.RecordedAt <= moved[c.ID] { // said in another mailbox, which may be the one that reads this
		of = r.P.T("public.receipt.before")
	}
	out := receipt{facts: []shell.Fact{
		{Label: r.P.T("public.receipt.address"), Text: of},
		{Label: r.P.T("public.receipt.what"), Value: inLanguage(listTitle(r, l, read))},
		{Label: r.P.T("public.receipt.asked"), Text: r.P.DateTime(request.OccurredAt)},
	}}
	if e.ConfirmedAt != 0 {
		out.facts = append(out.facts, shell.Fact{Label: r.P.T("public.receipt.confirmed"), Text: r.P.DateTime(e.ConfirmedAt)})
	}
	if e.NoteVersionID != 0 {
		n, err := notice.Get(v, e.NoteVersionID)
		if err != nil {
			return out, err
		}
		out.facts = append(out.facts, shell.Fact{Label: r.P.T("public.receipt.note"),
			Value: shell.A(fmt.Sprintf("/privacy/%d/%d/%d?lang=%s", r.Account, n.NoticeID, n.Number, r.P.Lang), r.P.T("public.note.version", "number", n.Number, "when", r.P.Date(n.PublishedAt)))})
	}
	words, err := consent.Words(v, request.TextSHA256)
	out.words = titled{words, foreign(r, request.Language)}
	return out, err
}
