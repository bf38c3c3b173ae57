// SPDX-License-Identifier: AGPL-3.0-or-later

package gate

import (
	"errors"

	"consend/internal/ground/datamap"
	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
)

// Given is a permit's row: what a batch rested on. It answers "why was this sent?".
type Given struct {
	ID               int64
	At               legalclock.Moment
	UntilAt          legalclock.Moment
	Class            Class
	CampaignID       int64
	RelayID          int64
	ProcessorID      int64
	ProcessorVersion int64
	DPA              string `db:"dpa"`
	Transfer         string
	Documents        string
	Rulepack         string
	People           int64
	LeftOut          int64
	EntryID          int64
}

// Get finds a permit's row.
func Get(r store.Reader, id int64) (Given, error) {
	g, err := store.One[Given](r, getPermit, id)
	if errors.Is(err, store.ErrNone) {
		return g, fault.New(fault.NotFound, "gate.not_found")
	}
	return g, err
}

// Hold tells what holds mail of a class through a relay now, "" when nothing does: for a page
// that says so before somebody waits for it. It doesn't ask whether a campaign was approved.
func Hold(r store.Reader, class Class, relay int64) (Reason, error) {
	f, err := factsOf(r, Batch{Class: class, Relay: relay, Approval: 1})
	return f.hold, err
}

// Data is the room's part of the data map.
func Data() []datamap.Table {
	none := datamap.None
	return []datamap.Table{{Store: datamap.Main, Name: "permit", Account: true, AppendOnly: true, Columns: []datamap.Column{
		none("account_id", "the account"), none("id", "an id we assign"), none("at", "when it was decided"), none("until_at", "when it ends"),
		none("class", "one of a few words"), none("campaign_id", "an id we assign"), none("relay_id", "an id we assign"),
		none("processor_id", "an id we assign"), none("processor_version", "counts changes"), none("dpa", "kind and dates of an agreement"),
		none("transfer", "mechanism and country"), none("documents", "what binds account and operator"), none("rulepack", "version of the rules"),
		none("people", "a count"), none("left_out", "a count"), none("entry_id", "an id we assign"),
	}}}
}
