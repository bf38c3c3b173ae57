// SPDX-License-Identifier: AGPL-3.0-or-later

package trace

import "consend/internal/ground/datamap"

// Data is the room's part of the data map.
func Data() []datamap.Table {
	none := datamap.None
	copies := func(s datamap.Store) datamap.Table {
		return datamap.Table{Store: s, Name: "checkpoint_copy", Few: true, Columns: []datamap.Column{
			none("day", "days since 1970"), none("size", "entries sealed"), none("note", "a signed root"), none("next_id", "how far the ids had come")}}
	}
	restored := func(s datamap.Store) []datamap.Table {
		return []datamap.Table{
			{Store: s, Name: "trace_restore", AppendOnly: true, Columns: []datamap.Column{none("at", "when a restore was accepted"), none("note", "a signed record of two roots")}},
			{Store: s, Name: "checkpoint_lost", AppendOnly: true, Columns: []datamap.Column{none("at", "when a restore was accepted"),
				none("day", "days since 1970"), none("size", "entries sealed"), none("note", "a signed root that main did not go on from")}}}
	}
	pseudonym := func(name string, whose datamap.Whose, category string) datamap.Column {
		return datamap.Personal(name, datamap.PD{Category: category, Whose: whose, Purposes: []string{"accountability"},
			Basis: "GDPR 6(1)(c), 5(2)", Retention: "retention.trace", Erasure: datamap.Keep,
			Export: datamap.Access, ExportName: "trace." + name, Key: datamap.Clear,
			Why: "who did what stays provable; after an erasure the number leads to nobody"})
	}
	return append(append(restored(datamap.Keys), restored(datamap.Archive)...), []datamap.Table{
		{Store: datamap.Main, Name: "trace_entry", Account: true, AppendOnly: true, Columns: []datamap.Column{
			none("account_id", "the account"), none("id", "an id we assign"), none("at", "when it happened"),
			none("action", "one of a few words"),
			none("actor", "the kind of actor"), pseudonym("actor_id", datamap.Members, "pseudonym"),
			none("object", "the kind of thing"), pseudonym("object_id", datamap.Contacts, "pseudonym"),
			pseudonym("contact_id", datamap.Contacts, "pseudonym"),
			pseudonym("clear", datamap.Contacts, "trace.act"),
			datamap.Personal("private", datamap.PD{Category: "trace.commitments", Whose: datamap.Contacts, Purposes: []string{"accountability"},
				Basis: "GDPR 6(1)(c), 5(2), 7(1)", Retention: "retention.trace", Erasure: datamap.Keep, Export: datamap.NoExport,
				Why: "commitments; they reveal nothing once the person's salt is gone", Key: datamap.Commitment}),
			datamap.Personal("c2", datamap.PD{Category: "trace.commitments", Whose: datamap.Contacts, Purposes: []string{"accountability"},
				Basis: "GDPR 6(1)(c), 5(2), 7(1)", Retention: "retention.trace", Erasure: datamap.Keep, Export: datamap.NoExport,
				Why: "a commitment; it reveals nothing once the person's salt is gone", Key: datamap.Commitment}),
			datamap.Personal("sealed", datamap.PD{Category: "trace.values", Whose: datamap.Contacts, Purposes: []string{"accountability"},
				Basis: "GDPR 6(1)(c), 5(2), 7(1)", Retention: "retention.trace", Erasure: datamap.Shred, Export: datamap.Access,
				ExportName: "trace.values", Key: datamap.SubjectKey})}},
		{Store: datamap.Main, Name: "trace_pending", Account: true, Few: true, Columns: []datamap.Column{
			none("account_id", "the account"), none("entry_id", "an id we assign"), none("at", "when it happened"), none("leaf", "a salted hash")}},
		{Store: datamap.Main, Name: "trace_leaf", Account: true, AppendOnly: true, Columns: []datamap.Column{
			none("account_id", "the account"), none("entry_id", "an id we assign"), none("leaf_index", "position in the log"), none("at", "when it was sealed")}},
		{Store: datamap.Main, Name: "trace_members", Account: true, AppendOnly: true, Columns: []datamap.Column{
			none("account_id", "the account"), none("entry_id", "an id we assign"), none("n", "how many members"), none("leaves", "salted hashes"),
			none("names", "names of fields"),
			datamap.Personal("kept", datamap.PD{Category: "trace.commitments", Whose: datamap.Contacts, Purposes: []string{"accountability"},
				Basis: "GDPR 6(1)(c), 5(2), 7(1)", Retention: "retention.trace", Erasure: datamap.Keep, Export: datamap.NoExport,
				Why: "commitments; they reveal nothing once the persons' salts are gone", Key: datamap.Commitment})}},
		{Store: datamap.Main, Name: "trace_tile", Columns: []datamap.Column{
			none("level", "height in the tree"), none("n", "position"), none("hashes", "hashes of salted hashes")}},
		{Store: datamap.Main, Name: "trace_head", Few: true, Columns: []datamap.Column{
			none("id", "always 1"), none("size", "entries sealed"), none("root", "root of the tree"), none("at", "when it was sealed")}},
		{Store: datamap.Main, Name: "trace_checkpoint", Few: true, Columns: []datamap.Column{
			none("hour", "hours since 1970"), none("size", "entries sealed"), none("note", "a signed root")}},
		copies(datamap.Keys), copies(datamap.Archive),
	}...)
}
