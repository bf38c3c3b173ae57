// SPDX-License-Identifier: AGPL-3.0-or-later

package relay

import "consend/internal/ground/datamap"

// Data is the room's part of the data map.
func Data() []datamap.Table {
	none := datamap.None
	who := func(name string, whose datamap.Whose) datamap.Column {
		return datamap.Personal(name, datamap.PD{Category: "pseudonym", Whose: whose, Purposes: []string{"trying_out"}, Basis: "GDPR 6(1)(f)",
			Retention: "preview", Erasure: datamap.Delete, Export: datamap.Access, ExportName: "mailbox." + name, Key: datamap.Clear})
	}
	words := func(name string) datamap.Column {
		return datamap.Personal(name, datamap.PD{Category: "message", Whose: datamap.Contacts, Purposes: []string{"trying_out"}, Basis: "GDPR 6(1)(f)",
			Retention: "preview", Erasure: datamap.Delete, Export: datamap.Access, ExportName: "mailbox.message", Key: datamap.AccountKey})
	}
	return []datamap.Table{
		{Store: datamap.Main, Name: "relay", Few: true, Columns: []datamap.Column{
			none("id", "an id we assign"), none("owner_id", "the account, or 0"), none("kind", "one of a few words"), none("name", "name of a service"),
			none("addr", "a server's address"), none("tls", "one of a few words"), none("login", "a login of the account at a service"),
			none("password_ct", "a password of the account at a service, sealed"), none("processor_id", "an id we assign"), none("rate", "a limit"),
			none("lanes", "a limit"), none("standard_at", "when it was chosen"), none("retired_at", "when it was taken out of use"),
			none("version", "counts changes"), none("made_at", "when it was made")}},
		{Store: datamap.Main, Name: "relay_choice", Account: true, Few: true, Columns: []datamap.Column{
			none("account_id", "the account"), none("relay_id", "an id we assign"), none("at", "when it was chosen")}},
		{Store: datamap.Main, Name: "relay_rate", Few: true, Columns: []datamap.Column{
			none("relay_id", "an id we assign"), none("second", "seconds since 1970"), none("used", "a count")}},
		{Store: datamap.Main, Name: "mailbox_message", Account: true, Few: true, Columns: []datamap.Column{
			none("account_id", "the account"), none("id", "an id we assign"), none("at", "when it was caught"), none("class", "one of a few words"),
			who("contact_id", datamap.Contacts), who("signup_id", datamap.Contacts), who("member_id", datamap.Members),
			none("permit_id", "an id we assign"), none("size", "bytes"), words("head_ct"), words("raw_ct")}},
	}
}
