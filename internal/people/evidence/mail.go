// SPDX-License-Identifier: AGPL-3.0-or-later

package evidence

import (
	"cmp"
	"strconv"
	"time"

	"consend/internal/ground/budget"
	"consend/internal/ground/config"
	"consend/internal/ground/fault"
	"consend/internal/ground/locale"
	"consend/internal/ground/store"
	"consend/internal/job"
	"consend/internal/keys"
	"consend/internal/mail/compose"
	"consend/internal/mail/token"
	"consend/internal/people/contact"
	"consend/internal/people/form"
	"consend/internal/people/list"
	"consend/internal/team/account"
	"consend/internal/team/member"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

// Asked is the fact that somebody who holds a receipt's link wants the whole proof; ref is the contact.
const Asked job.Kind = "evidence.asked"

// perPerson is how often a proof goes to a mailbox: whoever holds a link may ask, and only its owner gets the mail.
var perPerson = budget.Limit{Name: "evidence.person", Max: 3, Per: 24 * time.Hour}

// AskFor sends a person the whole proof of what they said (GDPR 15(3)). It goes to their mailbox and nowhere else: the
// link of a receipt is forwarded easily, and shows a masked address. Faults: contact.none, contact.ending, budget.spent.
func AskFor(tx *store.Tx, id int64) error {
	p, err := contact.Person(tx, id)
	if err != nil {
		return err
	}
	key, err := keys.Of(tx).MAC(keys.Installation, "budget")
	if err != nil {
		return err
	}
	if err := budget.Spend(tx, key, perPerson.For(strconv.FormatInt(tx.Account(), 10)+" "+strconv.FormatInt(id, 10))); err != nil {
		return err
	}
	job.Post(tx, Asked, id)
	_, err = trace.Append(tx, trace.Act{Action: "evidence.ask_for", Object: "contact", ObjectID: id, Person: p})
	return err
}

// DraftProof writes the mail that brings a person the whole proof. What they said may still wait to be sealed: then it
// is a fault of kind Busy, and the fact is tried again.
func DraftProof(tx *store.Tx, id int64) (compose.Draft, error) {
	c, err := contact.Get(tx, id)
	if gone(err) || err == nil && c.State.Ending() {
		return compose.Draft{}, fault.New(fault.Gone, "evidence.nothing")
	}
	if err != nil {
		return compose.Draft{}, err
	}
	a, err := account.Get(tx)
	if err != nil {
		return compose.Draft{}, err
	}
	lang, err := form.Speaks(tx, c.Language)
	if err != nil {
		return compose.Draft{}, err
	}
	p := locale.For(cmp.Or(lang, a.Language), a.Location())
	made, err := In(tx, c.ID, p.Lang)
	if err != nil {
		return compose.Draft{}, err
	}
	site, ok := store.Attached[*config.Site](tx)
	if !ok {
		return compose.Draft{}, fault.New(fault.Internal, "fault.internal")
	}
	return compose.Draft{
		Class: "receipt", To: compose.Mailbox{Addr: c.Email.RawWire()}, Contact: c.ID, Language: p.Lang,
		Subject: p.T("evidence.proof.subject", "account", a.Name),
		Preview: p.T("evidence.proof.preview", "account", a.Name),
		Blocks: []compose.Block{
			{Kind: compose.Heading, Text: p.T("evidence.proof.title")},
			{Kind: compose.Paragraph, Text: p.T("evidence.proof.text", "account", a.Name)},
			{Kind: compose.Button, Text: p.T("evidence.proof.check"), URL: site.Link("/verify?lang=" + p.Lang)},
			{Kind: compose.Small, Text: p.T("evidence.proof.care")},
		},
		Attached: []compose.Attachment{{Name: made.Name("json"), Type: "application/json", Body: made.Bytes}},
		Secret:   true,
	}, nil
}

// CheckpointDue is the fact that brings the daily checkpoint to an owner; ref is the member.
const CheckpointDue job.Kind = "evidence.checkpoint"

// DraftReceipt writes the mail that follows a confirmed sign-up: what was said, when, how to
// leave again, and the proof with its checkpoint, so that the person is a witness of their own
// (GDPR 7(1), 7(3)). The sign-up's yes may still wait to be sealed: then it is a fault of kind
// Busy, and the fact is tried again.
func DraftReceipt(tx *store.Tx, signup int64) (compose.Draft, error) {
	w, err := form.Look(tx, signup)
	if err != nil {
		return compose.Draft{}, err
	}
	nothing := fault.New(fault.Gone, "evidence.nothing")
	if w.ID == 0 {
		return compose.Draft{}, nothing
	}
	c, err := contact.Get(tx, w.ContactID)
	switch {
	case gone(err):
		return compose.Draft{}, nothing
	case err != nil:
		return compose.Draft{}, err
	case c.State.Ending():
		return compose.Draft{}, nothing
	}
	a, err := account.Get(tx)
	if err != nil {
		return compose.Draft{}, err
	}
	p := locale.For(w.Version.Definition.Speaks(w.Language), a.Location())
	made, err := In(tx, c.ID, p.Lang)
	if err != nil {
		return compose.Draft{}, err
	}
	var lists []string
	for _, id := range w.Kept() {
		l, err := list.Get(tx, id)
		if err != nil {
			return compose.Draft{}, err
		}
		lists = append(lists, l.Title(w.Language, p.Lang))
	}
	site, ok := store.Attached[*config.Site](tx)
	if !ok {
		return compose.Draft{}, fault.New(fault.Internal, "fault.internal")
	}
	key, err := keys.Of(tx).MAC(tx.Account(), token.Preferences.Key())
	if err != nil {
		return compose.Draft{}, err
	}
	marks, err := contact.NewMarks(tx)
	if err != nil {
		return compose.Draft{}, err
	}
	when := w.EndedAt
	if when == 0 {
		when = w.RequestedAt
	}
	return compose.Draft{
		Class: "receipt", To: compose.Mailbox{Addr: c.Email.RawWire()}, Contact: c.ID, Language: p.Lang,
		Subject: p.T("evidence.receipt.subject", "account", a.Name),
		Preview: p.T("evidence.receipt.preview"),
		Blocks: []compose.Block{
			{Kind: compose.Heading, Text: p.T("evidence.receipt.title")},
			{Kind: compose.Paragraph, Text: p.T("evidence.receipt.text", "account", a.Name, "what", p.Join(lists), "when", p.DateTime(when))},
			{Kind: compose.Button, Text: p.T("evidence.receipt.choices"), URL: site.Link("/p/" + token.Make(key, token.Preferences, tx.Account(), c.ID, marks.Of(c.Email)))},
			{Kind: compose.Small, Text: p.T("evidence.receipt.proof")},
		},
		Attached: []compose.Attachment{{Name: made.Name("json"), Type: "application/json", Body: made.Bytes}},
		Secret:   true,
	}, nil
}

// OwnersDue posts the daily checkpoint for every owner of the account.
func OwnersDue(tx *store.Tx) error {
	all, err := member.All(tx)
	for _, m := range all {
		if m.Role == member.Owner && m.State == member.Active {
			job.Post(tx, CheckpointDue, m.ID)
		}
	}
	return err
}

// DraftCheckpoint writes the daily mail that takes the log's word out of the house: whoever
// keeps it can show later that the log was only added to.
func DraftCheckpoint(tx *store.Tx, id int64) (compose.Draft, error) {
	m, err := member.Get(tx, id)
	if gone(err) || err == nil && (m.Role != member.Owner || m.State != member.Active) {
		return compose.Draft{}, fault.New(fault.Gone, "evidence.nothing")
	}
	if err != nil {
		return compose.Draft{}, err
	}
	a, err := account.Get(tx)
	if err != nil {
		return compose.Draft{}, err
	}
	prover, err := trace.ProverIn(tx)
	if err != nil {
		return compose.Draft{}, err
	}
	log, err := prover.Log()
	if err != nil {
		return compose.Draft{}, err
	}
	cp, err := proof.OpenCheckpoint([]byte(log.Checkpoint), log.Key)
	if err != nil {
		return compose.Draft{}, err
	}
	lang := m.Language
	if !locale.Known(lang) {
		lang = a.Language
	}
	p := locale.For(lang, a.Location())
	day := cp.At.Format("2006-01-02")
	return compose.Draft{
		Class: "checkpoint", To: compose.Mailbox{Name: m.Name.Raw(), Addr: m.Email.RawWire()}, Member: m.ID, Language: p.Lang,
		Subject: p.T("evidence.checkpoint.subject", "day", day),
		Preview: p.T("evidence.checkpoint.preview"),
		Blocks: []compose.Block{
			{Kind: compose.Heading, Text: p.T("evidence.checkpoint.title")},
			{Kind: compose.Paragraph, Text: p.T("evidence.checkpoint.text", "entries", cp.Size)},
			{Kind: compose.Code, Text: log.Checkpoint},
			{Kind: compose.Small, Text: p.T("evidence.checkpoint.key", "fingerprint", proof.Fingerprint(log.Key))},
		},
		Attached: []compose.Attachment{{Name: "consend-" + day + ".checkpoint", Type: "text/plain", Body: []byte(log.Checkpoint)}},
	}, nil
}
