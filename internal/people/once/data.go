// SPDX-License-Identifier: AGPL-3.0-or-later

package once

import "consend/internal/ground/datamap"

// Data is the room's part of the data map.
func Data() []datamap.Table {
	none := datamap.None
	mine := func(name, category string) datamap.Column {
		return datamap.Personal(name, datamap.PD{Category: category, Whose: datamap.Contacts, Purposes: []string{"accountability"},
			Basis: "GDPR 5(2), 14", Retention: "consent_proof", Erasure: datamap.Delete, Export: datamap.Access, ExportName: "once." + name, Key: datamap.Clear})
	}
	member := datamap.Personal("made_by", datamap.PD{Category: "pseudonym", Whose: datamap.Members, Purposes: []string{"accountability"},
		Basis: "GDPR 5(2)", Retention: "consent_proof", Erasure: datamap.Keep, Export: datamap.Access, ExportName: "once_run.made_by", Key: datamap.Clear,
		Why: "who let it go stays provable"})
	return []datamap.Table{
		{Store: datamap.Main, Name: "once", Account: true, Columns: []datamap.Column{
			none("account_id", "the account"), mine("contact_id", "pseudonym"), none("list_id", "the list, or 0"), none("id", "an id we assign"),
			none("state", "one of a few words"), none("reason", "one of a few words"), none("run_id", "an id we assign"),
			none("import_id", "an id we assign"), none("campaign_id", "an id we assign"), none("message_id", "an id we assign"), none("note_version_id", "the note it names"),
			mine("language", "contact.language"), none("asked_what", "the list's public title"), none("asked_by", "the account's name"), mine("answer", "consent.state"), none("made_at", "when it was wanted"),
			mine("at", "contact.notice"), mine("answered_at", "consent.moment"), none("entry_id", "the entry in the trace"), none("entry_index", "its member")}},
		{Store: datamap.Main, Name: "once_run", Account: true, Few: true, Columns: []datamap.Column{
			none("account_id", "the account"), none("id", "an id we assign"), none("kind", "one of two words"), none("list_id", "the list"), none("import_id", "the import"),
			none("after_id", "how far it came"), none("people", "a count"), member, none("made_at", "when it was made"), none("ended_at", "when it ended"),
			none("entry_id", "the entry in the trace")}},
		{Store: datamap.Main, Name: "once_switch", Account: true, Few: true, Columns: []datamap.Column{
			none("account_id", "the account"), none("by_itself", "whether people are told by themselves"), none("at", "when it was set"), none("entry_id", "the entry in the trace")}},
	}
}
