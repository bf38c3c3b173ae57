// SPDX-License-Identifier: AGPL-3.0-or-later

package contact

import "consend/internal/ground/datamap"

// Data is the room's part of the data map.
func Data() []datamap.Table {
	none := datamap.None
	pd := func(name, category, export string, erasure datamap.Erasure, kind datamap.Key) datamap.Column {
		return datamap.Personal(name, datamap.PD{Category: category, Whose: datamap.Contacts, Purposes: []string{"mailing"},
			Basis: "GDPR 6(1)(a), (b) or (f), as the ledger says", Retention: "prospect", Erasure: erasure,
			Export: datamap.Portable, ExportName: export, Key: kind})
	}
	mine := func(name, category string) datamap.Column {
		return pd(name, category, name, datamap.Delete, datamap.Clear)
	}
	inner := func(name, category, why string, kind datamap.Key) datamap.Column {
		return datamap.Personal(name, datamap.PD{Category: category, Whose: datamap.Contacts, Purposes: []string{"mailing", "accountability"},
			Basis: "GDPR 5(2), 21(3)", Retention: "prospect", Erasure: datamap.Delete, Export: datamap.NoExport, Why: why, Key: kind})
	}
	return []datamap.Table{
		{Store: datamap.Main, Name: "attribute", Account: true, Few: true, Columns: []datamap.Column{
			none("account_id", "the account"), none("id", "an id we assign"), none("name", "a kind of information, never a value"),
			none("type", "one of a few words"), none("choices", "what can be chosen, the same for everybody"),
			none("purpose", "why the account keeps it"), none("sensitive", "whether it looks like data of GDPR 9"),
			none("several", "whether several choices may stand"), none("label", "how people see it"), none("keep_days", "how long a value is kept"),
			none("keep_since", "when that limit was set or shortened"),
			none("special", "the part of GDPR 9(2) the account rests on"), none("version", "counts changes"),
			none("created_at", "when it was made"), none("retired_at", "when it was retired"), none("entry_id", "the entry in the trace")}},
		{Store: datamap.Main, Name: "contact", Account: true, Columns: []datamap.Column{
			none("account_id", "the account"),
			mine("id", "pseudonym"), mine("email", "contact.email"),
			inner("email_norm", "contact.email", "the address again, folded to find it; email gives it", datamap.Clear),
			inner("fp", "contact.fingerprint", "a keyed hash of the address; email gives it", datamap.Hashed),
			mine("name", "contact.name"), mine("attributes", "contact.attributes"),
			mine("language", "contact.language"), mine("country", "contact.country"), mine("state", "contact.state"), mine("age", "contact.age"),
			inner("salt", "trace.salt", "random; it opens the person's commitments, each proof shows its own", datamap.Clear),
			none("key_sheet", "where the person's key lies"), none("key_slot", "where the person's key lies"),
			mine("source", "contact.source"), mine("notice_due_at", "contact.notice"),
			none("entry_id", "the entry in the trace"), none("entry_index", "its member"), none("version", "counts changes"),
			mine("created_at", "contact.created"), mine("updated_at", "contact.updated"), mine("active_at", "contact.activity"),
			mine("paused_until", "contact.pace"), mine("pace", "contact.pace"), mine("merged_into", "pseudonym")}},
		{Store: datamap.Main, Name: "attribute_noted", Account: true, Columns: []datamap.Column{
			none("account_id", "the account"),
			pd("contact_id", "pseudonym", "noted.contact", datamap.Delete, datamap.Clear),
			pd("name", "contact.noted", "noted.name", datamap.Delete, datamap.Clear),
			pd("noted_at", "contact.noted", "noted.at", datamap.Delete, datamap.Clear)}},
		{Store: datamap.Main, Name: "attribute_was", Account: true, Columns: []datamap.Column{
			none("account_id", "the account"),
			pd("contact_id", "pseudonym", "was.contact", datamap.Delete, datamap.Clear), none("entry_id", "the entry in the trace"),
			pd("name", "contact.noted", "was.name", datamap.Delete, datamap.Clear),
			pd("sealed", "contact.attributes", "was.values", datamap.Delete, datamap.SubjectKey),
			pd("noted_at", "contact.noted", "was.noted_at", datamap.Delete, datamap.Clear)}},
		{Store: datamap.Main, Name: "key_end", Account: true, Few: true, Columns: []datamap.Column{
			none("account_id", "the account"), none("sheet", "where a key of somebody who is gone lies"),
			none("slot", "where a key of somebody who is gone lies"), none("at", "when they went")}},
		{Store: datamap.Main, Name: "contact_activity", Account: true, Columns: []datamap.Column{
			none("account_id", "the account"),
			pd("contact_id", "pseudonym", "activity.contact", datamap.Delete, datamap.Clear),
			pd("kind", "contact.activity", "activity.kind", datamap.Delete, datamap.Clear),
			pd("first_at", "contact.activity", "activity.first", datamap.Delete, datamap.Clear),
			pd("last_at", "contact.activity", "activity.last", datamap.Delete, datamap.Clear),
			pd("times", "contact.activity", "activity.times", datamap.Delete, datamap.Clear)}},
	}
}
