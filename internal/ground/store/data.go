// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import "consend/internal/ground/datamap"

// Data is the store's own part of the data map, and that of the library that migrates.
func Data() []datamap.Table {
	var out []datamap.Table
	for _, s := range []datamap.Store{datamap.Main, datamap.Keys, datamap.Archive} {
		out = append(out,
			datamap.Table{Store: s, Name: "store", Few: true, Columns: []datamap.Column{
				datamap.None("kind", "which of the three stores it is"),
				datamap.None("id", "a random number of the store"),
				datamap.None("installation", "a random number of the installation"),
			}},
			datamap.Table{Store: s, Name: "counter", Few: true, Columns: []datamap.Column{
				datamap.None("name", "the counter's name"),
				datamap.None("next", "the next id nobody has"),
			}},
			datamap.Table{Store: s, Name: "goose_db_version", Foreign: true, Columns: []datamap.Column{
				datamap.None("id", "order of migrations"),
				datamap.None("version_id", "number of a migration"),
				datamap.None("is_applied", "whether it ran"),
				datamap.None("tstamp", "when it ran"),
			}},
		)
	}
	return append(out, datamap.Table{Store: datamap.Main, Name: "fact", Account: true, Columns: []datamap.Column{
		datamap.None("account_id", "the account"),
		datamap.None("id", "an id we assign"),
		datamap.None("kind", "what happened, one of a few words"),
		datamap.None("ref", "the id of what it happened to"),
		datamap.None("at", "when it was posted"),
	}})
}
