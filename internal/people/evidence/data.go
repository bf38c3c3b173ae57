// SPDX-License-Identifier: AGPL-3.0-or-later

package evidence

import "consend/internal/ground/datamap"

// Data is the room's part of the data map. The bundle itself is a blob and stands there: a copy
// of people's data with an end of its own.
func Data() []datamap.Table {
	none := datamap.None
	brought := func(name, category, as string) datamap.Column {
		return datamap.Personal(name, datamap.PD{Category: category, Whose: datamap.Contacts, Purposes: []string{"accountability"}, Basis: "GDPR 7(1), 5(2)",
			Retention: "consent_proof", Erasure: datamap.Delete, Export: datamap.Access, ExportName: "evidence." + as, Key: datamap.Clear})
	}
	return []datamap.Table{
		{Store: datamap.Main, Name: "event_evidence", Account: true, Columns: []datamap.Column{
			none("account_id", "the account"), none("id", "an id we assign"), brought("contact_id", "pseudonym", "contact"), none("event_id", "the event"),
			brought("list_id", "consent.list", "list"), none("blob_id", "where the file lies"), brought("name", "file.name", "name"), none("type", "kind of file"),
			none("size", "of the file"), brought("sha256", "file.hash", "sha256"),
			datamap.Personal("made_by", datamap.PD{Category: "pseudonym", Whose: datamap.Members, Purposes: []string{"accountability"},
				Basis: "GDPR 5(2), 7(1)", Retention: "consent_proof", Erasure: datamap.Keep, Export: datamap.Access, ExportName: "evidence.made_by",
				Key: datamap.Clear, Why: "who brought the evidence stays provable"}),
			brought("made_at", "consent.moment", "made_at"), none("ends_at", "when the file is destroyed"), none("entry_id", "the entry in the trace")}},
		{Store: datamap.Main, Name: "proof_export", Account: true, Few: true, Columns: []datamap.Column{
			none("account_id", "the account"), none("id", "an id we assign"), none("question", "list, purpose and period"), none("parts", "where the pieces lie"),
			none("last", "how far the work is: it goes with the export within days"), none("people", "how many people are in it"),
			none("blob_id", "where the bundle lies"), none("size", "of the bundle"), none("sha256", "of a file of many people"), none("task_id", "the long work"),
			datamap.Personal("made_by", datamap.PD{Category: "pseudonym", Whose: datamap.Members, Purposes: []string{"accountability"},
				Basis: "GDPR 5(2)", Retention: "retention.export", Erasure: datamap.Keep, Export: datamap.Access, ExportName: "proof_export.made_by",
				Key: datamap.Clear, Why: "who took people's data out stays known as long as the copy is there"}),
			none("made_at", "when it was asked for"), none("ended_at", "when it was whole"), none("ends_at", "when it goes")}},
	}
}
