// SPDX-License-Identifier: AGPL-3.0-or-later

package list

import "consend/internal/ground/datamap"

// Data is the room's part of the data map: a list says what is written, never to whom.
func Data() []datamap.Table {
	none := datamap.None
	return []datamap.Table{
		{Store: datamap.Main, Name: "purpose", Account: true, Few: true, Columns: []datamap.Column{
			none("account_id", "the account"), none("id", "an id we assign"), none("name", "what the account writes for"),
			none("folded", "the name folded, to find it"), none("public", "what people will get, in words for all"),
			none("family", "a family of products"), none("service", "whether it is needed for a contract"), none("created_at", "when it was made"), none("retired_at", "when it was retired"),
			none("entry_id", "the entry in the trace")}},
		{Store: datamap.Main, Name: "list", Account: true, Few: true, Columns: []datamap.Column{
			none("account_id", "the account"), none("id", "an id we assign"), none("purpose_id", "the purpose"),
			none("kind", "one of two words"), none("name", "what is written about"), none("folded", "the name folded, to find it"),
			none("public", "what people will get, in words for all"), none("position", "order on pages"), none("folder", "how members sort lists"),
			none("offered", "whether pages for people show it"), none("measures", "one of two words"), none("attribute_id", "an id we assign"),
			none("created_at", "when it was made"), none("retired_at", "when it was retired"), none("entry_id", "the entry in the trace")}},
	}
}
