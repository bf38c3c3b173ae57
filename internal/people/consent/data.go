// SPDX-License-Identifier: AGPL-3.0-or-later

package consent

import "consend/internal/ground/datamap"

// Data is the room's part of the data map.
func Data() []datamap.Table {
	none := datamap.None
	column := func(basis, retention, prefix string, erasure datamap.Erasure, why string) func(name, category string) datamap.Column {
		return func(name, category string) datamap.Column {
			return datamap.Personal(name, datamap.PD{Category: category, Whose: datamap.Contacts, Purposes: []string{"accountability"},
				Basis: basis, Retention: retention, Erasure: erasure, Export: datamap.Access, ExportName: prefix + "." + name,
				Key: datamap.Clear, Why: why})
		}
	}
	// The ledger is the proof of consent (GDPR 7(1)). Erasing moves what must still be
	// proved into the archive, under its own end, and deletes it here.
	said := column("GDPR 7(1), 5(2)", "prospect", "consent", datamap.Delete, "")
	stands := column("GDPR 6(1)(a), (b) or (f), as the ledger says", "prospect", "subscription", datamap.Delete, "")
	from := column("GDPR 7(1), 5(2)", "ip", "consent.origin", datamap.Delete, "")
	no := column("GDPR 21(3), 6(1)(c)", "suppression", "suppression", datamap.Keep,
		"so that a no outlives the contact (GDPR 21(3)); of the address only a keyed hash is kept")
	sealed := func(name, category, export string) datamap.Column {
		return datamap.Personal(name, datamap.PD{Category: category, Whose: datamap.Contacts, Purposes: []string{"accountability"},
			Basis: "GDPR 7(1), 5(2)", Retention: "ip", Erasure: datamap.Shred, Export: datamap.Access, ExportName: export, Key: datamap.SubjectKey})
	}
	fp := datamap.Personal("fp", datamap.PD{Category: "contact.fingerprint", Whose: datamap.Contacts, Purposes: []string{"suppression"},
		Basis: "GDPR 21(3), 6(1)(c)", Retention: "suppression", Erasure: datamap.Keep, Export: datamap.NoExport,
		Why: "a keyed hash that finds the address on the do-not-mail list; it reads as nothing", Key: datamap.Hashed})
	return []datamap.Table{
		{Store: datamap.Main, Name: "consent_event", Account: true, AppendOnly: true, Columns: []datamap.Column{
			none("account_id", "the account"), said("contact_id", "pseudonym"), said("list_id", "consent.list"), none("seq", "order of the events"),
			none("id", "an id we assign"), said("kind", "consent.event"), said("verdict", "consent.event"), said("state", "consent.state"),
			said("basis", "consent.basis"), said("basis_ref", "consent.basis"), said("basis_family", "consent.basis"),
			said("optout_offered", "consent.basis"), said("grade", "consent.grade"), said("lacks", "consent.grade"), said("source", "consent.source"), said("method", "consent.source"),
			said("occurred_at", "consent.moment"), said("recorded_at", "consent.moment"), said("confirmed_at", "consent.moment"),
			none("request_event", "the event it confirms"), none("form_version_id", "the form as shown"), none("note_version_id", "the privacy note as shown"),
			none("text_sha256", "hash of words shown to all"), none("note_sha256", "hash of words shown to all"),
			none("evidence_sha256", "hash of a file"),
			said("language", "consent.language"), said("page", "consent.source"), none("import_id", "the import"), said("import_row", "consent.source"),
			datamap.Personal("declared_by", datamap.PD{Category: "pseudonym", Whose: datamap.Members, Purposes: []string{"accountability"},
				Basis: "GDPR 7(1), 5(2)", Retention: "prospect", Erasure: datamap.Keep, Export: datamap.Access, ExportName: "consent.declared_by",
				Key: datamap.Clear, Why: "whose word it was stays provable as long as it is leaned on"}),
			none("evidence_id", "the file of evidence"), none("actor_kind", "the kind of actor"),
			datamap.Personal("actor_id", datamap.PD{Category: "pseudonym", Whose: datamap.Members, Purposes: []string{"accountability"},
				Basis: "GDPR 5(2)", Retention: "prospect", Erasure: datamap.Keep, Export: datamap.Access, ExportName: "consent.actor",
				Key: datamap.Clear, Why: "who recorded it stays provable as long as it is leaned on"}),
			none("entry_id", "the entry in the trace"), none("entry_index", "its member")}},
		{Store: datamap.Main, Name: "consent_origin", Account: true, Columns: []datamap.Column{
			none("account_id", "the account"), from("contact_id", "pseudonym"), none("event_id", "the event"),
			sealed("ip_ct", "network.ip", "consent.origin.ip"), from("ip_network", "network.ip"), from("ip_source", "network.source"),
			sealed("ua_ct", "network.agent", "consent.origin.agent"), from("recorded_at", "consent.moment"),
			none("shortened_at", "when the address was shortened to its network")}},
		{Store: datamap.Main, Name: "consent_text", Account: true, AppendOnly: true, Few: true, Columns: []datamap.Column{
			none("account_id", "the account"), none("sha256", "hash of the words"), none("body", "words shown to all alike"),
			none("created_at", "when they were first shown")}},
		{Store: datamap.Main, Name: "subscription", Account: true, Columns: []datamap.Column{
			none("account_id", "the account"), stands("list_id", "consent.list"), stands("contact_id", "pseudonym"), stands("state", "consent.state"),
			stands("basis", "consent.basis"), stands("grade", "consent.grade"), stands("said", "consent.state"), stands("said_at", "consent.moment"),
			none("seq", "order of the events"), none("event_id", "the event it rests on"), stands("since", "consent.moment")}},
		{Store: datamap.Main, Name: "suppression", Account: true, Columns: []datamap.Column{
			none("account_id", "the account"), fp, no("scope", "suppression.scope"), no("scope_id", "suppression.scope"), no("reason", "suppression.reason"),
			no("since", "suppression.moment"), no("contact_id", "pseudonym"), none("entry_id", "the entry in the trace")}},
		{Store: datamap.Main, Name: "foreign_refusal", Account: true, Columns: []datamap.Column{
			none("account_id", "the account"), none("kind", "one of three ways to hash"),
			datamap.Personal("hash", datamap.PD{Category: "contact.fingerprint", Whose: datamap.Contacts, Purposes: []string{"suppression"},
				Basis: "GDPR 21(3), 6(1)(c)", Retention: "suppression", Erasure: datamap.Keep, Export: datamap.NoExport,
				Why: "another tool's hash of an address that must not be written to; no key of ours protects it, so it is shown nowhere", Key: datamap.Hashed}),
			no("scope", "suppression.scope"), no("scope_id", "suppression.scope"), no("reason", "suppression.reason"), no("since", "suppression.moment"),
			none("import_id", "the import that told it"), none("entry_id", "the entry in the trace")}},
	}
}
