// SPDX-License-Identifier: AGPL-3.0-or-later

package importer

import "consend/internal/ground/datamap"

// Data is the room's part of the data map. The file itself is a blob and stands there.
func Data() []datamap.Table {
	none := datamap.None
	member := func(name, why string) datamap.Column {
		return datamap.Personal(name, datamap.PD{Category: "pseudonym", Whose: datamap.Members, Purposes: []string{"accountability"},
			Basis: "GDPR 6(1)(c), 5(2), 7(1)", Retention: "consent_proof", Erasure: datamap.Keep, Export: datamap.Access, ExportName: "import." + name,
			Key: datamap.Clear, Why: why})
	}
	title := func(name, export string) datamap.Column { // a file's name may name a person
		return datamap.Personal(name, datamap.PD{Category: "file.name", Whose: datamap.Contacts, Purposes: []string{"accountability"},
			Basis: "GDPR 7(1)", Retention: "consent_proof", Erasure: datamap.Keep, Export: datamap.NoExport, Key: datamap.Clear,
			Why: export})
	}
	return []datamap.Table{
		{Store: datamap.Main, Name: "import", Account: true, Few: true, Columns: []datamap.Column{
			none("account_id", "the account"), none("id", "an id we assign"), none("state", "one of a few words"),
			title("name", "the name a member gave a file of many people; proofs name the file by it"),
			none("blob_id", "where the file lies"), none("size", "of the file"), none("sha256", "of a file of many people"),
			none("format", "how the file is written"), none("survey", "names of columns and how many rows"), none("shape", "the tool it came from"),
			none("mapping", "what columns mean"), none("origin", "where the people come from, the same for all"), none("options", "choices of the import"),
			none("list_id", "the list"), none("evidence_id", "the file of evidence"),
			member("declared_by", "whose word stands for the rows stays provable"), none("declared_at", "when the word was given"),
			none("cursor", "how far the file was read"), none("counts", "totals"), none("fault", "the key of a sentence"),
			none("waits_until", "when waiting rows are deleted"), none("reminded", "a day counted from the end"), none("task_id", "the long work"),
			member("made_by", "who brought the file stays provable"), none("made_at", "when it was made"), none("started_at", "when it started"),
			none("ended_at", "when it ended"), none("file_ends_at", "when the file is destroyed"), none("fence", "counts writers"),
			none("version", "counts changes"), none("entry_id", "the entry in the trace"),
			none("undo_task_id", "the long work that takes it back"), none("undo_after", "how far that came"), none("undone_at", "when it was taken back"),
			none("forecast", "counts, and lines of the file by number"),
			member("releases", "whose word stands for the rows that waited stays provable; where they come from is the same for all of them")}},
		{Store: datamap.Main, Name: "import_note", Account: true, Columns: []datamap.Column{
			none("account_id", "the account"), none("import_id", "the import"), none("seq", "order"), none("line", "a line of the file"),
			none("kind", "one of a few words"), none("reason", "the key of a sentence"), none("place", "the name of a column"),
			datamap.Personal("args", datamap.PD{Category: "import.value", Whose: datamap.Contacts, Purposes: []string{"mailing"},
				Basis: "GDPR 5(1)(d), 6(1)(f): who brought the file puts it right", Retention: "import_file", Erasure: datamap.Keep, Export: datamap.NoExport, Key: datamap.Clear,
				Why: "limits and counts, and a value that is none of an attribute's choices: of no person, and no longer than the file that says it"})}},
		{Store: datamap.Main, Name: "import_waiting", Account: true, Columns: []datamap.Column{
			none("account_id", "the account"), none("import_id", "the import"),
			datamap.Personal("contact_id", datamap.PD{Category: "pseudonym", Whose: datamap.Contacts, Purposes: []string{"accountability"},
				Basis: "GDPR 6(1)(f), 7(1): proof is being looked for", Retention: "waiting", Erasure: datamap.Delete, Export: datamap.Access,
				ExportName: "import.waiting", Key: datamap.Clear}),
			none("line", "a line of the file"), none("lacks", "one of a few words"), none("made", "whether the contact came with the import, and whether the row has proof of its own"),
			datamap.Personal("sealed", datamap.PD{Category: "contact.attributes", Whose: datamap.Contacts, Purposes: []string{"accountability"},
				Basis: "GDPR 6(1)(f), 7(1): proof is being looked for", Retention: "waiting", Erasure: datamap.Delete, Export: datamap.Access,
				ExportName: "import.waiting.values", Key: datamap.SubjectKey})}},
		{Store: datamap.Main, Name: "evidence_file", Account: true, Few: true, Columns: []datamap.Column{
			none("account_id", "the account"), none("id", "an id we assign"), none("import_id", "the import"), none("blob_id", "where the file lies"),
			title("name", "the name a member gave a file of evidence; proofs name the file by it"), none("type", "kind of file"), none("size", "of the file"),
			none("sha256", "of a file of many people"), member("made_by", "who brought the evidence stays provable"), none("made_at", "when it came"),
			none("ends_at", "when the file is destroyed"), none("entry_id", "the entry in the trace")}},
	}
}
