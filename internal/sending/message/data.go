// SPDX-License-Identifier: AGPL-3.0-or-later

package message

import "consend/internal/ground/datamap"

// Data is the room's part of the data map.
func Data() []datamap.Table {
	none := datamap.None
	who := func(name string, whose datamap.Whose) datamap.Column {
		return datamap.Personal(name, datamap.PD{Category: "pseudonym", Whose: whose, Purposes: []string{"service_mail"}, Basis: "GDPR 6(1)(b), 6(1)(c)",
			Retention: "message_log", Erasure: datamap.Delete, Export: datamap.Access, ExportName: "service_mail." + name, Key: datamap.Clear})
	}
	return []datamap.Table{{Store: datamap.Main, Name: "message", Account: true, Columns: []datamap.Column{
		none("account_id", "the account"), none("id", "an id we assign"), none("kind", "one of a few words"), none("ref", "an id we assign"),
		none("class", "one of a few words"), who("contact_id", datamap.Contacts), who("signup_id", datamap.Contacts), who("member_id", datamap.Members),
		none("state", "one of a few words"), none("reason", "one of a few words"), none("tries", "a count"), none("doubts", "a count"),
		none("next_at", "when it is tried"), none("claim", "an id we assign"), none("relay_id", "an id we assign"), none("permit_id", "an id we assign"),
		none("stage", "one of a few words"), none("reply", "a number of a server's answer, without its words"),
		none("made_at", "when it was made"), none("ended_at", "when it ended"),
	}}}
}
