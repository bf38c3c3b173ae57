// SPDX-License-Identifier: AGPL-3.0-or-later

package form

import "consend/internal/ground/datamap"

// Data is the room's part of the data map.
func Data() []datamap.Table {
	none := datamap.None
	asked := func(name, category string) datamap.Column {
		return datamap.Personal(name, datamap.PD{Category: category, Whose: datamap.Visitors, Purposes: []string{"sign-up"},
			Basis: "GDPR 6(1)(a), 7(1)", Retention: "signup", Erasure: datamap.Delete, Export: datamap.Access, ExportName: "signup." + name, Key: datamap.Clear})
	}
	return []datamap.Table{
		{Store: datamap.Main, Name: "form", Account: true, Few: true, Columns: []datamap.Column{
			none("account_id", "the account"), none("id", "an id we assign"), none("name", "the account's own name for it"), none("slug", "its address"),
			none("draft", "words shown to all"), none("version", "count of edits"), none("current_id", "the version served"),
			none("closed_at", "when it was closed"), none("created_at", "when it was made"), none("updated_at", "when it was edited"),
			none("retired_at", "when it was put away")}},
		{Store: datamap.Main, Name: "form_slug", Few: true, Columns: []datamap.Column{
			none("slug", "an address of a form"), none("account_id", "the account"), none("form_id", "the form")}},
		{Store: datamap.Main, Name: "form_version", Account: true, AppendOnly: true, Few: true, Columns: []datamap.Column{
			none("account_id", "the account"), none("id", "an id we assign"), none("form_id", "the form"), none("number", "which version"),
			none("definition", "words shown to all"), none("sha256", "hash of words shown to all"), none("notice_version_id", "the privacy note it shows"),
			none("rules", "what the linter said"), none("published_at", "when it was published"), none("entry_id", "the entry in the trace")}},
		{Store: datamap.Main, Name: "form_page", Account: true, AppendOnly: true, Few: true, Columns: []datamap.Column{
			none("account_id", "the account"), none("version_id", "the version"), none("language", "its language"),
			none("html", "words shown to all"), none("sha256", "hash of words shown to all")}},
		{Store: datamap.Main, Name: "form_style", Account: true, AppendOnly: true, Few: true, Columns: []datamap.Column{
			none("account_id", "the account"), none("sha256", "hash of a style sheet"), none("css", "a style sheet of public pages")}},
		{Store: datamap.Main, Name: "form_look", Account: true, AppendOnly: true, Few: true, Columns: []datamap.Column{
			none("account_id", "the account"), none("version_id", "the version"), none("since", "from when it looked so"), none("sha256", "hash of the style sheet")}},
		{Store: datamap.Main, Name: "signup", Account: true, Columns: []datamap.Column{
			none("account_id", "the account"), none("id", "an id we assign"), none("form_id", "the form"), none("version_id", "the form as shown"),
			asked("contact_id", "pseudonym"), asked("state", "consent.state"), asked("language", "contact.language"), asked("choices", "consent.list"),
			datamap.Personal("answers", datamap.PD{Category: "contact.attributes", Whose: datamap.Visitors, Purposes: []string{"sign-up"},
				Basis: "GDPR 6(1)(a)", Retention: "signup", Erasure: datamap.Shred, Export: datamap.Access, ExportName: "signup.answers", Key: datamap.SubjectKey}),
			asked("requested_at", "consent.moment"), asked("asked_at", "consent.moment"), none("asked", "how many mails"),
			asked("ended_at", "consent.moment"), asked("hasty", "consent.source"), none("remind_at", "when the reminder is due")}},
		{Store: datamap.Main, Name: "mailbox_shut", Columns: []datamap.Column{
			datamap.Personal("fp", datamap.PD{Category: "contact.fingerprint", Whose: datamap.Visitors, Purposes: []string{"suppression"},
				Basis: "GDPR 21, 6(1)(f)", Retention: "suppression", Erasure: datamap.Keep, Export: datamap.NoExport,
				Why: "so that nobody here sends confirmation mails to a mailbox that was flooded; a keyed hash that reads as nothing", Key: datamap.Hashed}),
			none("said", "how often"), none("said_at", "when it was said"), none("shut_at", "since when")}},
		{Store: datamap.Main, Name: "confirm_block", Account: true, Columns: []datamap.Column{
			none("account_id", "the account"),
			datamap.Personal("fp", datamap.PD{Category: "contact.fingerprint", Whose: datamap.Visitors, Purposes: []string{"suppression"},
				Basis: "GDPR 21, 6(1)(f)", Retention: "suppression", Erasure: datamap.Keep, Export: datamap.NoExport,
				Why: "so that somebody who said 'not me' is never asked again; a keyed hash that reads as nothing", Key: datamap.Hashed}),
			none("since", "when it was said")}},
		{Store: datamap.Main, Name: "form_count", Account: true, Few: true, Columns: []datamap.Column{
			none("account_id", "the account"), none("form_id", "the form"), none("day", "the day"), none("kind", "what was counted"),
			none("detail", "the private address of a machine in front of ours, of no person"), none("n", "how many")}},
	}
}
