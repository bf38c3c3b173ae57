// SPDX-License-Identifier: AGPL-3.0-or-later

package notice

import "consend/internal/ground/datamap"

// Data is the room's part of the data map.
func Data() []datamap.Table {
	none := datamap.None
	// A note names the person who answers data questions, as the law asks; it is published.
	names := func(name string) datamap.Column {
		return datamap.Personal(name, datamap.PD{Category: "member.contact", Whose: datamap.Members, Purposes: []string{"information"},
			Basis: "GDPR 6(1)(c), 13(1)(b)", Retention: "proof", Erasure: datamap.Keep, Export: datamap.Access, ExportName: "notice." + name,
			Key: datamap.Clear, Why: "what people were told, and whom they could ask, is part of each consent (GDPR 7(1))"})
	}
	return []datamap.Table{
		{Store: datamap.Main, Name: "notice", Account: true, Few: true, Columns: []datamap.Column{
			none("account_id", "the account"), none("id", "an id we assign"), none("name", "the account's own name for it"), names("draft"),
			none("version", "count of edits"), none("current_id", "the newest version"), none("created_at", "when it was made"),
			none("updated_at", "when it was edited"), none("retired_at", "when it was put away")}},
		{Store: datamap.Main, Name: "notice_version", Account: true, AppendOnly: true, Few: true, Columns: []datamap.Column{
			none("account_id", "the account"), none("id", "an id we assign"), none("notice_id", "the note"), none("number", "which version"),
			names("content"), none("published_at", "when it was published"), none("entry_id", "the entry in the trace")}},
		{Store: datamap.Main, Name: "notice_text", Account: true, AppendOnly: true, Few: true, Columns: []datamap.Column{
			none("account_id", "the account"), none("version_id", "the version"), none("language", "its language"), names("short"), names("body"),
			none("sha256", "hash of words shown to all")}},
	}
}
