// SPDX-License-Identifier: AGPL-3.0-or-later

package app

import (
	"context"
	"errors"
	"maps"
	"time"

	"consend/internal/ground/actor"
	"consend/internal/ground/blob"
	"consend/internal/ground/budget"
	"consend/internal/ground/store"
	"consend/internal/job"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/evidence"
	"consend/internal/people/form"
	"consend/internal/people/importer"
	"consend/internal/people/move"
	"consend/internal/people/once"
	"consend/internal/people/refusal"
	"consend/internal/sending/message"
	"consend/internal/sending/relay"
	"consend/internal/sending/transactional"
	"consend/internal/team/access"
	"consend/internal/team/account"
	"consend/internal/team/member"
)

// letters says which fact asks for which mail: here the names of rooms below meet those above.
func letters() map[job.Kind]transactional.Compose {
	return map[job.Kind]transactional.Compose{
		form.Requested:         form.DraftConfirmation,
		form.Reminded:          form.DraftReminder,
		form.Confirmed:         evidence.DraftReceipt,
		evidence.Asked:         evidence.DraftProof,
		evidence.CheckpointDue: evidence.DraftCheckpoint,
		member.InvitedFact:     access.DraftInvitation,
		access.RecoverFact:     access.DraftRecovery,
		member.ChangedFact:     access.DraftChanged,
		importer.Remind:        importer.DraftReminder,
		move.AskedOld:          move.DraftOld,
		move.AskedNew:          move.DraftNew,
		once.TellMail:          once.DraftTell,
		once.AskMail:           once.DraftAsk,
	}
}

// endings says who hears what became of a service mail.
func endings() map[job.Kind]func(tx *store.Tx, m message.Message) error {
	said := func(tx *store.Tx, m message.Message) error {
		states := map[message.State]once.State{message.Accepted: once.Done, message.LeftOut: once.LeftOut, message.Failed: once.Failed, message.Uncertain: once.Doubt}
		return once.Ended(tx, m.Ref, m.ID, states[m.State], m.Reason)
	}
	return map[job.Kind]func(tx *store.Tx, m message.Message) error{once.TellMail: said, once.AskMail: said}
}

// facts says what follows from what.
func (h *House) facts() map[job.Kind]job.OnFact {
	all := map[job.Kind]job.OnFact{}
	maps.Copy(all, h.Service.Facts())
	all[refusal.Noted] = h.Ledger.Carry
	return all
}

// works is the long work of the rooms.
func (h *House) works() map[job.Kind]job.Work {
	return map[job.Kind]job.Work{
		importer.RunKind:      importer.Work,
		importer.ForecastKind: importer.ForecastWork,
		importer.ReleaseKind:  importer.ReleaseWork,
		importer.UndoKind:     importer.UndoWork,
		evidence.ExportKind:   evidence.Work,
		once.RunKind:          once.Work,
	}
}

// periodics is what the installation does by itself.
func (h *House) periodics() []job.Periodic {
	return []job.Periodic{
		{Kind: "form.sweep", Every: time.Hour, Do: func(ctx context.Context) error { return form.Sweep(ctx, h.Main) }},
		{Kind: "form.remind", Every: time.Hour, Do: func(ctx context.Context) error { return form.Remind(ctx, h.Main) }},
		{Kind: "form.looks", Every: time.Hour, Do: h.keepLooks},
		{Kind: "move.expire", Every: time.Hour, Do: func(ctx context.Context) error { return move.Expire(ctx, h.Main) }},
		{Kind: "importer.daily", Every: time.Hour, Do: importer.Daily(h.Main)},
		{Kind: "once.pace", Every: time.Minute, Do: once.Pace(h.Main)},
		{Kind: "once.daily", Every: time.Hour, Do: once.Daily(h.Main)},
		{Kind: "message.sweep", Every: time.Hour, Do: message.Sweep(h.Main)},
		{Kind: "relay.sweep", Every: time.Hour, Do: relay.Sweep(h.Main)},
		{Kind: "access.sweep", Every: time.Hour, Do: h.Desk.Sweep},
		{Kind: "blob.sweep", Every: time.Hour, Do: func(ctx context.Context) error { return blob.Sweep(ctx, h.Main) }},
		{Kind: "budget.sweep", Every: time.Hour, Do: func(ctx context.Context) error { return budget.Sweep(ctx, h.Main) }},
		{Kind: "store.tidy", Every: time.Hour, Do: h.Tidy},
		{Kind: "evidence.sweep", Every: time.Hour, Do: func(ctx context.Context) error {
			return errors.Join(evidence.Sweep(ctx, h.Main), evidence.SweepAttached(ctx, h.Main))
		}},
		{Kind: "evidence.daily", Every: 24 * time.Hour, Do: h.checkpointsDue},
		{Kind: "contact.keep", Every: 24 * time.Hour, Do: func(ctx context.Context) error { return contact.EndValues(ctx, h.Main) }},
		{Kind: "consent.term", Every: 24 * time.Hour, Do: func(ctx context.Context) error { return consent.EndSoftOptIn(ctx, h.Main) }},
		{Kind: "consent.origin", Every: 24 * time.Hour, Do: func(ctx context.Context) error { return consent.ShortenOrigins(ctx, h.Main) }},
		{Kind: "keys.sweep", Every: 24 * time.Hour, Do: h.sweepKeys},
	}
}

// Tidy takes what was deleted out of the stores' logs.
func (h *House) Tidy(ctx context.Context) error {
	return errors.Join(h.Main.Tidy(ctx), h.Keys.Tidy(ctx), h.Archive.Tidy(ctx))
}

// checkpointsDue sends the log's word out of the house, to every owner, once a day.
func (h *House) checkpointsDue(ctx context.Context) error {
	return h.eachAccount(ctx, func(id int64) error {
		return h.Main.Write(ctx, actor.Worker("evidence.daily", id), evidence.OwnersDue)
	})
}

// keepLooks keeps how the forms of every account look now.
func (h *House) keepLooks(ctx context.Context) error {
	return h.eachAccount(ctx, func(id int64) error {
		return h.Main.Write(ctx, actor.Worker("form.looks", id), form.KeepLooks)
	})
}

// sweepKeys destroys the keys that were made ahead and that nobody leans on.
func (h *House) sweepKeys(ctx context.Context) error {
	return h.eachAccount(ctx, func(id int64) error {
		_, err := h.Ring.Sweep(ctx, id, func(sheet int64) (slots []int, err error) {
			err = h.Main.View(ctx, actor.Worker("keys.sweep", id), func(v *store.View) error {
				slots, err = contact.Named(v, sheet)
				return err
			})
			return slots, err
		})
		return err
	})
}

// eachAccount does something for every account of the installation, one after the other.
func (h *House) eachAccount(ctx context.Context, f func(id int64) error) error {
	for last := int64(0); ; {
		var page []account.Name
		err := h.Main.View(ctx, actor.System("accounts"), func(v *store.View) (err error) {
			page, err = account.Page(v, last)
			return err
		})
		if err != nil || len(page) == 0 {
			return err
		}
		for _, a := range page {
			if err := f(a.ID); err != nil {
				return err
			}
			last = a.ID
		}
	}
}
