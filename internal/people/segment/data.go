// SPDX-License-Identifier: AGPL-3.0-or-later

package segment

import "consend/internal/ground/datamap"

// Data is the room's part of the data map: a description says what holds, never for whom.
func Data() []datamap.Table {
	none := datamap.None
	return []datamap.Table{
		{Store: datamap.Main, Name: "segment", Account: true, Few: true, Columns: []datamap.Column{
			none("account_id", "the account"), none("id", "an id we assign"), none("name", "the account's word for a group"),
			none("folded", "the name folded, to find it"), none("definition", "conditions over kinds of information, for everybody"),
			none("version", "counts changes"), none("created_at", "when it was made"), none("updated_at", "when it was changed"),
			none("retired_at", "when it was retired"), none("entry_id", "the entry in the trace")}},
	}
}
