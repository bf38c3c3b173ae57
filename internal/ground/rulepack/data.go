// SPDX-License-Identifier: AGPL-3.0-or-later

package rulepack

import "consend/internal/ground/datamap"

// Data is the room's part of the data map.
func Data() []datamap.Table {
	none := datamap.None
	member := func(name, category string) datamap.Column {
		return datamap.Personal(name, datamap.PD{Category: category, Whose: datamap.Members, Purposes: []string{"accountability"},
			Basis: "GDPR 6(1)(c), 5(2), 24", Retention: "retention.trace", Erasure: datamap.Keep, Export: datamap.Access, ExportName: "rule." + name, Key: datamap.Clear,
			Why: "who decided how strict a rule is, and why, stays provable"})
	}
	columns := []datamap.Column{none("seq", "a number that counts decisions"), none("at", "when it was decided"), none("valid_from", "when it begins to hold"),
		none("rule", "the name of a rule"), none("value", "a value of the rule"), member("reason", "free_text"),
		none("by_kind", "the kind of actor"), member("by_id", "pseudonym"), none("by_name", "a part of the house, such as a command")}
	return []datamap.Table{
		{Store: datamap.Main, Name: "rulepack_decision", AppendOnly: true, Few: true, Columns: columns},
		{Store: datamap.Main, Name: "rulepack_choice", Account: true, AppendOnly: true, Few: true, Columns: append([]datamap.Column{none("account_id", "the account")}, columns...)},
	}
}
