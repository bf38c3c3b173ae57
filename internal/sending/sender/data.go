// SPDX-License-Identifier: AGPL-3.0-or-later

package sender

import "consend/internal/ground/datamap"

// Data is the room's part of the data map.
func Data() []datamap.Table {
	none := datamap.None
	own := func(name, category string) datamap.Column {
		return datamap.Personal(name, datamap.PD{Category: category, Whose: datamap.Members, Purposes: []string{"account"}, Basis: "GDPR 6(1)(f)",
			Retention: "retention.trace_staff", Erasure: datamap.Null, Export: datamap.Access, ExportName: "sender." + name, Key: datamap.Clear})
	}
	return []datamap.Table{
		{Store: datamap.Main, Name: "sender", Account: true, Few: true, Columns: []datamap.Column{
			none("account_id", "the account"), none("id", "an id we assign"), own("name", "sender.name"), own("email", "sender.email"),
			own("email_norm", "sender.email"), own("reply_to", "sender.email"), none("version", "counts changes"),
			none("made_at", "when it was made"), none("retired_at", "when it was taken out of use")}},
		{Store: datamap.Main, Name: "sender_domain", Account: true, Few: true, Columns: []datamap.Column{
			none("account_id", "the account"), none("id", "an id we assign"), none("name", "a domain of the account"), none("selector", "derived from a public key"),
			none("key_ct", "a signing key of the account, sealed"), none("record", "a public key"), none("made_at", "when it was made"),
			none("checked_at", "when DNS was asked"), none("found_at", "when the record was seen"), none("retired_at", "when it was taken out of use")}},
	}
}
