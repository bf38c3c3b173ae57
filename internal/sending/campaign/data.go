// SPDX-License-Identifier: AGPL-3.0-or-later

package campaign

import "consend/internal/ground/datamap"

// Data is the room's part of the data map.
func Data() []datamap.Table {
	none := datamap.None
	sent := func(name, category string) datamap.Column {
		return datamap.Personal(name, datamap.PD{Category: category, Whose: datamap.Contacts, Purposes: []string{"sending", "accountability"},
			Basis: "GDPR 6(1)(f), 5(2)", Retention: "retention.message_log", Erasure: datamap.Delete, Export: datamap.Access, ExportName: "campaign." + name, Key: datamap.Clear})
	}
	own := func(name string) datamap.Column {
		return datamap.Personal(name, datamap.PD{Category: "sender.name", Whose: datamap.Members, Purposes: []string{"account"}, Basis: "GDPR 6(1)(f)",
			Retention: "retention.trace_staff", Erasure: datamap.Null, Export: datamap.Access, ExportName: "campaign." + name, Key: datamap.Clear})
	}
	bound := func(name string) datamap.Column { // the number of whoever was first or last
		return datamap.Personal(name, datamap.PD{Category: "pseudonym", Whose: datamap.Contacts, Purposes: []string{"sending"},
			Basis: "GDPR 6(1)(f)", Retention: "retention.message_log", Erasure: datamap.Keep, Export: datamap.NoExport, Key: datamap.Clear,
			Why: "a bound of numbers, which cuts a list in pieces; after an erasure the number leads to nobody"})
	}
	return []datamap.Table{
		{Store: datamap.Main, Name: "campaign", Account: true, Few: true, Columns: []datamap.Column{
			none("account_id", "the account"), none("id", "an id we assign"), none("name", "the account's word for it"), none("state", "one of a few words"),
			none("version", "counts changes"), none("sender_id", "an id we assign"), none("subject", "the account's words, the same for everybody"),
			none("preheader", "the account's words, the same for everybody"), none("kind", "one of a few words"), none("body", "the account's words, the same for everybody"),
			none("logo", "an address of a picture"), none("colour", "a colour"), none("language", "a language"), none("made_by", "an id we assign"),
			none("made_at", "when it was made"), none("changed_at", "when it was changed"), own("from_name"), own("from_email"), own("reply_to"),
			none("approved_by", "an id we assign"), none("approved_at", "when it was approved"), none("approval_entry", "an id we assign"),
			none("start_at", "when it may begin"), none("started_at", "when it began"), none("ended_at", "when it ended"), none("segment_id", "an id we assign"),
			none("segment_definition", "conditions over kinds of information, for everybody"), none("segment_at", "when it was approved"), bound("freeze_cursor"),
			none("frozen_at", "when all people were there"), none("frozen", "a count"), none("frozen_out", "a count"), none("holder", "a process's number"), none("holder_until", "a term"), none("hold", "one of a few words"), none("hold_at", "when it was held")}},
		{Store: datamap.Main, Name: "campaign_list", Account: true, Few: true, Columns: []datamap.Column{
			none("account_id", "the account"), none("campaign_id", "an id we assign"), none("list_id", "an id we assign"), none("minus", "left out or not")}},
		{Store: datamap.Main, Name: "recipient", Account: true, Columns: []datamap.Column{
			none("account_id", "the account"), none("campaign_id", "an id we assign"), sent("contact_id", "pseudonym"), sent("list_id", "message.sent"),
			sent("state", "message.sent"), sent("reason", "message.sent"), sent("basis", "consent.basis"), sent("grade", "consent.grade"), sent("event_id", "consent.event"),
			sent("permit_id", "message.sent"), none("batch_id", "an id we assign"), none("tries", "a count"), sent("code", "message.sent"), sent("enhanced", "message.sent"),
			none("next_at", "when to try again"), sent("ended_at", "message.sent")}},
		{Store: datamap.Main, Name: "campaign_batch", Account: true, Columns: []datamap.Column{
			none("account_id", "the account"), none("id", "an id we assign"), none("campaign_id", "an id we assign"), none("node", "a process's number"),
			none("again", "first try or another"), bound("first_contact"), bound("last_contact"), none("people", "a count"),
			none("permit_id", "an id we assign"), none("at", "when it was claimed"), none("until_at", "a term"), none("ended_at", "when it ended"),
			none("accepted", "a count"), none("deferred", "a count"), none("failed", "a count"), none("left_out", "a count"), none("in_doubt", "a count"),
			none("note_version_id", "the privacy note its messages named")}},
	}
}
