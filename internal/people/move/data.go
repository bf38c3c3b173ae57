// SPDX-License-Identifier: AGPL-3.0-or-later

package move

import "consend/internal/ground/datamap"

// Data is the room's part of the data map.
func Data() []datamap.Table {
	none := datamap.None
	pd := func(name, category string, export datamap.Export, why string, key datamap.Key) datamap.Column {
		p := datamap.PD{Category: category, Whose: datamap.Contacts, Purposes: []string{"mailing", "accountability"}, Basis: "GDPR 5(1)(d), 16",
			Retention: "prospect", Erasure: datamap.Delete, Export: export, Why: why, Key: key}
		if export != datamap.NoExport {
			p.ExportName = "address_change." + name
		}
		return datamap.Personal(name, p)
	}
	mine := func(name, category string) datamap.Column {
		return pd(name, category, datamap.Access, "", datamap.Clear)
	}
	return []datamap.Table{{Store: datamap.Main, Name: "address_change", Account: true, Columns: []datamap.Column{
		none("account_id", "the account"), none("id", "an id we assign"),
		mine("contact_id", "pseudonym"), mine("address", "contact.email"),
		pd("address_norm", "contact.email", datamap.NoExport, "the address again, folded; address gives it", datamap.Clear),
		pd("fp", "contact.fingerprint", datamap.NoExport, "a keyed hash of the address; address gives it", datamap.Hashed),
		mine("state", "contact.state"), mine("why", "contact.state"), mine("old_said_at", "consent.moment"), mine("new_said_at", "consent.moment"),
		mine("asked_at", "consent.moment"), none("ends_at", "a term"), mine("ended_at", "consent.moment"),
		none("asker_kind", "the kind of actor"),
		datamap.Personal("asker_id", datamap.PD{Category: "pseudonym", Whose: datamap.Members, Purposes: []string{"accountability"},
			Basis: "GDPR 5(2)", Retention: "prospect", Erasure: datamap.Keep, Export: datamap.Access, ExportName: "address_change.asker",
			Key: datamap.Clear, Why: "who asked for it stays known as long as the change is"}),
		none("entry_id", "the entry in the trace")}}}
}
