// SPDX-License-Identifier: AGPL-3.0-or-later

// Package app puts the house together; it is the only room that knows all others.
package app

import (
	"slices"

	"consend/internal/chain/legal"
	"consend/internal/chain/processor"
	"consend/internal/gate"
	"consend/internal/ground/blob"
	"consend/internal/ground/budget"
	"consend/internal/ground/datamap"
	"consend/internal/ground/rulepack"
	"consend/internal/ground/store"
	"consend/internal/job"
	"consend/internal/keys"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/evidence"
	"consend/internal/people/form"
	"consend/internal/people/importer"
	"consend/internal/people/list"
	"consend/internal/people/move"
	"consend/internal/people/notice"
	"consend/internal/people/once"
	"consend/internal/people/refusal"
	"consend/internal/people/segment"
	"consend/internal/sending/campaign"
	"consend/internal/sending/message"
	"consend/internal/sending/relay"
	"consend/internal/sending/sender"
	"consend/internal/team/account"
	"consend/internal/team/apikey"
	"consend/internal/team/login"
	"consend/internal/team/member"
	"consend/internal/trace"
)

// DataMap is every column of the three stores, as its rooms declare them.
func DataMap() datamap.Map {
	return slices.Concat(
		store.Data(),
		blob.Data(),
		budget.Data(),
		job.Data(),
		keys.Data(),
		trace.Data(),
		rulepack.Data(),
		refusal.Data(),
		contact.Data(),
		list.Data(),
		segment.Data(),
		consent.Data(),
		notice.Data(),
		form.Data(),
		move.Data(),
		importer.Data(),
		once.Data(),
		evidence.Data(),
		account.Data(),
		login.Data(),
		member.Data(),
		apikey.Data(),
		processor.Data(),
		legal.Data(),
		gate.Data(),
		relay.Data(),
		message.Data(),
		sender.Data(),
		campaign.Data(),
	)
}

// Stores says how a store of ours is opened, but for its URL and clock.
func Stores(kind datamap.Store) store.Options {
	o := store.Options{Kind: kind, Map: DataMap()}
	if kind == datamap.Main {
		o.Steps = job.Steps
	}
	return o
}
