// SPDX-License-Identifier: AGPL-3.0-or-later

package keys

import "consend/internal/ground/datamap"

// Data is the room's part of the data map. Keys single out nobody by themselves; what
// they open does, and stands on the map where it lies.
func Data() []datamap.Table {
	none := datamap.None
	return []datamap.Table{
		{Store: datamap.Keys, Name: "key_account", Few: true, Columns: []datamap.Column{
			none("account_id", "the account"), none("keyset", "a key, sealed by the root"),
			none("secret", "a key, sealed by the root"), none("made_at", "when it was made")}},
		{Store: datamap.Keys, Name: "key_secret", Few: true, Columns: []datamap.Column{
			none("name", "what the secret is for"), none("sealed", "a key, sealed by the root"), none("made_at", "when it was made")}},
		{Store: datamap.Keys, Name: "key_sheet", Account: true, Few: true, Columns: []datamap.Column{
			none("account_id", "the account"), none("sheet", "a random number"),
			none("slots", "256 random keys, sealed by the account"), none("made_at", "when it was made"),
			none("swept_at", "when keys that nobody named were destroyed")}},
	}
}
