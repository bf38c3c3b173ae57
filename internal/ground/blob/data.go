// SPDX-License-Identifier: AGPL-3.0-or-later

package blob

import "consend/internal/ground/datamap"

// Data is the room's part of the data map.
func Data() []datamap.Table {
	none := datamap.None
	return []datamap.Table{
		{Store: datamap.Main, Name: "blob", Account: true, Columns: []datamap.Column{
			none("account_id", "the account"), none("id", "an id we assign"), none("owner", "the kind of thing it belongs to"),
			none("owner_id", "an id we assign"), none("type", "a content type"), none("size", "bytes"), none("sha256", "a fingerprint of the file"),
			none("made_at", "when it was stored"), none("ends_at", "when it goes")}},
		{Store: datamap.Main, Name: "blob_chunk", Account: true, Columns: []datamap.Column{
			none("account_id", "the account"), none("blob_id", "an id we assign"), none("n", "number of the piece"),
			datamap.Personal("data", datamap.PD{Category: "file", Whose: datamap.Contacts, Purposes: []string{"service", "accountability"},
				Basis: "GDPR 6(1)(b), 7(1)", Retention: "retention.export", Erasure: datamap.Delete, Export: datamap.Indirect,
				ExportName: "files", Key: datamap.AccountKey, Why: "the owner's own record tells what the file is; it goes with its owner or at its end"})}},
	}
}
