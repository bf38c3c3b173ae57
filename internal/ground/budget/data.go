// SPDX-License-Identifier: AGPL-3.0-or-later

package budget

import "consend/internal/ground/datamap"

// Data is the room's part of the data map.
func Data() []datamap.Table {
	none := datamap.None
	return []datamap.Table{{Store: datamap.Main, Name: "budget", Columns: []datamap.Column{
		datamap.Personal("hash", datamap.PD{Category: "network.attempt", Whose: datamap.Visitors, Purposes: []string{"security"},
			Basis: "GDPR 6(1)(f), 32", Retention: "retention.trace", Erasure: datamap.Delete, Export: datamap.NoExport,
			Why: "a keyed hash of address or network; swept after a day", Key: datamap.Hashed}),
		none("minute", "minutes since 1970"), none("part", "a number"), none("spent", "a count")}}}
}
