// SPDX-License-Identifier: AGPL-3.0-or-later

package member

import "consend/internal/ground/datamap"

// Data is the room's part of the data map.
func Data() []datamap.Table {
	none := datamap.None
	own := func(name, category string) datamap.Column {
		return datamap.Personal(name, datamap.PD{Category: category, Whose: datamap.Members, Purposes: []string{"account"},
			Basis: "GDPR 6(1)(b), 6(1)(f)", Retention: "retention.trace_staff", Erasure: datamap.Null, Export: datamap.Access,
			ExportName: "member." + name, Key: datamap.Clear})
	}
	return []datamap.Table{{Store: datamap.Main, Name: "member", Account: true, Few: true, Columns: []datamap.Column{
		none("account_id", "the account"), none("id", "an id we assign"), none("login_id", "an id we assign"),
		own("state", "member.state"), own("role", "member.role"), own("email", "member.email"), own("email_norm", "member.email"),
		own("name", "member.name"), own("language", "member.preference"), own("theme", "member.preference"),
		datamap.Personal("salt", datamap.PD{Category: "trace.salt", Whose: datamap.Members, Purposes: []string{"accountability"},
			Basis: "GDPR 6(1)(c), 5(2)", Retention: "retention.trace_staff", Erasure: datamap.Null, Export: datamap.NoExport,
			Why: "random; opens the person's commitments in the trace", Key: datamap.Clear}),
		none("invited_by", "an id we assign"), none("made_at", "when the row was made"), own("joined_at", "member.activity"),
		own("seen_at", "member.activity"), own("left_at", "member.activity"),
	}}}
}
