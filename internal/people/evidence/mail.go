// SPDX-License-Identifier: AGPL-3.0-or-later

package evidence

import (
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
	for _, id := range w.Lists() {
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
			{Kind: compose.Button, Text: p.T("evidence.receipt.choices"), URL: site.Link("/p/" + token.Make(key, token.Preferences, tx.Account(), c.ID))},
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
