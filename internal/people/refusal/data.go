// SPDX-License-Identifier: AGPL-3.0-or-later

package refusal

import "consend/internal/ground/datamap"

// Data is the room's part of the data map.
func Data() []datamap.Table {
	none := datamap.None
	no := func(name, category string, key datamap.Key, export datamap.Export) datamap.Column {
		d := datamap.PD{Category: category, Whose: datamap.Contacts, Purposes: []string{"suppression"}, Basis: "GDPR 17, 21(3), 32(1)(c), 6(1)(c)",
			Retention: "suppression", Erasure: datamap.Keep, Export: export, Key: key,
			Why: "so that a restored backup does not revive what somebody refused; of the address a keyed hash is kept, or the hash that another tool made of it"}
		if export != datamap.NoExport {
			d.ExportName = "refusal." + name
		}
		return datamap.Personal(name, d)
	}
	table := func(s datamap.Store, name string) datamap.Table {
		return datamap.Table{Store: s, Name: name, Account: true, AppendOnly: s == datamap.Keys, Few: s == datamap.Main, Columns: []datamap.Column{
			none("account_id", "the account"), none("id", "an id we assign"), no("at", "suppression.moment", datamap.Clear, datamap.Access), none("entry_id", "the entry in the trace"),
			no("fp", "contact.fingerprint", datamap.Hashed, datamap.NoExport), no("kind", "suppression.reason", datamap.Clear, datamap.Access),
			no("scope", "suppression.scope", datamap.Clear, datamap.Access), no("scope_id", "suppression.scope", datamap.Clear, datamap.Access),
			no("contact_id", "pseudonym", datamap.Clear, datamap.Access)}}
	}
	return []datamap.Table{table(datamap.Main, "refusal_out"), table(datamap.Keys, "refusal"),
		{Store: datamap.Keys, Name: "refusal_due", Account: true, Columns: []datamap.Column{
			none("account_id", "the account"), none("id", "a line that the file outside lacks")}},
		{Store: datamap.Keys, Name: "refusal_replayed", Account: true, AppendOnly: true, Columns: []datamap.Column{
			none("account_id", "the account"), none("id", "a line that a restore let hold again")}}}
}
