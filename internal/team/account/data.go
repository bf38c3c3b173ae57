// SPDX-License-Identifier: AGPL-3.0-or-later

package account

import "consend/internal/ground/datamap"

// Data is the room's part of the data map. A shop of one person bears that person's name:
// so the name and address of an account count as personal.
func Data() []datamap.Table {
	none := datamap.None
	firm := func(name, category, why string) datamap.Column {
		return datamap.Personal(name, datamap.PD{Category: category, Whose: datamap.Members, Purposes: []string{"account"},
			Basis: "GDPR 6(1)(b)", Retention: "retention.customer", Erasure: datamap.Keep, Export: datamap.Access,
			ExportName: "account." + name, Why: why, Key: datamap.Clear})
	}
	const sender = "every mail names its sender (LCEN 20, GDPR 13); it ends with the account"
	return []datamap.Table{{Store: datamap.Main, Name: "account", Account: true, Few: true, Columns: []datamap.Column{
		none("account_id", "an id we assign"), none("kind", "one of a few words"),
		firm("name", "account.name", sender), firm("postal", "account.postal", sender),
		none("country", "a country"), none("rules", "a country whose law applies"), none("language", "a language"),
		none("zone", "a time zone"), none("colour", "a colour"),
		firm("data_name", "account.contact", "named in the privacy note (GDPR 13(1)(a), (b)); changed in the settings"),
		firm("data_email", "account.contact", "named in the privacy note (GDPR 13(1)(a), (b)); changed in the settings"),
		none("sending", "one of a few words"), none("made_at", "when the account was made"),
		none("suspended_at", "when it was suspended"), none("suspended_why", "the key of a reason"),
	}}}
}
