// SPDX-License-Identifier: AGPL-3.0-or-later

package apikey

import "consend/internal/ground/datamap"

// Data is the room's part of the data map. A key belongs to a program, not to a person.
func Data() []datamap.Table {
	none := datamap.None
	return []datamap.Table{{Store: datamap.Main, Name: "apikey", Account: true, Few: true, Columns: []datamap.Column{
		none("account_id", "the account"), none("id", "an id we assign"), none("hash", "a hash of a random key"),
		none("tail", "four random characters"), none("name", "what the program is called"), none("origin", "one of a few words"),
		none("basis", "one of a few words"), none("made_by", "an id we assign"), none("made_at", "when it was made"),
		none("used_at", "when a program last used it"), none("revoked_at", "when it was revoked"),
	}}}
}
